"""1.6 starts with their retries, and the stops that belong to them.

A start counts once its reply, or the end of its connection, is on the log: before that its id is not known.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from contracts.times import HOUR
from streams.sessions.facts import Book, Start, Stop, where_named

SHARED_IDS = frozenset({"-1", "0"})  # what chargers use where they never got an id
_NO_ID = "?"  # of a start whose reply never came
_CLOCKLESS_RETRY = HOUR  # facts without a clock that are otherwise equal are retries within this


class Begun(msgspec.Struct):
    """Starts that are one start and its retries. Mutable while stops are joined; never leaves the join."""

    connector: int
    start_us: int
    start: Start
    members: list[Start]
    ids: tuple[str, ...]
    """The ids that replies gave it; those that name no session aside."""
    own_stop: Stop | None = None
    other_stop: Stop | None = None
    stops: list[Stop] = []
    """All that were joined to it, repeats too."""

    @property
    def stop(self) -> Stop | None:
        return self.own_stop or self.other_stop

    @property
    def transaction(self) -> str:
        """The id that its session goes by."""
        given = (start.transaction for start in self.members if start.transaction is not None)
        return min(self.ids or given, default=_NO_ID)


class Grouped(NamedTuple):
    """Sessions that starts began, in order of their times; the same by each of their ids; stops without one, by id."""

    begun: list[Begun]
    by_id: dict[str, list[Begun]]
    orphans: dict[str, list[Stop]]


def _begun(book: Book) -> list[Begun]:
    """The sessions that starts began, in order of their times."""
    together: dict[tuple[object, ...], list[Start]] = {}
    for start in book.starts:  # in the order of the edge's time
        if not start.settled:
            continue
        key: tuple[object, ...] = (start.connector, start.token.upper(), start.meter_start, start.at_us)
        if start.at_us is None:
            key = _clockless_key(start, together, book.stops)
        together.setdefault(key, []).append(start)
    return sorted(map(_merged, together.values()), key=lambda each: (each.start_us, each.connector, each.transaction))


def _merged(members: list[Start]) -> Begun:
    least = members[0]
    if len(members) > 1:
        least = msgspec.structs.replace(
            least,
            status=next((start.status for start in members if start.status is not None), None),
            parent=next((start.parent for start in members if start.parent is not None), None),
            offline=all(start.offline for start in members),
        )
    given = {start.transaction for start in members if start.transaction is not None} - SHARED_IDS
    at_us = least.ts_us if least.at_us is None else least.at_us
    return Begun(least.connector, at_us, least, members, tuple(sorted(given)))


def _clockless_key(
    start: Start, together: dict[tuple[object, ...], list[Start]], stops: Iterable[Stop]
) -> tuple[object, ...]:
    """A start without a time repeats one like it, shortly before: one with no other id, or on another connection.

    Not where that one was stopped meanwhile: then it is the next session.
    """
    alike = (start.connector, start.token.upper(), start.meter_start)
    for key, members in reversed(together.items()):
        last = members[-1]
        if (
            last.at_us is None
            and (last.connector, last.token.upper(), last.meter_start) == alike
            and start.ts_us - last.ts_us <= _CLOCKLESS_RETRY
            and (last.conn != start.conn or last.transaction in (None, start.transaction) or start.transaction is None)
            and not any(
                stop.transaction == last.transaction and last.ts_us <= stop.at_us <= start.ts_us for stop in stops
            )
        ):
            return key
    return (*alike, None, start.ts_us, start.conn, start.seq)


def grouped(book: Book) -> Grouped:
    """The starts of a book with their retries and stops, and the stops that belong to none."""
    groups = _begun(book)
    by_id: dict[str, list[Begun]] = {}
    for group in groups:
        for transaction in group.ids:
            by_id.setdefault(transaction, []).append(group)
    return Grouped(groups, by_id, _join_stops(book, groups, by_id))


def _join_stops(book: Book, groups: list[Begun], by_id: dict[str, list[Begun]]) -> dict[str, list[Stop]]:
    strays = []
    for stop in book.stops:
        same = by_id.get(stop.transaction)
        if same is None:
            strays.append(stop)
            continue
        owner = next((each for each in reversed(same) if each.start_us <= stop.at_us), same[0])
        owner.stops.append(stop)
        owner.own_stop = owner.own_stop or stop
    orphans: dict[str, list[Stop]] = {}
    former: Stop | None = None
    for stop in strays:
        named = None if stop.transaction in SHARED_IDS else where_named(book, stop.transaction)
        heir = _retried(former, stop, groups)
        if heir is None and named is not None:
            heir = latest(groups, stop.at_us, connector=named[1])
        elif heir is None:
            heir = latest(groups, stop.at_us, token=stop.token)
        former = stop
        if heir is None:
            orphans.setdefault(stop.transaction, []).append(stop)
        else:
            heir.stops.append(stop)
            heir.other_stop = heir.other_stop or stop
    return orphans


def _retried(former: Stop | None, stop: Stop, groups: list[Begun]) -> Begun | None:
    """Where a stop without a clock went that this one, also without one, repeats shortly after."""
    if former is None or not (former.by_edge and stop.by_edge) or stop.at_us - former.at_us > _CLOCKLESS_RETRY:
        return None
    said = ((each.transaction, each.meter_stop, each.token.upper(), each.reason) for each in (former, stop))
    return next((each for each in groups if former in each.stops), None) if next(said) == next(said) else None


def latest(
    groups: list[Begun], at_us: int, *, connector: int | None = None, token: str | None = None, reading: bool = False
) -> Begun | None:
    """Rule (b): the latest start at or before a time that was not over by a stop of its own.

    A stop may come at the very time of that one, as its repeat; a `reading` of that time with another id begins the
    next session (a station that writes whole seconds may end one and begin another in the same).
    """
    for group in reversed(groups):
        if (
            group.start_us <= at_us
            and (connector is None or group.connector == connector)
            and (token is None or group.start.token.upper() == token.upper())
            and (group.own_stop is None or group.own_stop.at_us >= at_us + reading)
        ):
            return group
    return None
