"""The end of a run: what was derived against what was true, as a summary, a table and the differences. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from simulator.journal import Entry
from simulator.truth import Truth
from voltstream.demo.compare import DerivedAlarm, DerivedSession, compare
from voltstream.demo.report import Summary, latency_ms, lost, table


class Verdict(msgspec.Struct, frozen=True):
    """`differences` names every record that is not as it should be, in words; none: everything is right.

    `uncertain` names every alarm that is neither missed nor extra, and why.
    """

    summary: Summary
    table: str
    differences: tuple[str, ...]
    uncertain: tuple[str, ...]


def judge(
    truth: Truth,
    journal: Iterable[Entry],
    sessions: list[DerivedSession],
    alarms: list[DerivedAlarm],
    *,
    messages: int,
    recorded: Mapping[tuple[str, str], int],
    seen_ns: Mapping[tuple[str, str], int],
) -> Verdict:
    """`messages`, `recorded`, `seen_ns`: what `Tail` found on the log."""
    found = compare(sessions, alarms, truth.sessions, truth.alarms)
    entries = list(journal)
    missing = lost(entries, recorded)
    p50, p99 = latency_ms(entries, seen_ns)
    summary = Summary(
        stations=len(truth.run.stations),
        messages=messages,
        sessions=found.sessions,
        sessions_equal=found.sessions_equal,
        sessions_extra=found.sessions_extra,
        energy_wh=found.energy_wh,
        energy_truth_wh=found.energy_truth_wh,
        alarms=found.alarms,
        alarms_missed=found.alarms_missed,
        alarms_extra=found.alarms_extra,
        lost=len(missing),
        misbehaviours=dict(truth.end.misbehaviours),
        p50_ms=p50,
        p99_ms=p99,
    )
    differences = [*found.differences, *(f"lost: {station} {call}" for station, call in missing)]
    silent = set(truth.run.stations) - {session.station for session in truth.sessions}
    differences += [f"no session: {station}" for station in sorted(silent)]
    return Verdict(summary, table(summary, found, truth, alarms), tuple(differences), tuple(found.uncertain))
