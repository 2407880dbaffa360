"""A car's stay around its session: faults, time in each state, when it came and left."""

from itertools import permutations
from typing import Any

import pytest

from list_log import Log, ms, ts
from streams.sessions.marks import Mark, Marks, Shares, shares, trimmed, with_mark, with_state

SHARES = ("charging_s", "suspended_ev_s", "suspended_evse_s", "idle_s")


def shared(log: Log) -> tuple[float | None, ...]:
    session = log.session()
    return tuple(session.get(name) for name in SHARES)


def revisions(log: Log) -> int:
    """How often the session was published."""
    return len(log.all("sessions"))


def connector(log: Log, at: float, status: str, evse: int = 1, connector: int = 1) -> None:
    """A StatusNotification of 2.x."""
    payload = {"evseId": evse, "connectorId": connector, "connectorStatus": status, "timestamp": ts(at)}
    log.call(at, "StatusNotification", payload, proto="ocpp2.0.1")


def monitored(log: Log, at: float, component: str, variable: str, **more: Any) -> None:
    """A NotifyEvent of a variable of evse 1."""
    event = {
        "eventId": 1,
        "timestamp": ts(at),
        "trigger": "Alerting",
        "actualValue": "true",
        "component": {"name": component, "evse": {"id": 1}},
        "variable": {"name": variable},
        "eventNotificationType": "HardWiredNotification",
        **more,
    }
    log.call(at, "NotifyEvent", {"generatedAt": ts(at), "seqNo": 0, "eventData": [event]}, proto="ocpp2.0.1")


def charging(log: Log, at: float, kind: str, seq: int, state: str | None, **more: Any) -> None:
    """A TransactionEvent with a charging state."""
    log.event(at, kind, seq, info={} if state is None else {"chargingState": state}, **more)


# -- error codes


def test_faults_are_told_once_in_the_order_of_their_first_sight(log: Log) -> None:
    log.status(5, "Preparing", "WeakSignal")
    log.start(10, 1000)
    for at, error in ((20, "OverCurrentFailure"), (30, "NoError"), (40, "GroundFailure"), (50, "OverCurrentFailure")):
        log.status(at, "Charging", error)
    log.status(60, "Faulted", "HighTemperature", connector=2)
    log.stop(100, 1100)
    log.status(110, "Faulted", "InternalError")
    assert log.session()["error_codes"] == ["OverCurrentFailure", "GroundFailure"]


def test_a_fault_without_a_code_goes_by_what_its_alarm_does(log: Log) -> None:
    log.start(10, 1000)
    log.status(20, "Faulted", "NoError")
    log.status(30, "Faulted", "NoError", vendorErrorCode="E42")
    log.status(40, "Charging", "OtherError", vendorErrorCode="E43")
    log.stop(100, 1100)
    assert log.session()["error_codes"] == ["Faulted", "E42", "OtherError"]


def test_without_faults_there_are_no_codes(log: Log) -> None:
    log.status(5, "Preparing")
    log.start(10, 1000)
    log.stop(100, 1100)
    assert "error_codes" not in log.session()


def test_faults_of_a_2x_session(log_2x: Log) -> None:
    connector(log_2x, 5, "Occupied")
    charging(log_2x, 10, "Started", 0, "Charging", evse=1)
    monitored(log_2x, 20, "Connector", "Problem")
    monitored(log_2x, 30, "Connector", "Problem", cleared=True)
    connector(log_2x, 40, "Faulted")
    monitored(log_2x, 50, "ElectricalFeed", "Problem", trigger="Periodic")
    charging(log_2x, 100, "Ended", 1, None)
    assert log_2x.session()["error_codes"] == ["Connector.Problem", "Faulted"]


def test_a_fault_that_comes_late_is_told_by_the_session_that_is_over(log: Log) -> None:
    log.start(10, 1000)
    log.stop(100, 1100)
    assert "error_codes" not in log.session()
    log.status(200, "Faulted", "GroundFailure", timestamp=ts(90))
    assert log.session()["error_codes"] == ["GroundFailure"]


# -- time in each state

BEFORE = [(0, "Available"), (5, "Preparing")]
WITHIN = [(20, "Charging"), (50, "SuspendedEV"), (60, "Charging"), (70, "SuspendedEVSE"), (90, "Finishing")]


