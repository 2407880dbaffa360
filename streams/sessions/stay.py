"""A car's stay at a connector around its session: when it came and left, what it did, and which faults it met. Pure.

1.6 tells the states of a connector; in 2.x the transaction does (chargingState), and the connector only whether it is
occupied. Everything is a view of marks; of those that are given up the session keeps what they came to.
"""

from bisect import bisect_right

import msgspec

from streams.sessions.join import Joined
from streams.sessions.marks import Mark, Marks, Shares, shares
from streams.sessions.tx import least

_FREE = frozenset({"available", "reserved"})
_PLUGGED = frozenset({"preparing", "occupied"})
OCCUPIED = frozenset({*_PLUGGED, "charging", "suspended_ev", "suspended_evse", "finishing"})
_MOST_CODES = 16
_LAST = 2**63 - 1  # after all marks of its time


class Stay(msgspec.Struct, frozen=True, array_like=True):
    """Times in microseconds; `codes` in the order in which they were seen first."""

    shares: Shares = Shares()
    codes: tuple[str, ...] = ()
    plugged_us: int | None = None
    unplugged_us: int | None = None


class Lasted(msgspec.Struct, frozen=True):
    """How long a session lasted: to be looked at with marks. `end_us` is None of an open one."""

    start_us: int | None
    end_us: int | None
    heard_us: int
    reason: str | None = None


def stay(facts: Joined, past: Stay, marks: Marks, lasted: Lasted) -> Stay:
    """What the marks of its evse, and its own, come to. `past`: what those came to that are given up.

    An open session is looked at up to the last thing that was heard of it.
    """
    start_us, end_us = lasted.start_us, lasted.end_us
    if start_us is None:
        return Stay()
    if not marks and end_us is None and facts.tx is None:
        return past  # most sessions of stations that tell no states: looked at with many readings
    own = _since_free(facts, marks, start_us)
    states = own if facts.tx is None else facts.tx.states
    before = past.shares if facts.tx is None else facts.tx.spent
    until_us = end_us
    if until_us is None:
        until_us = max(lasted.heard_us, states[-1].at_us) if states else lasted.heard_us
    return Stay(
        shares(states, start_us, until_us, before),
        _codes(past.codes, marks, start_us, end_us),
        _plugged(facts, past, own, start_us),
        _unplugged(past, own, start_us, end_us, lasted.reason),
    )


def given_up(facts: Joined, past: Stay, marks: Marks, lasted: Lasted, since_us: int) -> Stay:
    """What a session keeps of marks that are given up. `since_us`: those that stay tell of each state since then."""
    if lasted.start_us is None:
        return past
    seen, counted = stay(facts, past, marks, lasted), past.shares
    if facts.tx is None and since_us > counted.until_us:
        until_us = since_us if lasted.end_us is None else min(lasted.end_us, since_us)
        counted = shares(_since_free(facts, marks, lasted.start_us), lasted.start_us, until_us, counted)
    return msgspec.structs.replace(seen, shares=counted)


def _since_free(facts: Joined, marks: Marks, start_us: int) -> Marks:
    """The states of a session's connector, from when it was free last before the start."""
    connector = facts.connector or 1
    first = bisect_right(marks, Mark(start_us, _LAST))
    while first:
        first -= 1
        if marks[first].connector == connector and marks[first].state in _FREE:
            break
    return tuple(each for each in marks[first:] if each.state and each.connector == connector)


def _codes(known: tuple[str, ...], marks: Marks, start_us: int, end_us: int | None) -> tuple[str, ...]:
    found = [
        each.code for each in marks if each.code and start_us <= each.at_us and (end_us is None or each.at_us <= end_us)
    ]
    return tuple(dict.fromkeys((*known, *found)))[:_MOST_CODES] if found else known


def _plugged(facts: Joined, past: Stay, own: Marks, start_us: int) -> int | None:
    """Since when the connector is occupied with which it began; or when an event said that the cable was plugged."""
    said_us = None if facts.tx is None else facts.tx.plugged_us
    return least(past.plugged_us, least(said_us, _occupied(own, start_us)))


def _occupied(own: Marks, start_us: int) -> int | None:
    """`own`: from when the connector was free last."""
    for mark in own:
        if mark.at_us > start_us:
            return None
        if mark.state in OCCUPIED:
            # Where nothing says that it was free before, it may have been so for longer, unless that just began.
            return mark.at_us if own[0].state in _FREE or mark.state in _PLUGGED else None
    return None


def _unplugged(past: Stay, own: Marks, start_us: int, end_us: int | None, reason: str | None) -> int | None:
    """When the connector was free: before it ended, with its end, or after it and before another car came."""
    if end_us is None:
        return None
    return least(past.unplugged_us, _free(own, start_us, end_us, reason))


def _free(own: Marks, start_us: int, end_us: int, reason: str | None) -> int | None:
    free_us = None
    for mark in own:
        if not start_us < mark.at_us <= end_us:
            continue
        if mark.state in OCCUPIED:
            free_us = None
        elif mark.state == "available" and free_us is None:
            free_us = mark.at_us
    if free_us is not None:
        return free_us
    if reason == "EVDisconnected":
        return end_us
    for mark in own:
        if mark.at_us > end_us and mark.state in ("available", "preparing"):
            return mark.at_us if mark.state == "available" else None
    return None
