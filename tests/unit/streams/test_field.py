"""What chargers do: each line of experience with transactions, energy and faults is a test."""

import json
from typing import Any

import pytest

from list_log import Log, meter_value, ms, ts

DAY = 24 * 3600
REGISTER = "Energy.Active.Import.Register"


def passed(log: Log, at: float) -> None:
    """The clock goes on to a time: an outage, and the ticks after it."""
    log.tick(at)
    log.tick(at + 5)


def read(log: Log, at: float, *sampled: dict[str, Any], transaction: int | None = 7) -> None:
    payload: dict[str, Any] = {"connectorId": 1, "meterValue": [{"timestamp": ts(at), "sampledValue": list(sampled)}]}
    log.call(at, "MeterValues", payload | ({} if transaction is None else {"transactionId": transaction}))


# -- transactions


@pytest.mark.parametrize("transaction", [0, -1, -7, 2**63 - 1, 4711])
def test_ids_that_no_reply_gave_count_for_the_session_on_their_connector(log: Log, transaction: int) -> None:
    log.start(0, 1000, transaction=7)
    log.meter(60, 1100, transaction=transaction)
    log.stop(120, 1200, transaction=7)
    session = log.session()
    assert (session["transaction_id"], session["readings"], session["import_wh"]) == ("7", 1, 200)


@pytest.mark.parametrize("transaction", [0, -1, -7, 2**63 - 1])
def test_idle_readings_belong_to_no_session(log: Log, transaction: int) -> None:
    log.start(0, 1000)
    log.stop(60, 1100)
    log.meter(120, 1100, transaction=transaction)
    log.start(600, 1100, transaction=8)
    log.meter(660, 1150, transaction=8)
    assert [each["readings"] for each in log.sessions()] == [0, 1]


def test_readings_with_no_id_or_with_0_inside_a_transaction(log: Log) -> None:
    log.start(0, 1000)
    log.meter(60, 1100, transaction=None)
    log.meter(120, 1200, transaction=0)
    log.stop(180, 1300)
    passed(log, 905)
    assert (log.session()["import_wh"], log.quarters()["10:00"]["import_wh"]) == (300, 300)


def test_clock_aligned_readings_without_an_id_do_not_count_twice(log: Log) -> None:
    log.start(0, 1000)
    for at in (300, 600, 900):
        log.meter(at, 1000 + at)
        log.meter(at, 1000 + at, transaction=None, context="Sample.Clock")
    log.stop(1000, 2000)
    passed(log, 1805)
    assert log.session()["import_wh"] == 1000
    assert [each["import_wh"] for each in log.quarters().values()] == [900, 100]


@pytest.mark.parametrize("times", [(0, 30, 60), (0, 0, 0)])
def test_a_start_sent_three_times_is_one_transaction(log: Log, times: tuple[float, ...]) -> None:
    for at in times:
        log.start(at, 1000, said=0)
    assert len(log.latest("sessions")) == 1


@pytest.mark.parametrize("said", [-3 * DAY, 60])
def test_stops_for_what_never_started(log: Log, said: float) -> None:
    log.stop(60, 1200, transaction=12, said=said)
    session = log.session()
    assert (session["state"], session["ended_at"], "missing-start" in session["flags"]) == ("ended", ms(said), True)


def test_a_stop_retried_with_its_data_counts_once(log: Log) -> None:
    data = {60.0: 1100.0, 120.0: 1150.0}
    log.start(0, 1000)
    log.meter(60, 1100)
    for at in (180, 240, 300):
        log.stop(at, 1200, said=180, data=data)
    assert (log.session()["import_wh"], log.session()["readings"]) == (200, 2)


def test_a_meter_that_stops_1_wh_below_its_start(log: Log) -> None:
    log.start(0, 1000)
    log.stop(60, 999)
    assert (log.session()["import_wh"], log.session()["flags"]) == (0, ["backward"])
    passed(log, 905)
    assert log.quarters()["10:00"]["import_wh"] == 0