def test_a_session_is_divided_into_the_states_of_its_connector(log: Log) -> None:
    for at, status in BEFORE:
        log.status(at, status)
    log.start(10, 1000)
    for at, status in WITHIN:
        log.status(at, status)
    log.stop(100, 1100)
    log.status(150, "Available")
    assert shared(log) == (30 + 10, 10, 20, 10 + 10)
    assert log.session()["duration_s"] == 90


def test_an_open_session_is_divided_up_to_what_was_heard_last(log: Log) -> None:
    log.status(5, "Preparing")
    log.start(10, 1000)
    log.status(20, "Charging")
    log.meter(80, 1100)
    assert shared(log) == (60, 0, 0, 10)


def test_where_no_state_was_seen_its_time_is_not_divided(log: Log) -> None:
    log.status(1, "Available")
    log.status(2, "Charging", connector=2)
    log.start(10, 1000)
    log.stop(100, 1100)
    assert shared(log) == (None, None, None, None)


def test_what_is_neither_charging_nor_a_car_that_waits_is_left_out(log: Log) -> None:
    log.start(10, 1000)
    for at, status in ((20, "Charging"), (40, "Faulted"), (60, "Charging"), (70, "Unavailable")):
        log.status(at, status)
    log.stop(100, 1100)
    assert shared(log) == (20 + 10, 0, 0, 0)


def test_states_of_one_second_follow_each_other_as_they_came(log: Log) -> None:
    log.start(10, 1000)
    for at, status in ((20.1, "SuspendedEV"), (20.2, "Preparing"), (20.3, "Charging")):
        log.status(at, status, timestamp=ts(20))
    log.stop(100, 1100)
    assert shared(log) == (80, 0, 0, 0)


def test_states_in_any_order_and_twice_divide_it_the_same(new_log: type[Log]) -> None:
    said = [(20, "Charging"), (50, "SuspendedEV"), (60, "Charging"), (90, "Finishing")]
    for order in permutations(said):
        log = new_log()
        log.tick(0)
        log.connect(0)
        log.start(10, 1000)
        log.stop(100, 1100)
        for at, status in (*order, order[0], order[-1]):
            log.status(200, status, timestamp=ts(at))
        assert shared(log) == (60, 10, 0, 10)


def test_states_that_come_before_the_start_is_known_count(log: Log) -> None:
    log.status(20, "Charging")
    log.status(90, "SuspendedEV")
    log.start(200, 1000, said=10)
    log.stop(201, 1100, said=100)
    assert shared(log) == (70, 10, 0, 0)


def test_a_2x_session_is_divided_by_what_its_events_say(log_2x: Log) -> None:
    charging(log_2x, 10, "Started", 0, "EVConnected", evse=1)
    charging(log_2x, 20, "Updated", 1, "Charging")
    charging(log_2x, 30, "Updated", 2, None)
    charging(log_2x, 50, "Updated", 3, "SuspendedEVSE")
    charging(log_2x, 60, "Updated", 4, "SuspendedEV")
    charging(log_2x, 75, "Updated", 5, "Idle")
    charging(log_2x, 100, "Ended", 6, None)
    assert shared(log_2x) == (30, 15, 10, 10 + 25)


def test_its_events_in_any_order_and_twice_divide_it_the_same(new_log: type[Log]) -> None:
    said = [
        (10, "Started", 0, "EVConnected"),
        (20, "Updated", 1, "Charging"),
        (20, "Updated", 2, "SuspendedEV"),
        (100, "Ended", 3, "Idle"),
    ]
    for order in permutations(said):
        log = new_log()
        log.tick(0)
        log.connect(0, proto="ocpp2.0.1")
        for at, kind, seq, state in (*order, order[0]):
            charging(log, 200, kind, seq, state, evse=1, said=at)
        assert shared(log) == (0, 80, 0, 10)


