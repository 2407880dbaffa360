"""A session as it is now: a view of its facts and of the sum of its readings."""

from typing import Literal

import msgspec

from contracts.events import SessionState, Signed
from contracts.flags import (
    CLOCK_SUSPECT,
    LATE,
    MISSING_START,
    MISSING_STOP,
    OFFLINE,
    SIGNED_INCOMPLETE,
    ZOMBIE,
)
from streams.energy.rows import BEGIN, END
from streams.energy.span import Span
from streams.sessions.delivered import Energy, delivered
from streams.sessions.held import ZOMBIE_AFTER, Held

_FAULT_REASONS = frozenset(
    {"EmergencyStop", "GroundFault", "OvercurrentFault", "PowerQuality", "ImmediateReset", "HardReset"}
)

Result = Literal["ok", "no-energy", "never-started", "deauthorised", "fault"]


class View(msgspec.Struct, frozen=True):
    """What the record says. Times in microseconds."""

    state: SessionState
    start_us: int | None
    end_us: int | None
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
        return "ok" if self.energy.imported or self.energy.exported else "no-energy"


def view(held: Held) -> View:
    """What the facts and the rows of a session come to; its sum must not be stale."""
    facts, span, tx = held.facts, held.sum.now, held.facts.tx
    start_us = facts.start_us
    if start_us is None and span is not None:
        start_us = span.first_us
    state, end_us, flags = _state(held)
    energy = delivered(facts, span, start_us, end_us)
    flags |= _quality(held, ended=end_us is not None) | energy.flags
    if span is not None:
        flags |= set(span.flags)
    if start_us is not None and end_us is not None and end_us < start_us:
        flags.add(CLOCK_SUSPECT)
    reason = None if end_us is None else tx.reason if tx is not None else facts.stop.reason if facts.stop else None
    return View(state, start_us, end_us, reason, energy, span, frozenset(flags))


def _state(held: Held) -> tuple[SessionState, int | None, set[str]]:
    """State, end, and the flags that belong to them."""
    if held.facts.said_us is not None:
        return "ended", held.facts.said_us, set()
    if held.facts.next_us is not None:
        return "ended", held.heard_us, {MISSING_STOP}
    if held.zombie_us is not None and held.zombie_us >= held.heard_us + ZOMBIE_AFTER:
        return "zombie", held.heard_us, {MISSING_STOP, ZOMBIE}
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
