"""Readings in SI units, and how they are grouped."""

from typing import Any

import pytest

from contracts.topics import SAMPLE_LIMIT
from list_log import Log, ms, ts

REGISTER = "Energy.Active.Import.Register"


def read(log: Log, sampled: Any, at: float = 10, **payload: Any) -> list[dict[str, Any]]:
    """The samples of a 1.6 MeterValues with these readings."""
    before = len(log.all("samples"))
    meter_value = [{"timestamp": ts(at), "sampledValue": sampled}]
    log.call(at, "MeterValues", {"connectorId": 1, "meterValue": meter_value, **payload})
    return log.all("samples")[before:]


def one(log: Log, **sampled: Any) -> tuple[float, str]:
    """(value, unit) of a single reading."""
    (sample,) = read(log, [sampled])
    (reading,) = sample["readings"]
    return reading["value"], reading["unit"]


def values(log: Log, *sampled: dict[str, Any]) -> dict[str, float]:
    (sample,) = read(log, list(sampled))
    found: dict[str, float] = sample["values"]
    return found


def test_what_is_absent_has_its_default(log: Log) -> None:
    (sample,) = read(log, [{"value": "1234.5"}])
    assert sample["readings"] == [
        {"measurand": REGISTER, "value": 1234.5, "unit": "Wh", "location": "Outlet"},
    ]
    assert sample["values"] == {"energy_import_wh": 1234.5}
    assert (sample["context"], sample["at"], sample["evse"], sample["connector"]) == ("Sample.Periodic", ms(10), 1, 1)
    assert (sample["part"], sample["flags"]) == (0, [])


@pytest.mark.parametrize(
    ("measurand", "unit", "value", "expected"),
    [
        (REGISTER, "kWh", "1.5", (1500, "Wh")),
        (REGISTER, "KWH", "1.5", (1500, "Wh")),
        ("Energy.Reactive.Import.Register", "kvarh", "2", (2000, "varh")),
        ("Energy.Apparent.Import", "kVAh", "2", (2000, "VAh")),
        ("Power.Active.Import", "kW", "7.4", (7400, "W")),
        ("Power.Active.Import", None, "7400", (7400, "W")),
        ("Power.Reactive.Import", "kvar", "1", (1000, "var")),
        ("Power.Active.Import", "kVA", "1", (1000, "VA")),
        ("Current.Import", None, "16", (16, "A")),
        ("Voltage", "V", "230.1", (230.1, "V")),
        ("Temperature", "Celsius", "21", (21, "degC")),
        ("Temperature", "Celcius", "21", (21, "degC")),
        ("Temperature", "Fahrenheit", "212", (100, "degC")),
        ("Temperature", "K", "300", (26.85, "degC")),
        ("Temperature", None, "21", (21, "degC")),
        ("SoC", "Percent", "57", (57, "%")),
        ("SoC", None, "57", (57, "%")),
        ("Frequency", "Hz", "49.98", (49.98, "Hz")),
        ("Frequency", "Hertz", "49.98", (49.98, "Hz")),
        ("Power.Factor", None, "0.98", (0.98, "")),
        ("Humidity", "furlongs", "3", (3, "furlongs")),
    ],
)
def test_units(log: Log, measurand: str, unit: str | None, value: str, expected: tuple[float, str]) -> None:
    sampled = {"value": value, "measurand": measurand} | ({} if unit is None else {"unit": unit})
    assert one(log, **sampled) == expected


@pytest.mark.parametrize(("value", "expected"), [(7, 7), (7.25, 7.25), (" 0.0", 0), ("7.50 ", 7.5), ("1e3", 1000)])
def test_numbers_and_padded_texts_count(log: Log, value: object, expected: float) -> None:
    assert one(log, value=value)[0] == expected


@pytest.mark.parametrize("value", ["", "n/a", "NaN", "Infinity", "0x10", None, True, [], "1e999"])
def test_what_is_no_number_is_no_reading(log: Log, value: object) -> None:
    assert read(log, [{"value": value}, {"value": "5", "measurand": "Voltage"}])[0]["values"] == {"voltage_v": 5}