def test_a_start_of_0_on_a_lifetime_meter(log: Log) -> None:
    log.start(0, 0)
    log.meter(60, 5_000_000)
    log.stop(600, 5_001_200)
    session = log.session()
    assert (session["import_wh"], session["meter_start_wh"], session["flags"]) == (1200, 0, ["zero-begin"])
    passed(log, 905)
    assert log.quarters()["10:00"]["import_wh"] == 1200


def test_a_start_of_0_is_no_reading_of_a_meter_that_counts_on(log: Log) -> None:
    log.start(10, 900_000)
    log.stop(1000, 905_000)
    log.start(2000, 0, transaction=8)
    log.stop(5600, 910_000, transaction=8)
    passed(log, 7205)
    assert [each.get("import_wh") for each in log.sessions()] == [5000, None]
    assert log.sessions()[1]["flags"] == ["zero-begin"]
    assert sum(each["import_wh"] for each in log.quarters().values()) == 10_000, "what the meter showed"


def test_nor_is_a_begin_of_0_of_2x(log_2x: Log) -> None:
    log_2x.event(0, "Started", 0, 909_000, evse=1)
    log_2x.event(600, "Ended", 1, 910_000)
    log_2x.event(1000, "Started", 0, 0, "tx-2", evse=1)
    log_2x.event(5600, "Ended", 2, 911_000, "tx-2")
    passed(log_2x, 7205)
    assert sum(each["import_wh"] for each in log_2x.quarters().values()) == 2000


@pytest.mark.parametrize("stop", [2000, 99_000])
def test_but_it_is_where_a_new_meter_begins(log: Log, stop: int) -> None:
    log.start(10, 900_000)
    log.stop(1000, 905_000)
    log.start(2000, 0, transaction=8)
    log.stop(5600, stop, transaction=8)
    passed(log, 7205)
    assert [(each["import_wh"], each["flags"]) for each in log.sessions()] == [(5000, []), (stop, [])]
    assert sum(each["import_wh"] for each in log.quarters().values()) == 5000 + stop


@pytest.mark.parametrize("first", ["reading", "session"])
def test_idle_readings_show_a_lifetime_meter_too(log: Log, first: str) -> None:
    def read(at: float) -> None:
        log.meter(at, 909_900, transaction=None, said=1, context="Sample.Clock")

    if first == "reading":
        read(1)
    log.start(10, 0)
    log.stop(3610, 910_000)
    if first == "session":
        read(3620)
    passed(log, 5405)
    session = log.session()
    assert (session.get("import_wh"), session["method"], session["flags"]) == (None, "none", ["zero-begin"])
    assert sum(each["import_wh"] for each in log.quarters().values()) == 0


@pytest.mark.parametrize(
    ("at", "shown", "stop"),
    [
        (1, 5000, 6000),  # the meter may show the former session until the next begins
        (1, 909_900, 6000),  # a new meter
        (3700, 910_000, 910_000),  # not before the start
    ],
)
def test_they_do_not_where_they_may_show_a_session(log: Log, at: float, shown: int, stop: int) -> None:
    log.start(10, 0)
    log.stop(3610, stop)
    log.meter(max(at, 3620), shown, transaction=None, said=at, context="Sample.Clock")
    assert (log.session()["import_wh"], log.session()["flags"]) == (stop, [])


def test_nor_those_of_another_connector_or_of_the_main_meter(log: Log) -> None:
    for connector in (0, 2):
        log.meter(1, 909_900, transaction=None, connector=connector)
    log.start(10, 0)
    log.stop(3610, 910_000)
    assert log.session()["import_wh"] == 910_000


