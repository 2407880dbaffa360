"""Forgetting a session: its facts leave the book, and the others stay as they are."""

import msgspec

from contracts.times import rfc3339_ms
from streams.sessions.facts import NOWHERE, Book, Start, Stop, where_named
from streams.sessions.join import Joined, registers
from streams.sessions.starts import grouped


def without(book: Book, gone: Joined, until_us: int) -> Book:
    """The book without the facts of a session, which ended at `until_us` and is older than the others of its evse."""
    evse = NOWHERE if gone.evse is None else gone.evse
    forgotten = {**book.forgotten, evse: max(until_us, book.forgotten.get(evse, 0))}
    book = msgspec.structs.replace(book, forgotten=forgotten)
    begin_wh, end_wh = registers(gone)
    if gone.evse is not None and begin_wh:
        lifetimes = {**book.lifetimes, gone.evse: max(begin_wh, end_wh or 0.0)}
        book = msgspec.structs.replace(book, lifetimes=lifetimes)
    if gone.tx is not None:
        return book
    groups = grouped(book)
    members = next(
        (
            each
            for each in groups.begun
            if (each.connector, each.start_us, each.transaction) == (gone.evse, gone.start_us, gone.transaction)
        ),
        None,
    )
    starts = () if members is None else members.members
    stops = groups.orphans.get(gone.transaction, ()) if members is None else members.stops
    left = [each for each in groups.begun if each is not members]
    first_us = min((each.start_us for each in left if each.connector == gone.evse), default=None)
    ids = {name for each in left for name in each.ids}
    book = msgspec.structs.replace(
        book,
        reused=tuple(sorted(ids.intersection((*book.reused, *gone.own)))),
        starts=tuple(start for start in book.starts if start not in starts),
        stops=tuple(stop for stop in book.stops if stop not in stops),
        named={
            connector: _moved(names, gone, first_us) if connector == gone.evse else names
            for connector, names in book.named.items()
        },
    )
    return _unsigned(book, gone, ids, until_us) if book.signed else book


def _unsigned(book: Book, gone: Joined, ids: set[str], until_us: int) -> Book:
    """The book without the signed data that no session can claim any more. `ids`: those that starts were given."""
    known = ids.union((stop.transaction for stop in book.stops), *book.named.values())
    elsewhere = ids.union(*(names for connector, names in book.named.items() if connector != gone.evse))
    until, kept = rfc3339_ms(until_us), {}
    for name, signed in book.signed.items():
        its = name in {*gone.own, *gone.foreign} and name not in elsewhere
        left = tuple(each for each in signed if each.at > until) if its else signed
        if name in known and left:
            kept[name] = left
    return msgspec.structs.replace(book, signed=kept)


def _moved(names: dict[str, int], gone: Joined, first_us: int | None) -> dict[str, int]:
    """The ids that readings on its connector named, without those of its own.

    Of the others none is older than the first start that is left: else it would look as if it had been there before
    any start.
    """
    kept = {}
    for name, since_us in names.items():
        if name in gone.foreign and (first_us is None or since_us < first_us):
            if first_us is not None:
                kept[name] = first_us
        elif name not in gone.own:
            kept[name] = since_us
    return kept


def is_forgotten(before: Book, after: Book) -> bool:
    """Whether the start or the stop that `after` has more is of a session that is forgotten: its record is final."""
    if not before.forgotten:
        return False
    known = {(start.conn, start.seq) for start in before.starts}
    starts = [start for start in after.starts if (start.conn, start.seq) not in known]
    stops = set(after.stops).difference(before.stops)
    return any(_is_old_start(before, start) for start in starts) or any(_is_old_stop(after, stop) for stop in stops)


def _is_old_start(book: Book, start: Start) -> bool:
    if start.at_us is None or start.at_us > book.forgotten.get(start.connector, 0):
        return False
    return all(_said(start) != _said(each) for each in book.starts)  # else it repeats one that is held


def _said(start: Start) -> tuple[object, ...]:
    return start.connector, start.token.upper(), start.meter_start, start.at_us


def _is_old_stop(book: Book, stop: Stop) -> bool:
    named = where_named(book, stop.transaction)
    last_us = max(book.forgotten.values()) if named is None else book.forgotten.get(named[1], 0)
    if stop.at_us > last_us:
        return False
    begun = next((each for each in grouped(book).begun if stop in each.stops), None)
    # An id may come back: a stop from before the start that has it, which has another stop, is not that one's.
    return begun is None or (stop.at_us < begun.start_us and len(begun.stops) > 1)


def is_forgotten_2x(book: Book, evse: int | None, at_us: int) -> bool:
    """Whether an event of a transaction that is not known is of one that is forgotten."""
    return at_us <= (max(book.forgotten.values(), default=0) if evse is None else book.forgotten.get(evse, 0))