@pytest.mark.parametrize("value", ["1e308", "-1e308", "1.5e100"])
@pytest.mark.parametrize("unit", ["kWh", "Wh"])
def test_nor_is_what_no_sum_can_hold(log: Log, value: str, unit: str) -> None:
    too_large = [{"value": value, "unit": unit, "phase": phase} for phase in ("L1", "L2", "L3")]
    (sample,) = read(log, [*too_large, {"value": "5", "measurand": "Voltage"}])
    assert ([each["measurand"] for each in sample["readings"]], sample["values"]) == (["Voltage"], {"voltage_v": 5})


def test_a_large_number_is_one(log: Log) -> None:
    assert one(log, value="1e90", unit="Wh") == (1e90, "Wh")


@pytest.mark.parametrize(("multiplier", "expected"), [(3, 1500), (-3, 0.0015), (0, 1.5), (99, 1.5), ("x", 1.5)])
def test_2x_has_a_multiplier(log_2x: Log, multiplier: object, expected: float) -> None:
    unit = {"unit": "Wh", "multiplier": multiplier}
    meter_value = [{"timestamp": ts(1), "sampledValue": [{"value": 1.5, "unitOfMeasure": unit}]}]
    log_2x.call(1, "MeterValues", {"evseId": 1, "meterValue": meter_value}, proto="ocpp2.0.1")
    assert log_2x.all("samples")[0]["values"] == {"energy_import_wh": expected}


def test_flat_names_of_phases(log: Log) -> None:
    found = values(
        log,
        *({"value": "16", "measurand": "Current.Import", "phase": phase} for phase in ("L1", "L2", "L3", "N")),
        *({"value": "230", "measurand": "Voltage", "phase": phase} for phase in ("L1-N", "L2-L3")),
    )
    assert found == {
        "current_l1_a": 16,
        "current_l2_a": 16,
        "current_l3_a": 16,
        "current_n_a": 16,
        "voltage_l1_v": 230,
        "voltage_l2_l3_v": 230,
    }


def test_locations_other_than_outlet_and_cable_have_their_own_names(log: Log) -> None:
    found = values(
        log,
        {"value": "1", "measurand": REGISTER, "location": "Inlet"},
        {"value": "2", "measurand": REGISTER, "location": "Cable"},
        {"value": "41", "measurand": "Temperature", "location": "Body"},
    )
    assert found == {"inlet_energy_import_wh": 1, "energy_import_wh": 2, "body_temperature_degc": 41}


def test_of_outlet_and_cable_the_outlet_stands(log: Log) -> None:
    found = values(log, {"value": "2", "location": "Cable"}, {"value": "1", "location": "Outlet"})
    assert found == {"energy_import_wh": 1}


@pytest.mark.parametrize("location", ["Outlet", "Cable", "EV", "Inlet", "Body"])
def test_the_charge_of_the_battery_counts_wherever_it_is_read(log: Log, location: str) -> None:
    log.start(0, 1000)
    said = {"value": "41", "measurand": "SoC", "unit": "Percent", "location": location}
    assert read(log, [said], 60, transactionId=7)[0]["values"] == {"soc_pct": 41}
    log.stop(600, 2000)
    assert (log.session()["soc_from_pct"], log.session()["soc_to_pct"]) == (41, 41)


def test_of_several_places_the_nearest_to_the_station_stands(log: Log) -> None:
    found = [{"value": str(40 + rank), "measurand": "SoC", "location": place} for rank, place in enumerate(_NEAREST)]
    while found:
        assert values(log, *reversed(found)) == {"soc_pct": float(found[0]["value"])}
        found = found[1:]


_NEAREST = ("Outlet", "Cable", "EV", "Inlet")


def test_energy_that_the_car_measures_is_not_what_it_got(log: Log) -> None:
    assert values(log, {"value": "5", "location": "EV"}) == {"ev_energy_import_wh": 5}