def test_910_kwh_billed_and_83_wh_delivered(log_2x: Log) -> None:
    log_2x.event(900, "Started", 0, 0, evse=1, said=0, offline=True)
    log_2x.event(960, "Updated", 1, 910_000)
    log_2x.event(1200, "Ended", 2, 910_083)
    assert log_2x.session()["import_wh"] == 83
    passed(log_2x, 1805)
    assert sum(each["import_wh"] for each in log_2x.quarters().values()) == 83


# -- energy


def test_registers_that_reset_with_each_session(log: Log) -> None:
    for begin in (0, 1000):
        log.start(begin, 0, transaction=7 + begin)
        log.meter(begin + 300, 400, transaction=7 + begin)
        log.stop(begin + 600, 900, transaction=7 + begin)
    passed(log, 2705)
    assert [(each["import_wh"], each["flags"]) for each in log.sessions()] == [(900, []), (900, [])]
    assert sum(each["import_wh"] for each in log.quarters().values()) == 1800


@pytest.mark.parametrize("glitch", [0, -7, 150_000, 280_000, 90_000_000])
@pytest.mark.parametrize("order", [(0, 1, 2, 3), (1, 3, 2, 0), (3, 0, 1, 2)])
def test_one_reading_apart_bills_nothing(log: Log, glitch: int, order: tuple[int, ...]) -> None:
    readings = [(900, 201_000), (1800, glitch), (2700, 203_000), (3500, 203_800)]
    log.start(0, 200_000)
    for number in order:
        said, wh = readings[number]
        log.meter(3500 + order.index(number), wh, said=said)
    log.stop(3600, 204_000)
    passed(log, 5405)
    session = log.session()
    assert (session["import_wh"], session["method"], session["flags"]) == (4000, "register", ["outlier"])
    quarters = log.quarters()
    assert sum(each["import_wh"] for each in quarters.values()) == 4000
    assert [hhmm for hhmm, each in quarters.items() if "outlier" in each["flags"]] == ["10:30"]
    assert quarters["10:30"]["import_wh"] == 1000


def test_also_where_it_is_the_last_of_its_quarter_or_the_first(log: Log) -> None:
    log.start(0, 200_000)
    readings = [(60, 200_100), (840, 201_300), (899, 0), (901, 201_400), (1790, 202_000), (1800, 0), (1860, 202_100)]
    for at, wh in readings:
        log.meter(at, wh)
    log.stop(2700, 204_000)
    passed(log, 3605)
    assert log.session()["import_wh"] == 4000
    assert sum(each["import_wh"] for each in log.quarters().values()) == pytest.approx(4000)


def test_a_reading_that_nothing_follows_is_a_reset_until_something_does(log: Log) -> None:
    log.start(0, 200_000)
    log.meter(60, 200_100)
    log.meter(120, 0)
    assert (log.session()["import_wh"], log.session()["flags"]) == (100, ["reset"])
    log.meter(180, 200_300)
    log.stop(240, 200_300)
    assert (log.session()["import_wh"], log.session()["flags"]) == (300, ["outlier"])


def test_registers_that_reset_when_the_station_boots(log: Log) -> None:
    log.start(0, 5000)
    log.meter(60, 5100)
    log.meter(180, 30)
    log.stop(240, 80)
    session = log.session()
    assert (session["import_wh"], session["flags"]) == (100 + 30 + 50, ["reset"])
    passed(log, 905)
    assert log.quarters()["10:00"]["import_wh"] == 180


def test_energy_of_the_session_in_a_register_measurand(log: Log) -> None:
    log.start(0, 5_000_000)
    for minute in range(1, 5):
        log.meter(60 * minute, 100 * minute)  # counts from 0
    assert log.session()["import_wh"] == 400
    log.stop(300, 5_000_450)
    assert (log.session()["import_wh"], log.session()["method"]) == (450, "start-stop")
    passed(log, 905)
    assert log.quarters()["10:00"]["import_wh"] == 400, "what the meter showed"


