"""What comes again of sessions that are forgotten: their last record is final."""

from collections.abc import Callable
from typing import Any

import pytest

from list_log import Log, ms, ts


def a_session(log: Log, number: int, transaction: int | None = None, *, at: float | None = None) -> None:
    """The number-th session: from 100 s after 100 times its number, for 50 s and 10 Wh, with one reading."""
    begin, name = 100.0 * (number + 1), 100 + number if transaction is None else transaction
    late = 0 if at is None else at - begin
    log.start(begin + late, 1000 + 10 * number, name, said=begin)
    log.meter(begin + 20 + late, 1005 + 10 * number, name, said=begin + 20)
    log.stop(begin + 50 + late, 1010 + 10 * number, name, said=begin + 50)


def letters(log: Log) -> list[str]:
    return [each["code"] for each in log.all("dlq")]


@pytest.mark.parametrize("name", [lambda number: 100 + number, lambda _: 7], ids=["ids of their own", "one id"])
def test_a_replay_of_a_forgotten_session_changes_nothing(log: Log, name: Callable[[int], int]) -> None:
    for number in range(20):
        a_session(log, number, name(number))
    before = log.latest("sessions")
    assert len(before) == 20
    a_session(log, 0, name(0), at=5000)
    log.stop(5100, 1010, name(1), said=250)
    assert log.latest("sessions") == before
    assert letters(log) == ["late", "late", "late"]


def test_a_replay_of_a_session_that_is_held_is_no_trouble(log: Log) -> None:
    for number in range(20):
        a_session(log, number)
    before = len(log.sessions())
    a_session(log, 10, at=5000)
    a_session(log, 20)
    assert (len(log.sessions()), letters(log)) == (before + 1, [])
    assert log.sessions()[-1]["import_wh"] == 10


def test_a_clock_set_back_costs_no_stop(log: Log) -> None:
    for number in range(20):
        a_session(log, number)
    log.start(5000, 1200, 500)
    log.stop(5100, 1300, 500, said="2020-01-01T00:00:00Z")
    assert (log.sessions()[-1]["state"], letters(log)) == ("ended", [])


def test_an_old_stop_without_a_start_is_a_session_while_nothing_is_forgotten(log: Log) -> None:
    a_session(log, 5)
    log.stop(5000, 4000, 999, said=10)
    assert [each["transaction_id"] for each in log.sessions()] == ["999", "105"]
    assert letters(log) == []


def test_another_connectors_sessions_are_not_forgotten_with_it(log: Log) -> None:
    for number in range(20):
        a_session(log, number)
    log.start(5000, 700, 600, said=10, connector=2)
    log.stop(5010, 900, 600, said=90)
    (found,) = [each for each in log.sessions() if each["evse"] == 2]
    assert (found["started_at"], found["import_wh"], letters(log)) == (ms(10), 200, [])


def test_a_late_reading_of_a_forgotten_session_begins_none(log: Log) -> None:
    for number in range(20):
        a_session(log, number)
    before = log.latest("sessions")
    log.meter(5000, 1007, 100, said=130)
    assert log.latest("sessions") == before


def _event(log: Log, number: int, kind: str, late: float = 0, **more: Any) -> None:
    begin = 100.0 * (number + 1)
    said, wh = (begin, 1000 + 10 * number) if kind == "Started" else (begin + 50, 1010 + 10 * number)
    log.event(said + late, kind, kind == "Ended", wh, f"tx-{number}", 1, said=said, **more)


def test_nor_does_a_replay_change_one_of_2x(log_2x: Log) -> None:
    for number in range(20):
        _event(log_2x, number, "Started")
        _event(log_2x, number, "Ended")
    before = log_2x.latest("sessions")
    assert len(before) == 20
    for number in (0, 1, 10):
        _event(log_2x, number, "Started", 5000)
        _event(log_2x, number, "Ended", 5000)
    log_2x.call(8000, "TransactionEvent", _bare("tx-2", 340), proto="ocpp2.0.1")
    assert {name: each["import_wh"] for name, each in log_2x.latest("sessions").items()} == {
        name: each["import_wh"] for name, each in before.items()
    }
    assert letters(log_2x) == ["late"] * 5


def _bare(transaction: str, said: float) -> dict[str, Any]:
    info = {"transactionId": transaction}
    return {"eventType": "Ended", "timestamp": ts(said), "triggerReason": "EVDeparted", "transactionInfo": info}
