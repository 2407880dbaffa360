"""A session as it is now: a view of its facts and of the sum of its readings."""

from typing import Literal

import msgspec

from contracts.events import EnergyMethod, SessionState, Signed
from contracts.flags import (
    BACKWARD,
    CLOCK_SUSPECT,
    LATE,
    MISSING_START,
    MISSING_STOP,
    OFFLINE,
    RESET,
    ROLLOVER,
    SIGNED_INCOMPLETE,
    ZERO_BEGIN,
    ZOMBIE,
)
from streams.energy.register import Track, extended, joined, step
from streams.energy.rows import BEGIN, END
from streams.energy.span import Span, most
from streams.sessions.held import ZOMBIE_AFTER, Held
from streams.sessions.join import Joined, registers

_BROKEN = frozenset({RESET, ROLLOVER, ZERO_BEGIN})
_OF_REGISTERS = _BROKEN | {BACKWARD}
_FAULT_REASONS = frozenset(
    {"EmergencyStop", "GroundFault", "OvercurrentFault", "PowerQuality", "ImmediateReset", "HardReset", "Other"}
)

Result = Literal["ok", "no-energy", "never-started", "deauthorised", "fault"]


class Energy(msgspec.Struct, frozen=True):
    """Wh, the registers at both ends, and the flags that they give rise to."""

    imported: float | None
    exported: float | None
    method: EnergyMethod
    begin: float | None
    end: float | None
    flags: frozenset[str]


class View(msgspec.Struct, frozen=True):
    """What the record says, and the times that timers need (microseconds)."""

    state: SessionState
    start_us: int | None
    end_us: int | None
    heard_us: int
    """When something of it happened last."""
    reason: str | None
    energy: Energy
    span: Span | None
    flags: frozenset[str]

    @property
    def result(self) -> Result | None:
        if self.end_us is None:
            return None
        if self.reason == "DeAuthorized":
            return "deauthorised"
        if self.reason in _FAULT_REASONS:
            return "fault"
        return "ok" if self.energy.imported else "no-energy"


def view(held: Held) -> View:
    """What the facts and the rows of a session come to; its sum must not be stale."""
    facts, span, tx = held.facts, held.sum.now, held.facts.tx
    start_us = facts.start_us
    if start_us is None and span is not None:
        start_us = span.first_us
    said_us = facts.said_us
    moments = (start_us, said_us, None if span is None else span.last_us, None if tx is None else tx.last_us)
    heard_us = max((moment for moment in moments if moment is not None), default=0)
    state, end_us, flags = _state(held, said_us, heard_us)
    energy = _energy(facts, span, start_us, end_us)
    flags |= _quality(held, ended=end_us is not None) | energy.flags
    if span is not None:
        flags |= set(span.flags) - _OF_REGISTERS
    reason = None if end_us is None else tx.reason if tx is not None else facts.stop.reason if facts.stop else None
    return View(state, start_us, end_us, heard_us, reason, energy, span, frozenset(flags))


def _state(held: Held, said_us: int | None, heard_us: int) -> tuple[SessionState, int | None, set[str]]:
    """State, end, and the flags that belong to them."""
    if said_us is not None:
        return "ended", said_us, set()
    if held.facts.next_us is not None:
        return "ended", heard_us, {MISSING_STOP}
    if held.zombie_us is not None and held.zombie_us >= heard_us + ZOMBIE_AFTER:
        return "zombie", heard_us, {MISSING_STOP, ZOMBIE}
    return "open", None, set()


def _quality(held: Held, *, ended: bool) -> set[str]:
    """The flags of how its facts came to us."""
    start, stop, tx = held.facts.start, held.facts.stop, held.facts.tx
    found = set()
    if tx.started_us is None if tx is not None else start is None:
        found.add(MISSING_START)
    if (
        (tx.started_by_edge or tx.ended_by_edge)
        if tx is not None
        else (start is not None and start.at_us is None) or (stop is not None and stop.by_edge)
    ):
        found.add(CLOCK_SUSPECT)
    if tx.offline if tx is not None else any(each is not None and each.offline for each in (start, stop)):
        found.add(OFFLINE)
    if held.late:
        found.add(LATE)
    if ended and _is_incomplete(held.facts.signed):
        found.add(SIGNED_INCOMPLETE)
    return found


def _is_incomplete(signed: tuple[Signed, ...]) -> bool:
    """One end only: neither a begin and an end, nor data of two moments."""
    contexts = {each.context for each in signed}
    return bool(signed) and not {BEGIN, END} <= contexts and len({each.at for each in signed}) < 2


def _energy(facts: Joined, span: Span | None, start_us: int | None, end_us: int | None) -> Energy:
    begin, end = registers(facts)
    track = None if span is None else span.imported
    exported = round(span.exported.wh, 3) if span is not None and span.exported is not None else None
    whole, flags = _whole(facts, track, start_us, end_us)
    if whole is None or (track is None and (begin is None or end is None or ZERO_BEGIN in flags)):
        # One register alone says nothing.
        if span is None or not (span.imported_intervals or span.exported_intervals):
            return Energy(None, exported, "none", begin, end, frozenset(flags))
        into, out = most(span.imported_intervals), most(span.exported_intervals)
        return Energy(into, out, "interval", begin, end, frozenset(flags))
    method: EnergyMethod = "start-stop" if track is None else "register"
    first = whole.first if begin is None or ZERO_BEGIN in flags else begin
    last = whole.last if end is None else end
    flags |= _BROKEN & set(whole.flags)
    if last < first and BACKWARD in whole.flags:
        flags.add(BACKWARD)
    # Where the register was one rising line, its ends tell; noise between them does not count.
    straight = flags.isdisjoint({RESET, ROLLOVER}) and ZERO_BEGIN not in whole.flags and last >= first
    imported = round(last - first if straight else whole.wh, 3)
    return Energy(imported, exported, method, first if begin is None else begin, last, frozenset(flags))


def _whole(
    facts: Joined, track: Track | None, start_us: int | None, end_us: int | None
) -> tuple[Track | None, set[str]]:
    """The register from the session's begin to its end, and the flag of a begin that is none."""
    begin, end = registers(facts)
    if facts.tx is not None:  # its registers have times of their own
        start_us = facts.tx.begin.at_us if facts.tx.begin is not None else start_us
        end_us = facts.tx.end.at_us if facts.tx.end is not None else end_us
    whole, flags = track, set[str]()
    if begin is not None and start_us is not None:
        opening = extended(None, start_us, begin)
        following = track or (extended(None, end_us, end) if end is not None and end_us is not None else None)
        if following is not None and _is_zero_begin(opening, following, facts.lifetime_wh):
            flags.add(ZERO_BEGIN)
        else:
            whole = joined(opening, track)
    if end is not None and end_us is not None:
        whole = extended(whole, end_us, end)
    return whole, flags


def _is_zero_begin(opening: Track, following: Track, lifetime_wh: float | None) -> bool:
    """A begin of 0 before a lifetime register: it rises too fast, or the evse's meter is known to count on."""
    if opening.first != 0:
        return False
    if step(0.0, following.first, following.first_us - opening.first_us).flag == ZERO_BEGIN:
        return True
    return lifetime_wh is not None and following.first >= lifetime_wh > 0
