"""Episodes of alarms, from signals to views."""

from contracts.events import Alarm, Source
from contracts.times import MINUTE, rfc3339_ms
from streams.alarms.episodes import Episode, Signal, Subject, alarm_key, elapse, fold
from streams.alarms.rules import RULES

SUBJECT = Subject("default", "default/CP1", "s", 1, 42, Source(3, 42))
DAY = 24 * 60 * MINUTE


def signalled(*signals: tuple[Signal, int]) -> tuple[dict[str, Episode], list[Alarm]]:
    episodes: dict[str, Episode] = {}
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


def test_an_end_without_a_beginning_is_nothing() -> None:
    assert signalled((fault(1, active=False), 1)) == ({}, [])


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
    (episode,) = episodes.values()
    assert episode.due_us() == 61 * MINUTE
    assert elapse(episodes, SUBJECT, 61 * MINUTE - 1) == (episodes, [])
    after, (view,) = elapse(episodes, SUBJECT, 75 * MINUTE)
    assert after == {}
    assert (view.state, view.cleared_at, view.clear_reason) == ("expired", rfc3339_ms(61 * MINUTE), "expired")


def test_a_condition_is_published_again_after_seven_days() -> None:
    episodes, _ = signalled((fault(0), 0))
    after, (view,) = elapse(episodes, SUBJECT, 7 * DAY)
    assert (view.state, view.count) == ("updated", 1)
    (episode,) = after.values()
    assert episode.due_us() == 14 * DAY
    assert elapse(after, SUBJECT, 7 * DAY + 1) == (after, [])


def test_every_rule_names_its_runbook_and_occurrences_expire() -> None:
    for name, rule in RULES.items():
        assert rule.name == name
        assert (rule.expires_us > 0) == (rule.kind == "occurrence")