def test_a_night_of_changes_is_counted_in_full_and_not_remembered(log: Log, log_2x: Log) -> None:
    log.start(10, 1000)
    charging(log_2x, 10, "Started", 0, None, evse=1)
    for minute in range(1, 601):
        state = "Charging" if minute % 2 else "SuspendedEV"
        log.status(60 * minute, state, error="WeakSignal" if minute == 1 else "NoError")
        charging(log_2x, 60 * minute, "Updated", minute, state)
    log.stop(60 * 601, 1100)
    charging(log_2x, 60 * 601, "Ended", 601, None)
    assert shared(log) == shared(log_2x) == (300 * 60, 300 * 60, 0, 0)
    assert log.session()["error_codes"] == ["WeakSignal"]
    assert max(len(value) for key, value in log.states.items() if key[:2] in (b"c/", b"s/")) < 4096
    assert max(len(value) for key, value in log_2x.states.items() if key[:2] == b"s/") < 4096


# -- when the car came and left


def around(log: Log) -> tuple[str | None, str | None]:
    session = log.session()
    return session.get("plugged_at"), session.get("unplugged_at")


def test_a_car_comes_before_its_session_and_leaves_after_it(log: Log) -> None:
    for at, status in ((0, "Available"), (4, "Preparing"), (6, "Preparing")):
        log.status(at, status)
    log.start(10, 1000)
    log.status(20, "Charging")
    assert around(log) == (ms(4), None)
    log.stop(100, 1100)
    log.status(101, "Finishing")
    assert around(log) == (ms(4), None)
    told = revisions(log)
    for at in (300, 400, 500):
        log.status(at, "Available")
    assert around(log) == (ms(4), ms(300))
    assert revisions(log) == told + 1
    assert (log.session()["state"], log.session()["final"]) == ("ended", False)


def test_one_that_stays_for_another_session_leaves_once(log: Log) -> None:
    log.status(5, "Preparing")
    log.start(10, 1000)
    log.stop(100, 1100)
    log.status(101, "Finishing")
    log.start(200, 1100, transaction=8)
    log.stop(300, 1200, transaction=8)
    told = revisions(log)
    log.status(400, "Available")
    first, second = log.sessions()
    assert first["plugged_at"] == second["plugged_at"] == ms(5)
    assert first["unplugged_at"] == second["unplugged_at"] == ms(400)
    assert revisions(log) == told + 2


def test_a_car_that_came_after_it_says_nothing_of_when_it_left(log: Log) -> None:
    log.start(10, 1000)
    log.stop(100, 1100)
    log.status(200, "Preparing")
    log.status(300, "Available")
    assert around(log) == (None, None)


def test_that_it_left_sooner_may_come_late(log: Log) -> None:
    log.start(10, 1000)
    log.stop(100, 1100)
    log.status(300, "Available")
    log.status(301, "Available", timestamp=ts(200))
    assert around(log) == (None, ms(200))
    log.status(302, "Preparing", timestamp=ts(150))
    assert around(log) == (None, None)


def test_a_connector_that_is_free_at_the_end_was_left_before(log: Log) -> None:
    log.start(10, 1000)
    log.status(20, "Charging")
    log.status(90, "Available")
    log.stop(100, 1100)
    assert around(log) == (None, ms(90))


def test_what_it_was_long_ago_does_not_tell_when_a_car_came(log: Log) -> None:
    log.status(1, "Charging")
    log.start(10, 1000)
    assert around(log) == (None, None)
    log.status(5, "Available", timestamp=ts(0))
    log.stop(100, 1100, reason="EVDisconnected")
    assert around(log) == (ms(1), ms(100))


@pytest.mark.parametrize("late", [False, True])
def test_a_2x_car_comes_and_leaves(log_2x: Log, *, late: bool) -> None:
    log = log_2x
    steps: list[Any] = [
        lambda: connector(log, 0, "Available"),
        lambda: connector(log, 5, "Occupied"),
        lambda: charging(log, 10, "Started", 0, "Charging", evse=1),
        lambda: connector(log, 20, "Available", connector=2),
        lambda: charging(log, 100, "Ended", 1, None),
        lambda: connector(log, 150, "Available"),
    ]
    for step in reversed(steps) if late else steps:
        step()
    assert around(log) == (ms(5), ms(150))


def test_an_event_may_say_that_the_cable_was_plugged_in(log_2x: Log) -> None:
    charging(log_2x, 10, "Started", 0, "EVConnected", evse=1, triggerReason="CablePluggedIn")
    charging(log_2x, 20, "Ended", 1, None)
    assert around(log_2x) == (ms(10), None)


