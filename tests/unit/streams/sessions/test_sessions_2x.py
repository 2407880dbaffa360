"""OCPP 2.x sessions, from TransactionEvents to records."""

from typing import Any

import pytest

from list_log import Log, ms, ts
from streams.states import Books, decode

HOUR, DAY = 3600, 24 * 3600
ANNA: dict[str, Any] = {"idToken": {"idToken": "anna", "type": "ISO14443"}}
BERT: dict[str, Any] = {"idToken": {"idToken": "bert", "type": "ISO14443"}}


def passed(log: Log, at: float) -> None:
    """The clock goes on to a time: an outage, and the ticks after it."""
    log.tick(at)
    log.tick(at + 5)


def readings(log: Log, at: float, *values: tuple[float, float], **more: Any) -> None:
    """An Updated event with several meterValues: (time, Wh)."""
    meter_value = [{"timestamp": ts(when), "sampledValue": [{"value": wh}]} for when, wh in values]
    log.event(at, "Updated", meterValue=meter_value, **more)


def test_a_session_from_started_to_ended(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=2, triggerReason="Authorized", reservationId=5, **ANNA)
    log_2x.event(70, "Updated", 1, 1100)
    log_2x.event(130, "Ended", 2, 1250, info={"stoppedReason": "EVDisconnected"}, **BERT)
    session = log_2x.session()
    assert session["session_id"] == "default/CP1/tx-1"
    assert (session["state"], session["started_at"], session["ended_at"]) == ("ended", ms(10), ms(130))
    assert (session["import_wh"], session["method"]) == (250, "register")
    assert (session["meter_start_wh"], session["meter_stop_wh"]) == (1000, 1250)
    assert (session["evse"], session["connector"], session["proto"]) == (2, 1, "ocpp2.0.1")
    assert session["token"] == {"ref": "anna", "type": "ISO14443"}
    assert session["stopped_by_ref"] == "bert"
    assert session["auth"] == {"method": "Authorized", "reservation_id": 5}
    assert (session["stop_reason"], session["seq"]) == ("EVDisconnected", {"first": 0, "last": 2})
    assert (session["readings"], session["point_at"], session["flags"]) == (3, ms(10), [])
    assert log_2x.quarters(2)["10:00"]["session_ids"] == ["default/CP1/tx-1"]


def test_the_evse_is_said_once_only(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1)
    for minute in range(1, 4):
        log_2x.event(10 + 60 * minute, "Updated", minute, 1000 + 100 * minute)
    log_2x.event(250, "Ended", 4)
    assert (log_2x.session()["import_wh"], log_2x.session()["readings"]) == (300, 4)
    assert log_2x.quarters()["10:00"]["import_wh"] == 300


def test_readings_wait_until_the_evse_is_known(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000)
    log_2x.event(70, "Updated", 1, 1100)
    assert (log_2x.session()["evse"], log_2x.quarters()) == (0, {})
    log_2x.event(130, "Updated", 2, 1200, evse=1)
    session = log_2x.session()
    assert (session["evse"], session["readings"], session["import_wh"]) == (1, 3, 200)
    assert session["supersedes"] == [{"point_at": ms(10), "evse": 0}]
    passed(log_2x, 905)
    assert log_2x.quarters()["10:00"]["import_wh"] == 200


def test_the_token_may_come_later(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, evse=1)
    log_2x.event(70, "Updated", 1, **ANNA)
    assert log_2x.session()["token"]["ref"] == "anna"


def test_an_omitted_reason_is_local(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, evse=1)
    log_2x.event(70, "Ended", 1)
    assert log_2x.session()["stop_reason"] == "Local"


def test_missing_numbers_are_told_and_need_not_begin_at_0(log_2x: Log) -> None:
    log_2x.event(10, "Started", 5, evse=1)
    for seq in (6, 9, 11):
        log_2x.event(10 * seq, "Updated", seq)
    log_2x.event(130, "Ended", 12)
    assert log_2x.session()["seq"] == {"first": 5, "last": 12, "missing": [7, 8, 10]}
    assert log_2x.session()["flags"] == []


def test_a_great_gap_is_told_in_part(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, evse=1)
    log_2x.event(20, "Ended", 10_000_000)
    assert len(log_2x.session()["seq"]["missing"]) == 100


def test_a_retry_changes_nothing(log_2x: Log) -> None:
    for _ in range(2):
        log_2x.event(10, "Started", 0, 1000, evse=1)
        log_2x.event(130, "Ended", 1, 1250)
    assert (log_2x.session()["import_wh"], log_2x.session()["readings"]) == (250, 2)
    assert len(log_2x.all("sessions")) == 2


