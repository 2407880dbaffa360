"""What a run really was, as data: sessions, alarms, gaps; what each misbehaviour must come to; and their file.

The file is JSON lines, each with a `kind`: one `run` line, then `session`, `alarm` and `gap` lines, and one `end` line
with counts, without which the file is not complete. Times are RFC 3339 UTC with three decimals, energy whole Wh.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from contracts.flags import MISSING_START, OFFLINE
from contracts.times import SECOND
from simulator import misbehaviour as names

VERSION = 1

# -- what must come of it: rules the streams and the simulator agree on

THRESHOLD_FACTOR = 3  # a condition this many times below or beyond its threshold is certain
OFFLINE_GRACE = 60 * SECOND  # of the rule `offline`
BOOT_LOOP_BOOTS = 4  # of the rule `boot-loop`: so many boots ...
BOOT_LOOP_WINDOW = 600 * SECOND  # ... within this time, each answered and not `Triggered`
BOOTS_CERTAIN = BOOT_LOOP_BOOTS * THRESHOLD_FACTOR

CONNECTOR_FAULT, OFFLINE_RULE, BOOT_LOOP = "connector-fault", "offline", "boot-loop"
SECURITY_EVENT, OVERSIZED_FRAME = "security-event", "oversized-frame"
EDGE_NODE_LOST, EDGE_CLOCK = "edge-node-lost", "edge-clock"


class Expectation(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be seen of a misbehaviour downstream.

    `record`: session (each session touched by it, in this state, with all of `flags` and perhaps some of `may_flags`),
    alarm (of rule `rule`), or none. `about`: in one sentence.
    """

    record: Literal["session", "alarm", "none"]
    about: str
    state: str | None = None
    flags: tuple[str, ...] = ()
    may_flags: tuple[str, ...] = ()
    rule: str | None = None


def _session(about: str, flags: tuple[str, ...] = (), may_flags: tuple[str, ...] = ()) -> Expectation:
    return Expectation(record="session", state="ended", flags=flags, may_flags=may_flags, about=about)


EXPECTATIONS: Mapping[str, Expectation] = {
    names.CLOCK_SKEW: _session("Start and end are the station's own times, seconds off as they are."),
    names.METER_RESET: _session("The session's energy counts from the register's new beginning."),
    names.KWH_REGISTERS: _session("The energy is exact to the Wh."),
    names.NUMBER_VALUES: _session("Numbers count like texts; the frames carry a quirk."),
    names.PADDED_VALUES: _session("Blanks and needless decimals change nothing; the frames carry a quirk."),
    names.DUPLICATE_START_SAME_ID: _session("One session with one transaction id."),
    names.DUPLICATE_START_NEW_ID: _session("One session with one transaction id, which every retry was given."),
    names.DUPLICATE_STOP: _session("One session; its readings count once."),
    names.LOST_START_ANSWER: _session("Readings and stop with transactionId -1 join the start they belong to."),
    names.MISSING_START: _session(
        "A session without a start: it begins with the first reading (1.6) or event (2.x).", (MISSING_START,)
    ),
    names.RETRY: _session("What was sent more than once counts once."),
    names.SEQ_GAP: _session("The missing seqNos are told, and nothing else changes."),
    names.ENDED_WITHOUT_EVSE: _session("The evse is the one that the transaction's other events name."),
    names.ENERGY_MISSING: _session("Batches without energy leave the totals as they are."),
    names.BATCHED_READINGS: _session("Each reading counts at its own time."),
    names.OFFLINE_REPLAY: _session("What was recorded offline counts as if it had come at once.", (), (OFFLINE,)),
    names.POWER_LOSS_END: _session("The session ends when the power is back (PowerLoss).", (), (OFFLINE,)),
    names.POWER_LOSS_RESUME: _session("One session, from before the power loss to after it.", (), (OFFLINE,)),
    names.ABRUPT_CLOSE: _session("Nothing but a short gap.", (), (OFFLINE,)),
    names.BOOT_LOOP: Expectation(record="alarm", rule=BOOT_LOOP, about="One boot-loop alarm."),
    names.OVERSIZED_FRAME: Expectation(record="alarm", rule=OVERSIZED_FRAME, about="One oversized-frame alarm."),
    names.LONG_OUTAGE: Expectation(record="alarm", rule=OFFLINE_RULE, about="One offline alarm, cleared on return."),
    names.HALF_OPEN: Expectation(record="none", about="The new socket takes over: the station was never offline."),
}


def connector_fault_key(station: str, evse: int, connector: int, cause: str) -> str:
    """The alarm's key. 1.6: connector N is evse N, connector 1; the station itself is 0, 0."""
    return f"{CONNECTOR_FAULT}/{station}/{evse}/{connector}/{cause}"