@pytest.mark.parametrize(("begin", "stop"), [(1000, 6000), (1000, 5999.6), (2600, 8000)])
def test_it_may_come_to_more_than_the_meters_begin(log: Log, begin: int, stop: float) -> None:
    log.start(0, begin)
    for minute, wh in ((1, 0), (20, 2500), (40, 5000)):
        log.meter(60 * minute, wh)
    log.call(3600, "StopTransaction", {"transactionId": 7, "meterStop": stop, "timestamp": ts(3600)})
    session = log.session()
    assert (session["import_wh"], session["method"], session["flags"]) == (stop - begin, "start-stop", [])


def test_but_not_to_more_than_the_meter_says(log: Log) -> None:
    log.start(0, 1000)
    for minute, wh in ((1, 0), (20, 2500), (40, 5000)):
        log.meter(60 * minute, wh)
    log.stop(3600, 5500)
    session = log.session()
    assert (session["import_wh"], session["method"], session["flags"]) == (5500, "register", ["reset"])


def test_noise_at_the_begin_is_no_other_register(log: Log) -> None:
    log.start(0, 1000)
    for minute, wh in ((1, 999), (20, 2500), (40, 5000)):
        log.meter(60 * minute, wh)
    log.stop(3600, 5500)
    assert (log.session()["import_wh"], log.session()["method"]) == (4500, "register")


def test_a_car_that_only_gave(log: Log) -> None:
    log.start(0, 0)
    for minute, wh in ((1, 100), (20, 2500), (40, 5100)):
        log.meter(60 * minute, Energy_Active_Export_Register=wh)
    log.stop(3600, 0)
    session = log.session()
    assert (session["import_wh"], session["export_wh"], session["result"]) == (0, 5000, "ok")


@pytest.mark.parametrize(("last", "method", "result"), [(5100, "register", "ok"), (100, "none", "no-energy")])
def test_and_whose_import_nobody_read(log_2x: Log, last: float, method: str, result: str) -> None:
    for seq, (kind, wh) in enumerate((("Started", 100), ("Updated", 100), ("Ended", last))):
        reading = {"value": wh, "measurand": "Energy.Active.Export.Register"}
        read = [{"timestamp": ts(600 * seq), "sampledValue": [reading]}]
        log_2x.event(600 * seq, kind, seq, evse=1, meterValue=read)
    session = log_2x.session()
    assert (session.get("import_wh"), session["export_wh"]) == (None, last - 100)
    assert (session["method"], session["result"]) == (method, result)


def test_kwh(log: Log) -> None:
    log.start(0, 1000)
    read(log, 60, {"value": "1.1", "unit": "kWh"})
    read(log, 120, {"value": "1.2", "unit": "kWh", "measurand": REGISTER})
    log.stop(180, 1300)
    assert (log.session()["import_wh"], log.session()["flags"]) == (300, [])


def test_phase_only_readings_are_summed(log: Log) -> None:
    log.start(0, 3000)
    for minute in (1, 2):
        phases = ({"value": str(1000 + 100 * minute), "phase": phase} for phase in ("L1", "L2", "L3"))
        read(log, 60 * minute, *phases)
    assert (log.session()["import_wh"], log.session()["flags"]) == (600, ["phase-sum"])


def test_a_total_stands_where_phases_disagree_with_it(log: Log) -> None:
    log.start(0, 3000)
    phases = ({"value": "9999", "phase": phase} for phase in ("L1", "L2", "L3"))
    read(log, 60, {"value": "3100"}, *phases)
    assert (log.session()["import_wh"], log.session()["flags"]) == (100, [])


def test_batches_without_energy_do_not_reset_totals(log: Log) -> None:
    log.start(0, 1000)
    log.meter(60, 1100)
    log.meter(120, None, Power_Active_Import=5000)
    assert (log.session()["import_wh"], log.session()["power_peak_w"]) == (100, 5000)
    log.stop(180, 1300)
    passed(log, 905)
    assert (log.session()["import_wh"], log.quarters()["10:00"]["import_wh"]) == (300, 300)


