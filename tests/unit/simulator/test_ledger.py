"""Which alarms the fleet's own frames, gaps and boots must cause, and which are not certain."""

from contracts.times import MINUTE, SECOND, rfc3339_ms
from simulator.ledger import Ledger
from simulator.truth import AlarmTruth, gap_verdict

STATION = "default/CP0001"
T = 1_800_000_000_000_000


def fault(ledger: Ledger, at_us: int, cause: str = "GroundFailure", *, answered: bool) -> None:
    ledger.fault(STATION, 1, 1, cause, at_us, answered=answered, source="status")


def over(ledger: Ledger, at_us: int, *, answered: bool) -> None:
    ledger.fault_over(STATION, 1, 1, at_us, answered=answered, source="status")


def told(ledger: Ledger, at_us: int, cause: str = "GroundFailure") -> None:
    fault(ledger, at_us, cause, answered=False)
    fault(ledger, at_us, cause, answered=True)


def only(ledger: Ledger) -> AlarmTruth:
    (alarm,) = ledger.alarms()
    return alarm


def test_a_fault_that_was_answered_is_an_alarm_with_its_own_times() -> None:
    ledger = Ledger()
    told(ledger, T)
    over(ledger, T + MINUTE, answered=False)
    over(ledger, T + MINUTE, answered=True)
    alarm = only(ledger)
    assert alarm.alarm_key == f"connector-fault/{STATION}/1/1/GroundFailure"
    assert (alarm.must, alarm.raised_at, alarm.cleared_at) == (True, rfc3339_ms(T), rfc3339_ms(T + MINUTE))


def test_a_fault_that_nobody_answered_may_be_an_alarm() -> None:
    ledger = Ledger()
    fault(ledger, T, answered=False)
    assert not only(ledger).must
    assert only(ledger).why is not None


def test_told_again_with_its_own_time_after_a_reconnect_it_is_exact() -> None:
    ledger = Ledger()
    fault(ledger, T, answered=False)
    told(ledger, T)
    assert (only(ledger).must, only(ledger).raised_at) == (True, rfc3339_ms(T))


def test_told_again_with_another_time_it_is_certain_but_not_exact() -> None:
    ledger = Ledger()
    fault(ledger, T, answered=False)
    told(ledger, T + SECOND)
    assert (only(ledger).must, only(ledger).raised_at) == (True, None)


def test_a_repeat_changes_nothing() -> None:
    ledger = Ledger()
    told(ledger, T)
    told(ledger, T + SECOND)
    assert only(ledger).raised_at == rfc3339_ms(T)


def test_two_causes_are_two_alarms_and_the_second_ends_the_first() -> None:
    ledger = Ledger()
    told(ledger, T, "GroundFailure")
    told(ledger, T + SECOND, "Faulted")
    over(ledger, T + MINUTE, answered=True)
    assert [alarm.cleared_at for alarm in ledger.alarms()] == [rfc3339_ms(T + SECOND), rfc3339_ms(T + MINUTE)]


def test_the_same_fault_twice_is_two_episodes() -> None:
    ledger = Ledger()
    for at_us in (T, T + 10 * MINUTE):
        told(ledger, at_us)
        over(ledger, at_us + MINUTE, answered=False)
        over(ledger, at_us + MINUTE, answered=True)
    assert [alarm.raised_at for alarm in ledger.alarms()] == [rfc3339_ms(T), rfc3339_ms(T + 10 * MINUTE)]


def test_back_after_an_end_that_nobody_answered_nothing_is_certain() -> None:
    ledger = Ledger()
    told(ledger, T)
    over(ledger, T + MINUTE, answered=False)
    fault(ledger, T + 2 * MINUTE, answered=False)
    assert [alarm.must for alarm in ledger.alarms()] == [False, False]


def test_a_monitored_variable_does_not_end_with_the_status() -> None:
    ledger = Ledger()
    for answered in (False, True):
        ledger.fault(STATION, 1, 1, "EVSE.Overload", T, answered=answered, source="EVSE.Overload")
    over(ledger, T + MINUTE, answered=True)
    assert only(ledger).cleared_at is None


def test_gaps_by_their_measured_length() -> None:
    assert [gap_verdict(round(seconds * SECOND)) for seconds in (3, 20, 20.1, 179, 180, 900)] == [
        "short",
        "short",
        "ambiguous",
        "ambiguous",
        "long",
        "long",
    ]
    ledger = Ledger()
    for seconds in (5, 100, 300):
        ledger.gap(STATION, "test", T, T + seconds * SECOND)
    assert [(alarm.rule, alarm.must) for alarm in ledger.alarms()] == [("offline", False), ("offline", True)]
    assert len(ledger.gaps) == 3


def test_a_station_that_left_may_be_offline() -> None:
    ledger = Ledger()
    ledger.left(STATION, T)
    assert (only(ledger).alarm_key, only(ledger).must) == (f"offline/{STATION}", False)


def boots(*at_s: int) -> list[bool]:
    ledger = Ledger()
    for at in at_s:
        ledger.booted(STATION, T + at * SECOND)
    return [alarm.must for alarm in ledger.alarms()]


def test_boot_loops() -> None:
    assert boots(0, 900, 1800) == []
    assert boots(*range(0, 130, 10)) == [True]
    assert boots(0, 10, 20, 30) == [False]
    assert boots(*range(0, 130, 10), *range(7200, 7330, 10)) == [True, True]


def test_security_events_have_their_own_time() -> None:
    ledger = Ledger()
    ledger.security_event(STATION, "InvalidMessages", T, answered=False)
    assert not only(ledger).must
    ledger.security_event(STATION, "InvalidMessages", T, answered=True)
    alarm = only(ledger)
    assert (alarm.alarm_key, alarm.must) == (f"security-event/{STATION}/InvalidMessages", True)
    assert alarm.raised_at == rfc3339_ms(T)


def test_a_frame_too_large_is_certain_once_the_socket_was_closed_for_it() -> None:
    ledger = Ledger()
    ledger.oversized(STATION, T, closed_for_it=False)
    assert not only(ledger).must
    ledger.oversized(STATION, T, closed_for_it=True)
    assert (only(ledger).must, only(ledger).raised_at) == (True, None)