def test_events_of_an_outage_come_after_the_end(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1)
    log_2x.event(500, "Ended", 9)
    log_2x.event(510, "Updated", 3, 1234.5, said=70, offline=True)
    session = log_2x.session()
    assert (session["state"], session["ended_at"]) == ("ended", ms(500))
    assert (session["import_wh"], session["offline"], session["flags"]) == (234.5, True, ["offline"])


def test_several_readings_in_one_event_in_any_order(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1)
    readings(log_2x, 200, (190, 1300), (70, 1100), (130, 1200))
    log_2x.event(250, "Ended", 4, 1400)
    assert (log_2x.session()["import_wh"], log_2x.session()["readings"]) == (400, 5)


def test_batches_without_energy_leave_the_total(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1)
    log_2x.event(70, "Updated", 1, 1100)
    power = {"value": 7000, "measurand": "Power.Active.Import"}
    log_2x.event(130, "Updated", 2, meterValue=[{"timestamp": ts(130), "sampledValue": [power]}])
    assert (log_2x.session()["import_wh"], log_2x.session()["power_peak_w"]) == (100, 7000)


def test_a_session_joined_in_the_middle(log_2x: Log) -> None:
    log_2x.event(70, "Updated", 3, 1100, evse=1)
    log_2x.event(130, "Ended", 4, 1250)
    session = log_2x.session()
    assert (session["started_at"], session["import_wh"], session["flags"]) == (ms(70), 150, ["missing-start"])


def test_its_start_may_come_later(log_2x: Log) -> None:
    log_2x.event(130, "Ended", 4, 1250)
    log_2x.event(140, "Started", 0, 1000, evse=1, said=10)
    session = log_2x.session()
    assert (session["started_at"], session["import_wh"], session["flags"]) == (ms(10), 250, [])
    assert [each["state"] for each in log_2x.latest("sessions").values()] == ["ended"]


@pytest.mark.parametrize("evse", [None, 1])
def test_an_end_alone(log_2x: Log, evse: int | None) -> None:
    log_2x.event(130, "Ended", 4, 1250, evse=evse)
    session = log_2x.session()
    assert (session["evse"], session["flags"]) == (evse or 0, ["missing-start"])
    assert "import_wh" not in session


def test_the_next_transaction_on_its_evse_ends_one(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1)
    log_2x.event(70, "Updated", 1, 1100)
    log_2x.event(600, "Started", 0, 1500, "tx-2", evse=1)
    first, second = log_2x.sessions()
    assert (first["state"], first["ended_at"], first["flags"]) == ("ended", ms(70), ["missing-stop"])
    assert second["state"] == "open"
    log_2x.event(610, "Ended", 2, 1400, said=300)
    first, second = log_2x.sessions()
    assert (first["ended_at"], first["import_wh"], first["flags"]) == (ms(300), 400, [])


def test_on_another_evse_it_does_not(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1)
    log_2x.event(600, "Started", 0, 1500, "tx-2", evse=2)
    assert [each["state"] for each in log_2x.sessions()] == ["open", "open"]


def test_a_zombie_and_its_return(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1)
    log_2x.event(70, "Updated", 1, 1100)
    passed(log_2x, DAY + 100)
    assert (log_2x.session()["state"], log_2x.session()["ended_at"]) == ("zombie", ms(70))
    log_2x.event(DAY + 200, "Updated", 2, 1200)
    assert log_2x.session()["state"] == "open"


def test_any_event_shows_that_a_session_lives(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1)
    log_2x.event(3600, "Updated", 1, info={"chargingState": "SuspendedEV"})
    passed(log_2x, DAY + 100)
    assert log_2x.session()["state"] == "open"


def test_begin_and_end_are_facts_that_are_never_late(log_2x: Log) -> None:
    log_2x.event(0, "Started", 0, 1000, evse=1)
    for quarter in range(100):
        log_2x.event(DAY + 900 * quarter, "Updated", 0, 50_000, transaction="tx-2", evse=1)
    log_2x.event(3 * DAY, "Ended", 9, 1250, said=500)
    session = next(each for each in log_2x.sessions() if each["transaction_id"] == "tx-1")
    assert (session["import_wh"], session["ended_at"]) == (250, ms(500))


def test_an_offline_begin_of_0_before_a_lifetime_register_is_no_begin(log_2x: Log) -> None:
    log_2x.event(600, "Started", 0, 0, evse=1, said=0, offline=True)
    log_2x.event(660, "Updated", 1, 910_000)
    log_2x.event(1200, "Ended", 2, 910_083)
    session = log_2x.session()
    assert (session["import_wh"], session["flags"]) == (83, ["offline", "zero-begin"])


