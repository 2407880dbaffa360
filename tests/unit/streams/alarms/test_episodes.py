"""Episodes of alarms, from signals to views."""

import msgspec

from contracts.events import Alarm, Source
from contracts.times import MINUTE, rfc3339_ms
from streams.alarms.episodes import Alarms, Signal, Subject, alarm_key, elapse, fold
from streams.alarms.rules import RULES

SUBJECT = Subject("default", "default/CP1", "s", 1, 42, Source(3, 42))
DAY = 24 * 60 * MINUTE


def signalled(*signals: tuple[Signal, int]) -> tuple[Alarms, list[Alarm]]:
    episodes = Alarms()
    views = []
    for signal, now in signals:
        episodes, more = fold(episodes, [signal], SUBJECT, now)
        views += more
    return episodes, views


def fault(at: int, *, active: bool = True, cause: str = "E1", value: float | None = None) -> Signal:
    return Signal(rule="connector-fault", active=active, at_us=at, evse=1, connector=2, cause=cause, value=value)


def test_keys_are_of_the_object_that_the_rule_is_about() -> None:
    assert alarm_key(RULES["connector-fault"], "default/CP1", fault(1)) == "connector-fault/default/CP1/1/2/E1"
    offline = Signal(rule="offline", active=True, at_us=1)
    assert alarm_key(RULES["offline"], "default/CP1", offline) == "offline/default/CP1"
    lost = Signal(rule="edge-node-lost", active=True, at_us=1)
    assert alarm_key(RULES["edge-node-lost"], "default/edge-1:9000", lost) == "edge-node-lost/edge-1:9000"


def test_a_view_says_who_where_and_which_rule() -> None:
    _, (view,) = signalled((fault(MINUTE), 2 * MINUTE))
    assert (view.station, view.tenant, view.site, view.log, view.revision) == ("default/CP1", "default", "s", 1, 42)
    assert (view.rule, view.rule_version, view.title) == ("connector-fault", 1, "Connector fault")
    assert view.runbook == "docs/alarms.md#connector-fault"
    assert (view.raised_at, view.detected_at) == (rfc3339_ms(MINUTE), rfc3339_ms(2 * MINUTE))


def test_an_alarm_stays_at_the_site_where_it_was_raised() -> None:
    episodes, _ = signalled((fault(MINUTE), MINUTE))
    elsewhere = msgspec.structs.replace(SUBJECT, site="other")
    _, (cleared,) = fold(episodes, [fault(2 * MINUTE, active=False)], elsewhere, 2 * MINUTE)
    assert (cleared.state, cleared.site) == ("cleared", "s")


def test_an_end_without_a_beginning_is_nothing() -> None:
    assert signalled((fault(1, active=False), 1)) == (Alarms(), [])


def test_no_signals_leave_everything_as_it_is() -> None:
    episodes, _ = signalled((fault(1), 1))
    after, views = fold(episodes, [], SUBJECT, 5)
    assert after is episodes
    assert views == []


def test_a_value_that_moves_is_no_change_to_tell_at_once() -> None:
    _, views = signalled((fault(1, value=1.0), 1), (fault(2, value=2.0), 2), (fault(3, value=3.0), MINUTE))
    assert [(view.state, view.value, view.count) for view in views] == [("raised", 1.0, 1), ("updated", 3.0, 3)]


def test_an_occurrence_expires_at_its_deadline() -> None:
    signal = Signal(rule="boot-loop", active=True, at_us=MINUTE)
    episodes, _ = signalled((signal, MINUTE))
    (episode,) = episodes.open.values()
    assert episode.due_us() == 61 * MINUTE
    assert elapse(episodes, SUBJECT, 61 * MINUTE - 1) == (episodes, [])
    after, (view,) = elapse(episodes, SUBJECT, 75 * MINUTE)
    assert after.open == {}
    assert (view.state, view.cleared_at, view.clear_reason) == ("expired", rfc3339_ms(61 * MINUTE), "expired")


def test_a_condition_is_published_again_after_seven_days() -> None:
    episodes, _ = signalled((fault(0), 0))
    after, (view,) = elapse(episodes, SUBJECT, 7 * DAY)
    assert (view.state, view.count) == ("updated", 1)
    (episode,) = after.open.values()
    assert episode.due_us() == 14 * DAY
    assert elapse(after, SUBJECT, 7 * DAY + 1) == (after, [])