def test_a_measurand_in_a_foreign_unit_has_no_flat_name(log: Log) -> None:
    (sample,) = read(log, [{"value": "5", "measurand": REGISTER, "unit": "W"}])
    assert (sample["values"], len(sample["readings"])) == ({}, 1)


def test_one_record_for_each_time_and_context(log: Log) -> None:
    payload = {
        "connectorId": 1,
        "transactionId": 7,
        "meterValue": [
            {"timestamp": ts(60), "sampledValue": [{"value": "2"}, {"value": "3", "context": "Sample.Clock"}]},
            {"timestamp": ts(30), "sampledValue": [{"value": "1"}]},
        ],
    }
    log.call(61, "MeterValues", payload)
    found = [(each["part"], each["at"], each["context"], each["transaction_id"]) for each in log.all("samples")]
    assert found == [
        (0, ms(30), "Sample.Periodic", "7"),
        (1, ms(60), "Sample.Clock", "7"),
        (2, ms(60), "Sample.Periodic", "7"),
    ]


def test_parts_have_no_gaps_where_a_group_holds_signed_data_only(log: Log) -> None:
    payload = {
        "connectorId": 1,
        "meterValue": [
            {"timestamp": ts(30), "sampledValue": [{"value": "AF", "format": "SignedData"}]},
            {"timestamp": ts(60), "sampledValue": [{"value": "1"}]},
        ],
    }
    log.call(61, "MeterValues", payload)
    assert [each["part"] for each in log.all("samples")] == [0]


def test_what_is_too_large_for_a_record_is_several_parts(log: Log) -> None:
    places = [f"P{place}" for place in range(2500)]
    known = [{"value": "1", "measurand": "Temperature", "unit": "Celsius", "location": place} for place in places]
    unknown = [{"value": "2", "measurand": f"Private.{place}", "phase": "L1"} for place in places]
    meter_value = [
        {"timestamp": ts(10), "sampledValue": [*known, *unknown]},
        {"timestamp": ts(20), "sampledValue": [{"value": "3"}]},
    ]
    log.call(30, "MeterValues", {"connectorId": 1, "meterValue": meter_value})
    *parts, last = log.all("samples")
    assert len(parts) > 1
    assert max(len(output.value or b"") for output in log.outputs if output.topic == "ocpp.samples") <= SAMPLE_LIMIT
    assert [each["part"] for each in (*parts, last)] == list(range(len(parts) + 1))
    assert {(each["at"], each["context"]) for each in parts} == {(ms(10), "Sample.Periodic")}
    assert [reading["location"] for part in parts for reading in part["readings"]][:2500] == places
    assert [name for part in parts for name in part["values"]] == [f"p{n}_temperature_degc" for n in range(2500)]
    for part in parts:
        temperatures = [each["location"] for each in part["readings"] if each["measurand"] == "Temperature"]
        assert list(part["values"]) == [f"{place.lower()}_temperature_degc" for place in temperatures]
    assert (last["at"], last["values"]) == (ms(20), {"energy_import_wh": 3})


def test_a_reading_that_fits_no_record_is_a_dead_letter_and_harms_no_other(log: Log) -> None:
    found = read(log, [{"value": "1", "measurand": "M" * SAMPLE_LIMIT}, {"value": "2"}], transactionId=7)
    assert [(each["part"], each["values"]) for each in found] == [(0, {"energy_import_wh": 2})]
    assert [each["code"] for each in log.all("dlq")] == ["too-large"]


def test_a_phase_that_nobody_knows_has_no_flat_name(log: Log) -> None:
    (sample,) = read(
        log, [{"value": "5", "measurand": "Power.Active.Import", "phase": phase} for phase in ("L4", "L1")]
    )
    assert [each["phase"] for each in sample["readings"]] == ["L4", "L1"]
    assert sample["values"] == {"power_import_l1_w": 5}