def test_one_that_ends_with_the_cable_pulled_says_when_the_car_left(log_2x: Log) -> None:
    charging(log_2x, 10, "Started", 0, "Charging", evse=1)
    log_2x.event(100, "Ended", 1, info={"stoppedReason": "EVDisconnected"})
    assert around(log_2x) == (None, ms(100))


def test_a_session_that_is_forgotten_keeps_what_it_knows(log: Log) -> None:
    for number in range(40):
        at = 1000 * number
        for after, status in ((1, "Preparing"), (30, "Charging"), (40, "SuspendedEV"), (50, "Charging")):
            log.status(at + after, status)
        log.start(at + 10, 1000 + number, transaction=number + 1)
        log.stop(at + 100, 1001 + number, transaction=number + 1)
        log.status(at + 101, "Finishing")
        log.status(at + 200, "Available")
    sessions = log.sessions()
    assert {(each["charging_s"], each["suspended_ev_s"], each["idle_s"]) for each in sessions} == {(60, 10, 20)}
    assert [each["plugged_at"] for each in sessions[1:]] == [ms(1000 * number + 1) for number in range(1, 40)]
    assert [each["unplugged_at"] for each in sessions] == [ms(1000 * number + 200) for number in range(40)]
    assert [each["final"] for each in sessions] == [True] * 24 + [False] * 16


def test_the_state_may_come_as_a_variable(log_2x: Log) -> None:
    monitored(log_2x, 5, "Connector", "AvailabilityState", actualValue="Occupied", trigger="Delta")
    charging(log_2x, 10, "Started", 0, "Charging", evse=1)
    charging(log_2x, 100, "Ended", 1, None)
    monitored(log_2x, 150, "Connector", "AvailabilityState", actualValue="Available", trigger="Delta")
    assert around(log_2x) == (ms(5), ms(150))


def test_of_an_evse_that_nobody_knows_nothing_is_remembered(log_2x: Log) -> None:
    monitored(log_2x, 5, "Connector", "Problem")
    assert not [key for key in log_2x.states if key.startswith(b"c/")]


# -- marks


def marks(*said: tuple[int, str]) -> Marks:
    found: Marks = ()
    for at_us, state in said:
        found = with_mark(found, Mark(at_us, at_us, state))
    return found


def test_a_mark_that_is_repeated_counts_as_it_came_first() -> None:
    once = (Mark(5, 7, "charging"),)
    assert with_mark(once, Mark(5, 9, "charging")) is once
    assert with_mark(once, Mark(5, 6, "charging")) == (Mark(5, 6, "charging"),)
    assert len(with_mark(once, Mark(5, 9, "charging", connector=2))) == 2


def test_of_too_many_marks_first_those_go_that_say_nothing_new() -> None:
    same = marks(*((at, "charging") for at in range(97)))
    since_us, kept = trimmed(same)
    assert since_us == 0
    assert (kept[0].at_us, len(kept)) == (0, 49)


def test_then_the_oldest_but_the_last_state_of_each_connector() -> None:
    many = marks(*((at, "charging" if at % 2 else "finishing") for at in range(100)))
    many = with_mark(many, Mark(-1, 0, "available", connector=2))
    since_us, kept = trimmed(many)
    assert len(kept) == 74
    assert kept[:2] == (Mark(-1, 0, "available", connector=2), Mark(since_us - 1, since_us - 1, many[since_us].state))


def test_states_that_are_given_up_are_counted() -> None:
    kept, past = Marks(), Shares()
    for at in range(500):
        kept, past = with_state(kept, past, Mark(10 * at, at, "charging" if at % 2 else "suspended_ev"))
    assert len(kept) <= 96
    whole = shares(kept, 0, 5000, past)
    assert (whole.charging_us, whole.suspended_ev_us, whole.idle_us) == (2500, 2500, 0)


def test_shares_never_come_to_more_than_the_time() -> None:
    past = Shares(80, 40, 0, 0, is_known=True, until_us=120)
    found = shares((), 0, 100, past)
    assert (found.charging_us, found.suspended_ev_us) == (80, 20)
