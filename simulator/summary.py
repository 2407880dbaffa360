"""What a run came to: the last line on stdout, as JSON, and what deserves a line in the log."""

import logging
import sys

import msgspec

from simulator import latencies
from simulator import truth as truths
from simulator.fleet import Fleet

log = logging.getLogger(__name__)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The last line on stdout."""

    stations: int
    sessions: int
    energy_wh: int
    calls: int
    answered: int
    errors: int
    outcomes: dict[str, int]
    """CALLs by what became of them: result, error (a CALLERROR), none (no answer on their socket)."""
    latency_ms: latencies.Summary | None
    discarded: int
    undelivered: int
    alarms: int
    gaps: dict[str, int]
    refused: dict[str, int]
    faults: dict[str, int]
    misbehaviours: dict[str, int]
    seconds: float
    cpu_seconds: float


def tell(fleet: Fleet, truth: truths.Truth, seconds: float, cpu_seconds: float) -> None:
    """Print the summary; `seconds` are real ones."""
    gaps = {"short": 0, "long": 0, "ambiguous": 0}
    for gap in truth.gaps:
        gaps[gap.verdict] += 1
        if gap.verdict == "ambiguous":
            log.warning("ambiguous gap", extra={"station": gap.station, "seconds": gap.seconds, "cause": gap.cause})
    summary = Summary(
        stations=len(fleet.stations),
        sessions=truth.end.sessions,
        energy_wh=truth.end.energy_wh,
        calls=truth.end.calls,
        answered=truth.end.answered,
        errors=fleet.journal.errors,
        outcomes=fleet.journal.outcomes,
        latency_ms=fleet.journal.latencies.summary(),
        discarded=truth.end.discarded,
        undelivered=truth.end.undelivered,
        alarms=truth.end.alarms,
        gaps=gaps,
        refused=dict(fleet.ledger.refused),
        faults=dict(fleet.ledger.faults),
        misbehaviours=dict(sorted(fleet.ledger.misbehaviours.items())),
        seconds=round(seconds, 1),
        cpu_seconds=round(cpu_seconds, 2),
    )
    if summary.latency_ms is not None:
        latency_ms = {f"{name}_ms": value for name, value in msgspec.structs.asdict(summary.latency_ms).items()}
        log.info("calls", extra={**summary.outcomes, **latency_ms})
    sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
    sys.stdout.flush()