def test_nor_after_hours_where_the_meter_is_known(log_2x: Log) -> None:
    log_2x.event(0, "Started", 0, 909_000, evse=1)
    log_2x.event(60, "Ended", 1, 910_000)
    log_2x.event(100, "Started", 0, 0, "tx-2", evse=1, offline=True)
    log_2x.event(100 + 10 * HOUR, "Updated", 1, 910_000, "tx-2")
    log_2x.event(100 + 11 * HOUR, "Ended", 2, 910_083, "tx-2")
    _, session = log_2x.sessions()
    assert (session["import_wh"], session["flags"]) == (83, ["offline", "zero-begin"])


def test_clocks_that_are_not_set(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1, said="1970-01-01T00:00:10Z")
    log_2x.event(130, "Ended", 1, 1250, said="1970-01-01T00:02:10Z")
    session = log_2x.session()
    assert (session["started_at"], session["start_clock"]) == (ms(10), "edge")
    assert (session["ended_at"], session["end_clock"]) == (ms(130), "edge")
    assert (session["import_wh"], session["flags"]) == (250, ["clock-suspect"])


def test_readings_without_a_transaction_are_the_meters(log_2x: Log) -> None:
    for minute in (1, 3):
        meter_value = [{"timestamp": ts(60 * minute), "sampledValue": [{"value": 100 * minute}]}]
        log_2x.call(60 * minute, "MeterValues", {"evseId": 1, "meterValue": meter_value}, proto="ocpp2.0.1")
    assert log_2x.all("sessions") == []
    passed(log_2x, 905)
    assert log_2x.quarters()["10:00"]["import_wh"] == 200


def test_of_both_streams_the_one_with_more_coverage_counts(log_2x: Log) -> None:
    for second in (0, 800):
        meter_value = [{"timestamp": ts(second), "sampledValue": [{"value": 1000 + second}]}]
        log_2x.call(second, "MeterValues", {"evseId": 1, "meterValue": meter_value}, proto="ocpp2.0.1")
    log_2x.event(810, "Started", 0, 1000, evse=1, said=300)
    log_2x.event(811, "Ended", 1, 1400, said=500)
    passed(log_2x, 905)
    quarter = log_2x.quarters()["10:00"]
    assert (quarter["import_wh"], quarter["coverage_s"], quarter.get("session_ids")) == (800, 800, None)


def test_an_open_session_is_published_once_a_minute(log_2x: Log) -> None:
    log_2x.event(0, "Started", 0, 1000, evse=1)
    before = len(log_2x.all("sessions"))
    for seq, second in enumerate(range(10, 180, 10), 1):
        log_2x.event(second, "Updated", seq, 1000 + second)
    assert len(log_2x.all("sessions")) - before == 2


def test_a_draft_of_2_0_is_understood(log_2x: Log) -> None:
    draft = {"eventType": "Started", "timestamp": ts(10), "seqNo": 0, "transactionData": {"id": "tx-9"}}
    log_2x.call(10, "TransactionEvent", draft | {"evse": {"id": 1}}, proto="ocpp2.0.1")
    assert log_2x.session()["transaction_id"] == "tx-9"


def test_an_event_that_names_no_transaction_is_none(log_2x: Log) -> None:
    for payload in ({}, {"transactionInfo": None}, {"transactionInfo": {"transactionId": ""}}):
        log_2x.call(1, "TransactionEvent", payload, proto="ocpp2.0.1")
    assert log_2x.all("sessions") == log_2x.all("dlq") == []


def test_an_event_of_nothing_but_its_transaction(log_2x: Log) -> None:
    log_2x.call(1, "TransactionEvent", {"transactionInfo": {"transactionId": "x"}}, proto="ocpp2.0.1")
    assert (log_2x.session()["state"], log_2x.session()["started_at"]) == ("open", ms(1))


def test_the_oldest_are_forgotten(log_2x: Log) -> None:
    for number in range(18):
        log_2x.event(100 * number, "Started", 0, 1000 * number, f"tx-{number:02}", evse=1)
        log_2x.event(100 * number + 60, "Ended", 1, 1000 * number + 500, f"tx-{number:02}")
    assert [each["transaction_id"] for each in log_2x.all("sessions") if each["final"]] == ["tx-00", "tx-01"]
    assert [each["import_wh"] for each in log_2x.sessions()] == [500] * 18
    assert len([key for key in log_2x.states if key.startswith(b"s/")]) == 16


# -- where nobody has said the evse