def test_several_buffered_entries_in_one_frame_in_any_order(log: Log) -> None:
    log.start(0, 1000)
    entries = [meter_value(at, 1000 + at) for at in (240, 60, 180, 120)]
    log.call(300, "MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": entries})
    session = log.session()
    assert (session["readings"], session["import_wh"], session["last_reading_at"]) == (4, 240, ms(240))


def test_sequences_with_gaps_and_replays_after_the_end(log_2x: Log) -> None:
    log_2x.event(0, "Started", 0, 1000, evse=2)
    log_2x.event(300, "Ended", 9)  # no evse, no reason, no readings
    log_2x.event(310, "Updated", 3, 1234.5, said=10, offline=True)
    session = log_2x.session()
    assert (session["evse"], session["stop_reason"], session["import_wh"]) == (2, "Local", 234.5)
    assert session["seq"]["missing"] == [1, 2, 4, 5, 6, 7, 8]


def test_one_identity_in_front_of_six_wallboxes(log: Log) -> None:
    for connector in range(1, 7):
        log.start(connector, 1000 * connector, transaction=connector, connector=connector, tag=f"T{connector}")
    for connector in range(1, 7):
        log.meter(60 + connector, 1000 * connector + 10, transaction=connector, connector=connector)
        log.stop(120 + connector, 1000 * connector + 20 * connector, transaction=connector, tag=f"T{connector}")
    assert [(each["evse"], each["import_wh"]) for each in log.sessions()] == [(n, 20 * n) for n in range(1, 7)]


def test_connector_0_is_the_main_meter(log: Log) -> None:
    log.start(0, 1000)
    log.meter(60, 70_000, transaction=None, connector=0)
    log.meter(120, 71_000, transaction=None, connector=0)
    log.stop(180, 1100)
    passed(log, 905)
    assert (log.quarters(0)["10:00"]["meter"], log.quarters(0)["10:00"]["import_wh"]) == ("main", 1000)
    assert (log.quarters(1)["10:00"]["import_wh"], log.session()["import_wh"]) == (100, 100)


def test_evse_0_of_2x_is_the_main_meter(log_2x: Log) -> None:
    for at in (60, 120):
        payload = {"evseId": 0, "meterValue": [{"timestamp": ts(at), "sampledValue": [{"value": 70_000 + at}]}]}
        log_2x.call(at, "MeterValues", payload, proto="ocpp2.0.1")
    passed(log_2x, 905)
    assert log_2x.quarters(0)["10:00"]["import_wh"] == 60


def test_inlet_and_upstream_are_not_what_the_car_got(log: Log) -> None:
    log.start(0, 1000)
    read(log, 60, {"value": "99999", "location": "Inlet"}, {"value": "1100", "location": "Cable"})
    read(log, 120, {"value": "99999", "location": "Upstream"})
    assert log.session()["import_wh"] == 100


def test_a_session_joined_in_the_middle(log: Log) -> None:
    log.status(0, "Charging")
    log.meter(60, 364_999, transaction=None)
    assert log.all("sessions") == []
    log.meter(120, 365_100, transaction=3)
    log.meter(180, 365_200, transaction=3)
    assert (log.session()["import_wh"], log.session()["flags"]) == (100, ["missing-start"])


def test_interval_measurands_are_summed(log: Log) -> None:
    log.start(0, 1000)
    for minute in (5, 10):
        read(log, 60 * minute, {"value": "40", "measurand": "Energy.Active.Import.Interval"})
    assert (log.session()["import_wh"], log.session()["method"]) == (80, "interval")
    log.stop(660, 1080)
    assert (log.session()["import_wh"], log.session()["method"]) == (80, "start-stop")