def test_objects_in_the_place_of_lists(log: Log) -> None:
    log.call(1, "MeterValues", {"connectorId": 1, "meterValue": {"timestamp": ts(1), "sampledValue": {"value": "5"}}})
    assert log.all("samples")[0]["values"] == {"energy_import_wh": 5}


@pytest.mark.parametrize("sampled", [[], None, "x", [None, 5]])
def test_without_readings_there_is_no_sample(log: Log, sampled: object) -> None:
    assert read(log, sampled) == []


def test_a_reading_without_a_plausible_time_takes_its_messages(log: Log) -> None:
    for said in ("1970-01-01T00:00:00Z", "noon", ts(10 + 601), None):
        log.call(
            10, "MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": said, "sampledValue": [{"value": 1}]}]}
        )
        sample = log.all("samples")[-1]
        assert (sample["at"], sample["flags"]) == (ms(10), ["clock-suspect"])


def test_one_identity_with_two_values(log: Log) -> None:
    (sample,) = read(log, [{"value": "5"}, {"value": "7"}, {"value": "6"}])
    assert (sample["values"], sample["flags"]) == ({"energy_import_wh": 7}, ["conflict"])
    (sample,) = read(log, [{"value": "5"}, {"value": "5"}], at=20)
    assert sample["flags"] == []


def test_totals_are_summed_of_phases_where_none_is_given(log: Log) -> None:
    log.start(1, 0)
    (sample,) = read(log, [{"value": "100", "phase": phase} for phase in ("L1", "L2", "L3")], transactionId=7)
    assert sample["flags"] == ["phase-sum"]
    assert "energy_import_wh" not in sample["values"], "nobody reported it"
    log.stop(70, 300)
    assert log.session()["readings"] == 1
    assert log.quarters()["10:00"]["flags"] == ["phase-sum"]
    assert log.quarters()["10:00"]["register_end_wh"] == 300


def test_where_a_total_is_given_phases_are_not_summed(log: Log) -> None:
    (sample,) = read(log, [{"value": "100"}, *({"value": "30", "phase": phase} for phase in ("L1", "L2", "L3"))])
    assert sample["flags"] == []


def test_signed_data_of_1_6_is_no_number(log: Log) -> None:
    assert read(log, [{"value": "1234", "format": "SignedData"}]) == []


def test_signed_data_of_2x_stands_beside_its_number(log_2x: Log) -> None:
    signed = {"signedMeterData": "T0NNRg==", "encodingMethod": "OCMF", "signingMethod": "", "publicKey": "PK"}
    log_2x.event(1, "Started", 0, evse=1)
    log_2x.call(
        60,
        "TransactionEvent",
        {
            "eventType": "Updated",
            "timestamp": ts(60),
            "seqNo": 1,
            "transactionInfo": {"transactionId": "tx-1"},
            "meterValue": [{"timestamp": ts(60), "sampledValue": [{"value": 5, "signedMeterValue": signed}]}],
        },
        proto="ocpp2.0.1",
    )
    assert log_2x.all("samples")[0]["values"] == {"energy_import_wh": 5}
    (kept,) = log_2x.session()["signed"]
    assert kept == {
        "at": ms(60),
        "context": "Sample.Periodic",
        "data": "T0NNRg==",
        "encoding": "OCMF",
        "public_key": "PK",
        "carrier": "signedMeterValue",
    }


def test_where_a_message_names_no_evse_it_is_its_transactions(log: Log) -> None:
    log.start(1, 0, connector=3)
    log.stop(100, 50, data={50: 20})
    assert [each["evse"] for each in log.all("samples")] == [3]


def test_where_nobody_knows_it_is_0(log: Log) -> None:
    log.stop(100, 50, transaction=99, data={50: 20})
    assert [each["evse"] for each in log.all("samples")] == [0]


def test_a_message_of_the_main_meter(log: Log) -> None:
    read(log, [{"value": "5000"}], connectorId=0)
    sample = log.all("samples")[0]
    assert (sample["evse"], sample["connector"]) == (0, 0)
    assert log.quarters(0)["10:00"]["meter"] == "main"