def test_a_session_whose_evse_nobody_says_counts_its_readings(log_2x: Log) -> None:
    log_2x.event(60, "Updated", 1, 1000)
    log_2x.event(120, "Updated", 2, 2000)
    log_2x.event(180, "Ended", 3, 3000)
    session = log_2x.session()
    assert (session["evse"], session["state"], session["flags"]) == (0, "ended", ["missing-start"])
    assert (session["import_wh"], session["method"], session["readings"]) == (2000, "register", 3)
    log_2x.event(200, "Updated", 2, 2000, evse=1, said=120)
    session = log_2x.session()
    assert (session["evse"], session["import_wh"], session["readings"]) == (1, 2000, 3)


def test_of_many_such_sessions_none_loses_its_readings(log_2x: Log) -> None:
    for number in range(12):
        for at, wh in ((0, 1000), (100, 1500)):
            log_2x.event(600 * number + at, "Updated", at, wh, f"tx-{number}")
    for number in range(12):
        log_2x.event(600 * number + 8000, "Ended", 200, 2000, f"tx-{number}", said=600 * number + 200)
    assert [(each["import_wh"], each["readings"]) for each in log_2x.sessions()] == [(1000, 3)] * 12
    log_2x.event(16_000, "Updated", 200, 2000, "tx-0", evse=1, said=200)
    assert [(each["import_wh"], each["readings"]) for each in log_2x.sessions()] == [(1000, 3)] * 12
    assert log_2x.all("dlq") == []


def test_nor_does_one_of_many_readings(log_2x: Log) -> None:
    for minute in range(300):
        log_2x.event(60 * minute, "Updated", minute, 1000 + minute)
    log_2x.event(18_000, "Ended", 300, 2000)
    assert (log_2x.session()["import_wh"], log_2x.session()["readings"]) == (1000, 301)
    log_2x.event(18_060, "Updated", 1, 1001, said=60)
    assert (log_2x.session()["import_wh"], log_2x.session()["readings"]) == (1000, 301)
    assert [each["code"] for each in log_2x.all("dlq")] == ["late"]


def test_what_waited_for_a_session_goes_with_it(log_2x: Log) -> None:
    for number in range(30):
        log_2x.event(100 * number, "Started", 0, 1000, f"tx-{number}")
        log_2x.event(100 * number + 60, "Ended", 1, 1500, f"tx-{number}")
    assert [(each["import_wh"], each["readings"]) for each in log_2x.sessions()] == [(500, 2)] * 30
    assert log_2x.all("dlq") == []


# -- what was said of the token

ACCEPTED: dict[str, Any] = {
    "idTokenInfo": {"status": "Accepted", "groupIdToken": {"idToken": "fam", "type": "Central"}}
}


def answer(log: Log, at: float, result: dict[str, Any], call_seq: int | None = None) -> None:
    log.reply(at, "TransactionEvent", result, call_seq=call_seq, proto="ocpp2.0.1")


def said(log: Log) -> tuple[object, object]:
    return log.session().get("auth"), log.session().get("token")


def test_the_reply_says_what_a_token_is_worth_and_its_group(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1, **ANNA)
    answer(log_2x, 10, ACCEPTED)
    log_2x.event(70, "Updated", 1, 1100)
    answer(log_2x, 70, {})
    log_2x.event(130, "Ended", 2, 1200, **BERT)
    answer(log_2x, 130, {"idTokenInfo": {"status": "Expired"}})
    auth, token = said(log_2x)
    assert auth == {"method": "MeterValuePeriodic", "status": "Accepted"}
    assert token == {"ref": "anna", "type": "ISO14443", "group_ref": "fam"}
    held = [decode(key, value) for key, value in log_2x.states.items() if key.startswith(b"b/")]
    assert [books.asked for books in held if isinstance(books, Books)] == [{}]


def test_of_several_replies_that_to_the_first_event_counts(log_2x: Log) -> None:
    log_2x.event(20, "Updated", 1, 1000, evse=1, **ANNA)
    second = log_2x.seqs["C1"]
    log_2x.event(30, "Started", 0, 1000, evse=1, said=10, **ANNA)
    answer(log_2x, 31, {"idTokenInfo": {"status": "Blocked"}})
    answer(log_2x, 32, ACCEPTED, call_seq=second)
    log_2x.event(130, "Ended", 2, 1200)
    assert said(log_2x)[0] == {"method": "MeterValuePeriodic", "status": "Blocked"}


def test_a_reply_to_nothing_that_is_known_says_nothing(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1, **ANNA)
    answer(log_2x, 10, ACCEPTED, call_seq=99)
    answer(log_2x, 11, {"idTokenInfo": "Accepted"})
    log_2x.event(130, "Ended", 2, 1200)
    assert said(log_2x)[0] == {"method": "MeterValuePeriodic"}
    assert log_2x.all("dlq") == []