def test_every_rule_names_its_runbook_and_occurrences_expire() -> None:
    for name, rule in RULES.items():
        assert rule.name == name
        assert (rule.expires_us > 0) == (rule.kind == "occurrence")


# -- ids


def test_an_id_is_given_once_however_fast_it_comes_back() -> None:
    """Stations report seconds, and some always the same one."""
    second = 10 * MINUTE
    _, views = signalled(*((fault(second, active=active), second) for _ in range(3) for active in (True, False)))
    raised = [view.alarm_id for view in views if view.state == "raised"]
    cleared = [view.alarm_id for view in views if view.state == "cleared"]
    assert raised == cleared
    assert [each.rpartition("/")[2] for each in raised] == [rfc3339_ms(second + ms * 1000) for ms in range(3)]


def test_one_that_is_raised_at_another_time_has_that_time() -> None:
    times = (10 * MINUTE, 11 * MINUTE, 5 * MINUTE)
    _, views = signalled(*((fault(at, active=active), at) for at in times for active in (True, False)))
    assert [view.raised_at for view in views if view.state == "raised"] == [rfc3339_ms(at) for at in times]


def test_few_of_the_ended_are_remembered() -> None:
    both = ((number, active) for number in range(100) for active in (True, False))
    alarms, _ = signalled(*((fault(number, active=active, cause=f"E{number}"), number) for number, active in both))
    assert list(alarms.ended) == [f"connector-fault/default/CP1/1/2/E{number}" for number in range(92, 100)]


# -- sessions


def test_the_session_is_that_in_which_it_was_raised() -> None:
    signals = (msgspec.structs.replace(fault(at), session_id=name) for at, name in ((1, "A"), (2, "B"), (3, None)))
    _, views = signalled(*((signal, MINUTE * number) for number, signal in enumerate(signals)))
    assert [(view.state, view.session_id) for view in views] == [("raised", "A"), ("updated", "A"), ("updated", "A")]


# -- bounds


def open_faults(alarms: Alarms) -> list[str]:
    return [key.rpartition("/")[2] for key in alarms.open]


def test_of_too_many_faults_of_a_connector_the_longest_unseen_is_let_go() -> None:
    alarms, views = signalled(*((fault(number, cause=f"E{number}"), number) for number in range(33)))
    assert open_faults(alarms) == [f"E{number}" for number in range(1, 33)]
    (let_go,) = [view for view in views if view.state == "cleared"]
    assert (let_go.alarm_key[-3:], let_go.clear_reason) == ("/E0", "too many open alarms")


def test_a_severe_one_stays_whatever_else_comes() -> None:
    critical = msgspec.structs.replace(fault(0, cause="X"), severity="critical")
    alarms, _ = signalled((critical, 0), *((fault(number, cause=f"E{number}"), number) for number in range(1, 100)))
    assert len(alarms.open) == 32
    assert open_faults(alarms)[0] == "X"


def test_what_is_less_than_all_that_are_open_is_not_raised() -> None:
    alarms, _ = signalled(*((fault(number, cause=f"E{number}"), number) for number in range(32)))
    warning = msgspec.structs.replace(fault(50, cause="W"), severity="warning")
    assert fold(alarms, [warning], SUBJECT, 50) == (alarms, [])


def test_32_of_a_connector_and_128_of_a_station_are_none_too_many() -> None:
    faults = [
        msgspec.structs.replace(fault(1, cause=f"E{number}"), connector=connector)
        for connector in range(4)
        for number in range(32)
    ]
    offline = Signal(rule="offline", active=True, at_us=1)
    alarms, views = signalled((offline, 1), *((each, 1) for each in faults))
    assert {view.state for view in views} == {"raised"}
    alarms, (raised, let_go) = fold(alarms, [msgspec.structs.replace(fault(2), connector=9)], SUBJECT, 2)
    assert (raised.connector, let_go.state, len(alarms.open)) == (9, "cleared", 129)
    assert "offline/default/CP1" in alarms.open