def test_events_years_late_or_before_time_was_set(log: Log) -> None:
    log.start(0, 1000, said="1970-01-01T00:00:00Z")
    log.meter(60, 1100, said="2014-06-01T00:00:00Z")
    log.meter(120, 1200, said="noon")
    log.stop(180, 1300, said="2099-01-01T00:00:00Z")
    session = log.session()
    assert (session["started_at"], session["ended_at"], session["import_wh"]) == (ms(0), ms(180), 300)
    assert session["flags"] == ["clock-suspect"]


# -- faults


def fault_keys(log: Log) -> list[str]:
    return [key.removeprefix("connector-fault/default/CP1/1/1/") for key, _, _ in log.alarms("raised")]


def test_faulted_without_an_error(log: Log) -> None:
    log.status(0, "Faulted", "NoError")
    assert fault_keys(log) == ["Faulted"]


def test_the_truth_in_the_vendors_code_or_in_info(log: Log) -> None:
    log.status(0, "Faulted", "OtherError", vendorErrorCode="210", info="Modbus TCP/IP lost")
    alarm = log.all("alarms")[0]
    assert (fault_keys(log), alarm["detail"]) == (["210"], "Modbus TCP/IP lost")
    assert alarm["code"] == {"ocpp": "OtherError", "vendor": "210"}


@pytest.mark.parametrize("info", [json.dumps({"reason": "plugInGun"}), "null", "C;420", ""])
def test_info_of_any_kind(log: Log, info: str) -> None:
    log.status(0, "Faulted", "OtherError", info=info)
    assert fault_keys(log) == ["OtherError"]
    assert log.all("alarms")[0].get("detail") == (None if info in ("", "null") else info)


def test_0x0000_with_no_error_is_none(log: Log) -> None:
    log.status(0, "Available", "NoError", vendorErrorCode="0x0000")
    assert log.alarms() == []


def test_unified_codes_in_the_vendors_code(log: Log) -> None:
    log.status(0, "Faulted", "OtherError", vendorErrorCode="CX014")
    assert fault_keys(log) == ["CX014"]


def test_a_fault_that_never_clears_flaps_and_repeats(log: Log) -> None:
    for second in range(0, 600, 3):
        if second % 5 == 0:
            log.tick(second)
        log.status(second, "Faulted", "GroundFailure")
    told = [each for each in log.all("alarms") if each["rule"] == "connector-fault"]
    assert (len(told), told[-1]["count"] > 150, fault_keys(log)) == (10, True, ["GroundFailure"])


def test_2x_says_it_in_notify_event_and_security_events(log_2x: Log) -> None:
    status = {"timestamp": ts(0), "connectorStatus": "Faulted", "evseId": 1, "connectorId": 1}
    log_2x.call(0, "StatusNotification", status, proto="ocpp2.0.1")
    event = {
        "eventId": 1,
        "timestamp": ts(1),
        "trigger": "Alerting",
        "actualValue": "true",
        "component": {"name": "OverCurrentProtection", "evse": {"id": 1}},
        "variable": {"name": "Problem"},
    }
    log_2x.call(1, "NotifyEvent", {"generatedAt": ts(1), "seqNo": 0, "eventData": event}, proto="ocpp2.0.1")
    log_2x.call(2, "SecurityEventNotification", {"type": "TamperDetectionActivated", "timestamp": ts(2)})
    assert [key for key, _, _ in log_2x.alarms()] == [
        "connector-fault/default/CP1/1/1/Faulted",
        "connector-fault/default/CP1/1/1/OverCurrentProtection.Problem",
        "security-event/default/CP1/TamperDetectionActivated",
    ]


def test_floods_of_data_transfers_derive_nothing(log: Log) -> None:
    before = len(log.outputs)
    for at in range(20):
        log.call(at / 10, "DataTransfer", {"vendorId": "x", "data": "y" * 100})
        log.reply(at / 10, "DataTransfer", {"status": "UnknownVendorId"})
    assert len(log.outputs) == before
