"""Derived against truth, session by session and alarm by alarm. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable

import msgspec

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
    """What came of it. `differences` names every record that is not as it should be, in words."""

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
    found = Comparison(differences=[])
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
        found.alarms_uncertain += uncertain
        found.alarms_missed += len(missed)
        found.alarms_extra += len(extra)
        for alarm in missed:
            found.differences.append(f"alarm missing: {key} raised at {alarm.raised_at or 'about ' + alarm.near}")
        for episode in extra:
            found.differences.append(f"alarm extra: {episode.alarm_id} ({episode.state})")


def _match(expected: list[AlarmTruth], got: list[DerivedAlarm]) -> tuple[list[AlarmTruth], list[DerivedAlarm], int]:
    """One key's episodes, one to one: exact times first, the rest in order; what may be there takes what is left."""
    by_time = {each.raised_at: each for each in got}
    left = list(got)
    open_ = []
    uncertain = 0
    for true in expected:
        match = by_time.get(true.raised_at) if true.raised_at is not None else None
        if match is not None and match in left:
            left.remove(match)
            uncertain += not true.must
        else:
            open_.append(true)
    must = [true for true in open_ if true.must and true.raised_at is None]
    missed = [true for true in open_ if true.must and true.raised_at is not None]
    may = sum(not true.must for true in open_)
    # Among those without an exact time, order decides; more episodes than are certain are those that may be there.
    matched = min(len(must), len(left))
    missed += must[matched:]
    spare = len(left) - matched
    allowed = min(spare, may)
    uncertain += allowed
    return missed, left[matched + allowed :], uncertain


def alarm_counts(alarms: Iterable[DerivedAlarm]) -> dict[str, int]:
    """Episodes by rule."""
    return dict(sorted(Counter(each.alarm_key.partition("/")[0] for each in alarms).items()))