def station_key(rule: str, station: str, cause: str = "") -> str:
    """The key of a station's alarm."""
    return f"{rule}/{station}/{cause}" if cause else f"{rule}/{station}"


def node_key(rule: str, node: str) -> str:
    """The key of an edge node's alarm."""
    return f"{rule}/{node}"


def gap_verdict(length_us: int) -> Literal["short", "long", "ambiguous"]:
    """Whether an offline gap raises no alarm for certain, raises one for certain, or neither."""
    if length_us * THRESHOLD_FACTOR <= OFFLINE_GRACE:
        return "short"
    return "long" if length_us >= OFFLINE_GRACE * THRESHOLD_FACTOR else "ambiguous"


# -- the file


class RunTruth(msgspec.Struct, frozen=True, kw_only=True, tag="run", tag_field="kind"):
    """The first line: what was run."""

    v: int
    seed: int
    stations: tuple[str, ...]
    versions: Mapping[str, int]
    started_at: str
    speed: float
    misbehaviours: tuple[str, ...]


class ExpectedSession(msgspec.Struct, frozen=True, kw_only=True):
    """What the session's record must say. A time that is null must be null."""

    state: str
    started_at: str | None
    ended_at: str | None
    import_wh: int
    flags: tuple[str, ...] = ()
    may_flags: tuple[str, ...] = ()
    seq_missing: tuple[int, ...] = ()


class SessionTruth(msgspec.Struct, frozen=True, kw_only=True, tag="session", tag_field="kind"):
    """One session as the station knows it, in its own words and by its own counter.

    `transaction_id`: 2.x the station's own; 1.6 the one of the answer, `-1` where that never came. `delivered`: its
    start (unless left out on purpose) and its stop were answered.
    """

    station: str
    proto: str
    evse: int
    connector: int
    transaction_id: str | None
    id_token: str
    started_at: str
    ended_at: str | None
    meter_start_wh: int
    meter_stop_wh: int | None
    wh: int
    stop_reason: str | None
    misbehaviours: tuple[str, ...]
    delivered: bool
    expected: ExpectedSession


class AlarmTruth(msgspec.Struct, frozen=True, kw_only=True, tag="alarm", tag_field="kind"):
    """One episode of an alarm.

    `must`: it has to be there; else it may be there (`why` says why that is not certain), and is neither missed nor
    extra. `raised_at` and `cleared_at` are exact where a frame of the station's gives them, else null; `near` is about
    when it was raised, for the order of the episodes of one key.
    """

    alarm_key: str
    rule: str
    must: bool
    near: str
    raised_at: str | None = None
    cleared_at: str | None = None
    why: str | None = None


class GapTruth(msgspec.Struct, frozen=True, kw_only=True, tag="gap", tag_field="kind"):
    """A time without a connection, as measured on the shared clock. `verdict`: short, long or ambiguous."""

    station: str
    cause: str
    from_at: str
    to_at: str
    seconds: float
    verdict: str


class EndTruth(msgspec.Struct, frozen=True, kw_only=True, tag="end", tag_field="kind"):
    """The last line: how many there are of what, and when the fleet closed its sockets."""

    ended_at: str
    sessions: int
    energy_wh: int
    alarms: int
    gaps: int
    calls: int
    answered: int
    discarded: int
    undelivered: int
    misbehaviours: Mapping[str, int]


Line: TypeAlias = RunTruth | SessionTruth | AlarmTruth | GapTruth | EndTruth


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """A run's truth, whole."""

    run: RunTruth
    sessions: tuple[SessionTruth, ...]
    alarms: tuple[AlarmTruth, ...]
    gaps: tuple[GapTruth, ...]
    end: EndTruth


def write(path: Path, truth: Truth) -> None:
    """Write the file; it appears whole, under its name, or not at all."""
    encoder = msgspec.json.Encoder()
    lines: list[Line] = [truth.run, *truth.sessions, *truth.alarms, *truth.gaps, truth.end]
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(b"".join(encoder.encode(line) + b"\n" for line in lines))
    draft.replace(path)


def read(path: Path) -> Truth:
    """Read the file; ValueError where it is not complete."""
    decoder = msgspec.json.Decoder(Line)
    return _sorted_out(decoder.decode(line) for line in path.read_bytes().splitlines())


def _sorted_out(lines: Iterable[Line]) -> Truth:
    run: RunTruth | None = None
    end: EndTruth | None = None
    sessions, alarms, gaps = [], [], []
    for line in lines:
        match line:
            case RunTruth():
                run = line
            case SessionTruth():
                sessions.append(line)
            case AlarmTruth():
                alarms.append(line)
            case GapTruth():
                gaps.append(line)
            case EndTruth():
                end = line
    if run is None or end is None:
        raise ValueError("the truth is not complete: its first or last line is missing")
    return Truth(run=run, sessions=tuple(sessions), alarms=tuple(alarms), gaps=tuple(gaps), end=end)
