"""Derived against truth, session by session and alarm by alarm. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

from contracts.times import from_rfc3339
from simulator.truth import AlarmTruth, SessionTruth


class DerivedSession(msgspec.Struct, frozen=True):
    """A session as the store gives it. Times are RFC 3339 with three decimals."""

    session_id: str
    station: str
    evse: int
    state: str
    started_at: str | None
    ended_at: str | None
    import_wh: float | None
    flags: tuple[str, ...] = ()


class DerivedAlarm(msgspec.Struct, frozen=True):
    """An episode of an alarm as the store gives it."""

    alarm_id: str
    alarm_key: str
    state: str
    raised_at: str


class Comparison(msgspec.Struct):
    """What came of it.

    `differences` names every record that is not as it should be, in words, `uncertain` every alarm that may be there.
    """

    sessions: int = 0
    sessions_equal: int = 0
    sessions_extra: int = 0
    energy_wh: float = 0.0
    energy_truth_wh: int = 0
    alarms: int = 0
    alarms_missed: int = 0
    alarms_extra: int = 0
    alarms_uncertain: int = 0
    differences: list[str] = []
    uncertain: list[str] = []

    @property
    def equal(self) -> bool:
        return not self.differences


def compare(
    sessions: Iterable[DerivedSession],
    alarms: Iterable[DerivedAlarm],
    true_sessions: Iterable[SessionTruth],
    true_alarms: Iterable[AlarmTruth],
) -> Comparison:
    """Compare what was derived with what was true."""
    found = Comparison(differences=[], uncertain=[])
    _sessions(found, list(sessions), list(true_sessions))
    _alarms(found, list(alarms), list(true_alarms))
    return found


def _sessions(found: Comparison, derived: list[DerivedSession], truth: list[SessionTruth]) -> None:
    found.sessions = len(truth)
    found.energy_wh = round(sum(each.import_wh or 0.0 for each in derived), 3)
    found.energy_truth_wh = sum(each.expected.import_wh for each in truth)
    waiting: dict[tuple[object, ...], list[DerivedSession]] = defaultdict(list)
    for each in derived:
        waiting[each.station, each.evse, each.started_at, each.ended_at, each.import_wh, each.state].append(each)
    missing = []
    for true in truth:
        expected = true.expected
        key = (
            true.station,
            true.evse,
            expected.started_at,
            expected.ended_at,
            float(expected.import_wh),
            expected.state,
        )
        candidates = waiting.get(key)
        if not candidates:
            missing.append(true)
            continue
        match = candidates.pop()
        wrong = set(expected.flags) - set(match.flags) or set(match.flags) - {*expected.flags, *expected.may_flags}
        if wrong:
            wanted = f"{sorted(expected.flags)}, perhaps {sorted(expected.may_flags)}"
            found.differences.append(f"session {match.session_id} has flags {list(match.flags)}, not {wanted}")
        else:
            found.sessions_equal += 1
    left = [each for candidates in waiting.values() for each in candidates]
    found.sessions_extra = len(left)
    for true in missing:
        expected = true.expected
        found.differences.append(
            f"session missing: {true.station} evse {true.evse} transaction {true.transaction_id} "
            f"{expected.state} {expected.started_at} to {expected.ended_at} {expected.import_wh} Wh "
            f"({', '.join(true.misbehaviours) or 'well-behaved'})"
        )
    for each in left:
        found.differences.append(
            f"session extra: {each.session_id} evse {each.evse} {each.state} {each.started_at} to {each.ended_at} "
            f"{each.import_wh} Wh {list(each.flags)}"
        )


def _alarms(found: Comparison, derived: list[DerivedAlarm], truth: list[AlarmTruth]) -> None:
    """Match episodes of each key in order. Those that may or may not be there are neither missed nor extra."""
    found.alarms = sum(each.must for each in truth)
    wanted: dict[str, list[AlarmTruth]] = defaultdict(list)
    for true in truth:
        wanted[true.alarm_key].append(true)
    episodes: dict[str, list[DerivedAlarm]] = defaultdict(list)
    for each in derived:
        episodes[each.alarm_key].append(each)
    for key in sorted({*wanted, *episodes}):
        expected = sorted(wanted[key], key=lambda each: each.near)
        got = sorted(episodes[key], key=lambda each: each.raised_at)
        missed, extra, uncertain = _match(expected, got)
        found.alarms_uncertain += len(uncertain)
        found.alarms_missed += len(missed)
        found.alarms_extra += len(extra)
        for alarm in missed:
            found.differences.append(f"alarm missing: {key} raised at {alarm.raised_at or 'about ' + alarm.near}")
        for episode in extra:
            found.differences.append(f"alarm extra: {episode.alarm_id} ({episode.state})")
        for episode, why in uncertain:
            found.uncertain.append(f"{episode.alarm_id} ({episode.state}): {why}")


def _match(
    expected: list[AlarmTruth], got: list[DerivedAlarm]
) -> tuple[list[AlarmTruth], list[DerivedAlarm], list[tuple[DerivedAlarm, str]]]:
    """One key's episodes, one to one: exact times first, then the certain, then those that may be there.

    Gives those missed, those extra, and those that may be there, each with the reason why that is not certain.
    """
    left, missed = list(got), []
    uncertain: list[tuple[DerivedAlarm, str]] = []
    open_ = []
    for true in expected:
        match = next((each for each in left if each.raised_at == true.raised_at), None)
        if match is None:
            open_.append(true)
            continue
        left.remove(match)
        if not true.must:
            uncertain.append((match, true.why or ""))
    for true in (true for true in open_ if true.must):
        nearest = _nearest(true, left) if true.raised_at is None else None
        if nearest is None:
            missed.append(true)
        else:
            left.remove(nearest)
    for true in (true for true in open_ if not true.must):
        nearest = _nearest(true, left)
        if nearest is not None:
            left.remove(nearest)
            uncertain.append((nearest, true.why or ""))
    return missed, left, uncertain


def _nearest(true: AlarmTruth, episodes: list[DerivedAlarm]) -> DerivedAlarm | None:
    """The episode whose time is closest to when the alarm was to be raised, roughly."""
    near_us = from_rfc3339(true.near)
    return min(episodes, key=lambda each: abs(from_rfc3339(each.raised_at) - near_us), default=None)


def alarm_counts(alarms: Iterable[DerivedAlarm]) -> dict[str, int]:
    """Episodes by rule."""
    return dict(sorted(Counter(each.alarm_key.partition("/")[0] for each in alarms).items()))
