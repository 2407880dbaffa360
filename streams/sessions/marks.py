"""Marks: what was said of a connector, or by a transaction, at a time; and how long each state lasted by them. Pure.

They are a set with a union: one twice, or in another order, changes nothing, as long as those of its time are kept.
"""

from collections.abc import Iterable, Iterator

import msgspec

_KEPT = 96  # marks of one evse, or of one 2.x transaction
_WHOLE = 48  # of these the newest are kept as they were said; of the others only what changed
_ROOM = 72  # to so many they are cut, so that it is not done with each

# The states that a session's time is divided into. In all of `IDLE` a car is there, and not charging.
_IDLE = ("preparing", "occupied", "finishing")
_SHARES = {"charging": 0, "suspended_ev": 1, "suspended_evse": 2, **dict.fromkeys(_IDLE, 3)}


class Mark(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A state, or the code of a fault. `at_us`: the station's time, microseconds.

    `order` tells those of one time apart (stations write whole seconds): the edge's time, or the event's seqNo.
    """

    at_us: int
    order: int
    state: str = ""
    code: str = ""
    connector: int = 1

    def repeats(self, other: "Mark") -> bool:
        """Whether two marks say the same of one time."""
        ours, theirs = (self.at_us, self.state, self.code), (other.at_us, other.state, other.code)
        return ours == theirs and self.connector == other.connector


Marks = tuple[Mark, ...]  # sorted


class Shares(msgspec.Struct, frozen=True, array_like=True):
    """Microseconds in each state up to `until_us`; `is_known`: one of them was seen."""

    charging_us: int = 0
    suspended_ev_us: int = 0
    suspended_evse_us: int = 0
    idle_us: int = 0
    is_known: bool = False
    until_us: int = 0


def with_mark(marks: Marks, mark: Mark) -> Marks:
    """The marks with one more; the very same tuple where it says nothing new."""
    if not marks or marks[-1].at_us < mark.at_us:
        return (*marks, mark)
    same = [each for each in marks if each.repeats(mark)]
    if any(each.order <= mark.order for each in same):
        return marks
    return tuple(sorted({*marks, mark}.difference(same)))


def trimmed(marks: Marks) -> tuple[int, Marks]:
    """Marks; of too many those that still count, and since when (microseconds) they tell of each state, 0: as before.

    Of the time before that they tell the last state of each connector.
    """
    if len(marks) <= _KEPT:
        return 0, marks
    left = (*_changes(marks[:-_WHOLE]), *marks[-_WHOLE:])
    surplus = max(0, len(left) - _ROOM)
    if not surplus:
        return 0, left
    last = {mark.connector: mark for mark in left[:surplus] if mark.state}
    return left[surplus].at_us, (*sorted(last.values()), *left[surplus:])


def _changes(marks: Iterable[Mark]) -> Iterator[Mark]:
    """Those that say another state, or another code, of a connector than the one before."""
    before: dict[tuple[int, bool], Mark] = {}
    for mark in marks:
        kind = mark.connector, not mark.state
        known = before.get(kind)
        if known is None or (known.state, known.code) != (mark.state, mark.code):
            yield mark
        before[kind] = mark


def shares(marks: Iterable[Mark], from_us: int, to_us: int, past: Shares) -> Shares:
    """How the time between two moments is divided, by the marks of one connector. `past`: what is counted already.

    All together are never more than that time, whatever else was believed of it when `past` was counted.
    """
    sums = [past.charging_us, past.suspended_ev_us, past.suspended_evse_us, past.idle_us]
    since_us, share, is_known = max(from_us, past.until_us), None, past.is_known
    for mark in marks:
        if not mark.state:
            continue
        if mark.at_us >= to_us:
            break
        if mark.at_us > since_us:
            if share is not None:
                sums[share] += mark.at_us - since_us
                is_known = True
            since_us = mark.at_us
        share = _SHARES.get(mark.state)
    if share is not None and to_us > since_us:
        sums[share] += to_us - since_us
        is_known = True
    room = max(0, to_us - from_us)
    for index, each in enumerate(sums):
        sums[index] = min(each, room)
        room -= sums[index]
    return Shares(sums[0], sums[1], sums[2], sums[3], is_known, max(to_us, past.until_us))


def with_state(marks: Marks, past: Shares, mark: Mark) -> tuple[Marks, Shares]:
    """The states that a transaction told with one more, and the shares of what they do not tell any more."""
    after = with_mark(marks, mark)
    since_us, kept = trimmed(after)
    return (kept, shares(after, 0, since_us, past)) if since_us else (kept, past)
