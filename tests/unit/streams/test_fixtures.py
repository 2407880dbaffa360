"""All frames of tests/fixtures/frames.jsonl, folded: none is a dead letter, and those we can explain come out right."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts import ocppj
from contracts.envelope import raw_text
from contracts.times import from_rfc3339
from list_log import Log

FRAMES = [
    json.loads(line) for line in (Path(__file__).parents[2] / "fixtures" / "frames.jsonl").read_text().splitlines()
]
NOW = (from_rfc3339("2026-11-23T12:00:00Z") - from_rfc3339("2026-03-01T10:00:00Z")) / 1_000_000


def put(log: Log, frame: dict[str, Any], at: float = NOW) -> None:
    """A frame as an edge would write it, and an empty answer where it is a CALL."""
    raw = frame["raw"].encode()
    message = ocppj.parse(raw)
    action = getattr(message, "action", None)
    proto = f"ocpp{frame['ocpp']}"
    is_json = frame["valid_json"] and raw[:1] > b" "
    held: dict[str, Any] = {"frame": msgspec.Raw(raw)} if is_json else {"raw": raw_text(raw)}
    log.station(at, "frame", conn="C1", dir="in", type=ocppj.type_name(message), action=action, proto=proto, **held)
    if isinstance(message, ocppj.Call):
        result = {"transactionId": 5000, "idTagInfo": {"status": "Accepted"}} if action == "StartTransaction" else {}
        log.reply(at, action or "", result, proto=proto)


def folded(*numbers: int) -> Log:
    """A station that sent these frames."""
    log = Log()
    log.tick(NOW - 5)
    log.connect(NOW - 5, proto=f"ocpp{FRAMES[numbers[0]]['ocpp']}")
    for number in numbers:
        put(log, FRAMES[number])
    return log


def find(quirk: str) -> Iterator[int]:
    """The numbers of the frames that have a quirk."""
    return (number for number, frame in enumerate(FRAMES) if any(quirk in each for each in frame["quirks"]))


def only(numbers: Iterable[int]) -> Log:
    (number,) = numbers
    return folded(number)


def test_they_are_all_there() -> None:
    assert len(FRAMES) == 106


@pytest.mark.parametrize("number", range(len(FRAMES)))
def test_none_is_a_dead_letter(number: int) -> None:
    assert folded(number).all("dlq") == []


@pytest.mark.parametrize("version", ["1.6", "2.0.1", "2.1"])
def test_nor_are_all_of_one_station_together(version: str) -> None:
    log = folded(*(number for number, frame in enumerate(FRAMES) if frame["ocpp"] == version))
    log.tick(NOW + 5)
    assert log.all("dlq") == []
    assert log.latest("status")["default/CP1/0/0"]["online"]


# -- faults


def test_an_unknown_error_code_is_a_cause() -> None:
    log = only(find("errorCode 'Error' not in enum"))
    assert [key for key, _, _ in log.alarms()] == ["connector-fault/default/CP1/0/0/Error"]


def test_the_truth_in_the_vendors_code() -> None:
    log = only(find("connectorId 0 Faulted with vendor text"))
    (alarm,) = log.all("alarms")
    assert alarm["alarm_id"] == "connector-fault/default/CP1/0/0/210/2025-01-30T14:40:11.000Z"
    assert alarm["detail"] == "Modbus TCP/IP lost, in safe mode max 14.0A"


def test_faulted_with_no_error() -> None:
    log = only(find("status Faulted with errorCode NoError"))
    assert [key for key, _, _ in log.alarms()] == ["connector-fault/default/CP1/1/1/Faulted"]


@pytest.mark.parametrize("quirk", ["empty info and vendorErrorCode", "info is a JSON document", "empty vendorId"])
def test_words_without_an_error_are_no_alarm(quirk: str) -> None:
    assert only(find(quirk)).alarms() == []


def test_backlogs_of_boots_are_no_alarm() -> None:
    assert only(find("SecurityEventNotification backlog")).alarms() == []


# -- status


def test_without_a_time_a_status_has_the_edges() -> None:
    log = only(find("info free text 50 chars limit"))
    status = log.latest("status")["default/CP1/1/1"]
    assert (status["state"], status["since"]) == ("suspended_evse", "2026-11-23T12:00:00.000Z")


def test_a_boot_of_2x_on_a_1_6_connection() -> None:
    log = only(find("2.0.1 BootNotification payload"))
    boot = log.latest("status")["default/CP1/0/0"]["boot"]
    assert (boot["vendor"], boot["model"], boot["reason"]) == ("Y", "X", "PowerUp")


def test_a_boot_without_a_station() -> None:
    assert log_status(only(find("chargingStation null")))["boot"] == {
        "at": "2026-11-23T12:00:00.000Z",
        "reason": "PowerUp",
    }


def log_status(log: Log) -> dict[str, Any]:
    found: dict[str, Any] = log.latest("status")["default/CP1/0/0"]
    return found


# -- readings


def test_idle_readings_with_the_largest_id() -> None:
    log = only(find("transactionId int64 max"))
    assert log.all("sessions") == []
    (sample,) = log.all("samples")
    assert {"voltage_l2_l3_v", "current_l1_a"} <= sample["values"].keys()


def test_padded_values_are_numbers() -> None:
    log = only(find("values padded with a leading blank"))
    assert log.all("samples")[0]["values"]["voltage_l1_v"] == 1.7


def test_kwh_and_an_unusual_context() -> None:
    log = only(find("context Interruption.Begin"))
    (sample,) = log.all("samples")
    assert (sample["context"], sample["values"]["energy_import_wh"]) == ("Interruption.Begin", 10)


def test_hertz_is_a_unit() -> None:
    log = only(find("unit 'Hz' not in enum"))
    assert log.all("samples")[0]["values"] == {"voltage_l1_v": 230.1, "frequency_hz": 49.98, "temperature_degc": 41}


def test_a_cable_is_where_the_car_is() -> None:
    (number,) = find("Cable location")
    assert "temperature_degc" in folded(number).all("samples")[0]["values"]


def test_the_inlet_is_not() -> None:
    log = only(find("Inlet location"))
    (sample,) = log.all("samples")
    assert sample["values"]["energy_import_wh"] == 364_999
    assert any(name.startswith("inlet_") for name in sample["values"])


@pytest.mark.parametrize("quirk", ["sampledValue is an empty array", "invalid JSON: leading comma"])
def test_where_there_is_nothing_to_read_nothing_is(quirk: str) -> None:
    assert only(find(quirk)).all("samples") == []


def test_readings_without_an_id_are_the_meters() -> None:
    log = only(find("MeterValues without transactionId"))
    assert log.all("sessions") == []
    assert log.all("samples")[0]["values"] == {"energy_export_wh": 10}


# -- transactions


@pytest.mark.parametrize("quirk", ["with the SAME message id", "DIFFERENT message id"])
def test_starts_sent_again_are_one(quirk: str) -> None:
    log = folded(*find(quirk))
    assert len(log.latest("sessions")) == 1


def test_deauthorised_right_after_its_start() -> None:
    log = folded(*find("DIFFERENT message id"))
    stop = json.loads(FRAMES[next(find("DeAuthorized stop 130 ms"))]["raw"])
    stop[3]["transactionId"] = 5000
    put(log, {"raw": json.dumps(stop), "valid_json": True, "ocpp": "1.6"})
    session = log.session()
    assert (session["state"], session["duration_s"], session["result"]) == ("ended", 0.131, "deauthorised")


def test_a_stop_of_minus_one_that_nobody_started() -> None:
    assert only(find("StopTransaction transactionId -1")).all("sessions") == []


def test_a_stop_days_late() -> None:
    session = only(find("StopTransaction for a days-old transaction")).session()
    assert (session["session_id"], session["ended_at"]) == ("default/CP1/12/-", "2025-05-18T22:11:09.000Z")
    assert "missing-start" in session["flags"]


def test_a_time_without_a_zone_is_utc() -> None:
    log = only(find("timestamp without zone"))
    assert log.session()["started_at"] == "2025-10-19T15:28:07.000Z"


def test_a_replay_after_the_end_without_an_evse() -> None:
    (replayed,), (ended,) = find("offline:true replay"), find("Ended without evse")
    session = folded(ended, replayed).session()
    assert (session["state"], session["evse"], session["ended_at"]) == ("ended", 2, "2025-09-10T08:05:00.000Z")
    assert (session["offline"], session["stop_reason"], session["readings"]) == (True, "Local", 1)


def test_a_session_of_a_running_client() -> None:
    """Started, Updated, Ended of the same transaction, as captured."""
    (start,) = (n for n, each in enumerate(FRAMES) if "cb2eb11f" in each["raw"] and '"Started"' in each["raw"])
    (update,) = (n for n, each in enumerate(FRAMES) if "cb2eb11f" in each["raw"] and '"Updated"' in each["raw"])
    log = folded(start, update)
    session = log.session()
    assert (session["state"], session["evse"], session["token"]["ref"]) == ("open", 1, "TAG0001")
    assert log.latest("status")["default/CP1/1/1"]["state"] == "charging"


def test_a_transaction_on_connector_0_of_an_evse() -> None:
    (number,) = (
        n for n, each in enumerate(FRAMES) if '"connectorId":0}' in each["raw"] and "TransactionEvent" in each["raw"]
    )
    assert folded(number).session()["evse"] == 1
