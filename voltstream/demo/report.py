"""What the demo tells: its progress, its table, its summary."""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from simulator.journal import Entry
from simulator.truth import Truth
from voltstream.demo.compare import Comparison, DerivedAlarm, alarm_counts

_EVERY_S = 2.0
_MOST_REASONS, _MOST_CHARACTERS = 5, 200
_MEASURED = frozenset({"MeterValues"})


class Summary(msgspec.Struct, frozen=True):
    """The last line, as one JSON object. `lost`: answered CALLs whose record or reply is not on the log.

    `p50_ms`, `p99_ms`: from the sending of a MeterValues to its first sample, real milliseconds.
    """

    stations: int
    messages: int
    sessions: int
    sessions_equal: int
    sessions_extra: int
    energy_wh: float
    energy_truth_wh: int
    alarms: int
    alarms_missed: int
    alarms_extra: int
    lost: int
    misbehaviours: Mapping[str, int]
    p50_ms: float | None
    p99_ms: float | None


class Progress:
    """Lines for a person, on stderr; the progress line is rewritten where it is a terminal."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet, self._terminal = quiet, sys.stderr.isatty()
        self._last_s, self._messages = time.monotonic(), 0
        self._open = False

    def line(self, text: str) -> None:
        if self._quiet:
            return
        self.close()
        print(text, file=sys.stderr, flush=True)

    def close(self) -> None:
        """End the progress line: somebody else is about to write."""
        if self._open:
            print(file=sys.stderr, flush=True)
            self._open = False

    def progress(self, elapsed_s: float, total_s: float, messages: int) -> None:
        now_s = time.monotonic()
        if self._quiet or now_s - self._last_s < _EVERY_S:
            return
        rate = (messages - self._messages) / (now_s - self._last_s)
        self._last_s, self._messages = now_s, messages
        state = f"{min(elapsed_s, total_s):.0f} of {total_s:.0f} s" if elapsed_s <= total_s else "stopping sessions"
        text = f"{state:>18}   {messages:>8,} messages   {rate:>6,.0f}/s"
        if self._terminal:
            print(f"\r{text}", end="", file=sys.stderr, flush=True)
            self._open = True
        else:
            print(text, file=sys.stderr, flush=True)


def table(summary: Summary, found: Comparison, truth: Truth, alarms: list[DerivedAlarm]) -> str:
    """Derived against truth."""
    rows = [
        ("", "derived", "truth", ""),
        (
            "sessions",
            f"{summary.sessions_equal + summary.sessions_extra:,}",
            f"{summary.sessions:,}",
            _verdict(summary.sessions_equal == summary.sessions and not summary.sessions_extra),
        ),
        (
            "energy, Wh",
            f"{summary.energy_wh:,.0f}",
            f"{summary.energy_truth_wh:,}",
            _verdict(summary.energy_wh == summary.energy_truth_wh),
        ),
        (
            "alarms",
            f"{summary.alarms - summary.alarms_missed + summary.alarms_extra:,}",
            f"{summary.alarms:,}",
            _verdict(not summary.alarms_missed and not summary.alarms_extra),
        ),
        ("answered, not on the log", f"{summary.lost:,}", "0", _verdict(not summary.lost)),
    ]
    lines = [f"{name:<26}{derived:>14}{true:>14}   {verdict}".rstrip() for name, derived, true, verdict in rows]
    counts = ", ".join(f"{rule} {count}" for rule, count in alarm_counts(alarms).items())
    lines += ["", f"alarms by rule: {counts or 'none'}"]
    if found.alarms_uncertain:
        lines.append(f"neither missed nor extra (too close to a threshold to be certain): {found.alarms_uncertain}")
    if truth.end.misbehaviours:
        lines.append("misbehaviours: " + ", ".join(f"{n} {c}" for n, c in sorted(truth.end.misbehaviours.items())))
    latency = "not measured" if summary.p50_ms is None else f"p50 {summary.p50_ms} ms, p99 {summary.p99_ms} ms"
    lines.append(f"{summary.messages:,} messages; a reading becomes a sample in {latency}")
    return "\n".join(lines)


def dead_letters(found: Mapping[str, int]) -> list[str]:
    """The commonest reasons for which records went to the dead letters, one line each."""
    common = Counter(found).most_common(_MOST_REASONS)
    return [f"dead letters: {count:,} from {reason[:_MOST_CHARACTERS]}" for reason, count in common]


def _verdict(good: bool) -> str:  # noqa: FBT001 - reads well where it is used
    return "equal" if good else "DIFFERS"


def lost(journal: Iterable[Entry], recorded: Mapping[tuple[str, str], int]) -> list[tuple[str, str]]:
    """(station, unique id) of CALLs that were answered, and whose record or reply is not on the log."""
    answered = Counter((entry.station, entry.id) for entry in journal if entry.outcome != "none")
    return sorted(call for call, count in answered.items() if recorded.get(call, 0) < count)


def latency_ms(journal: Iterable[Entry], seen_ns: Mapping[tuple[str, str], int]) -> tuple[float | None, float | None]:
    """Median and 99th percentile, from the first sending of a MeterValues to its first sample."""
    sent: dict[tuple[str, str], int] = {}
    for entry in journal:
        if entry.action in _MEASURED:
            sent.setdefault((entry.station, entry.id), entry.sent_ns)
    took = sorted((seen_ns[call] - ns) / 1e6 for call, ns in sent.items() if call in seen_ns)
    if not took:
        return None, None
    return round(took[len(took) // 2], 1), round(took[min(len(took) - 1, len(took) * 99 // 100)], 1)
