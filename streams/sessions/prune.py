"""Forgetting a session: its facts leave the book, and the others stay as they are."""

import msgspec

from streams.sessions.facts import Book
from streams.sessions.join import Joined, grouped, registers


def without(book: Book, gone: Joined) -> Book:
    """The book without the facts of a session, which is older than the others of its evse."""
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
    return msgspec.structs.replace(
        book,
        starts=tuple(start for start in book.starts if start not in starts),
        stops=tuple(stop for stop in book.stops if stop not in stops),
        named={
            connector: _moved(names, gone, first_us) if connector == gone.evse else names
            for connector, names in book.named.items()
        },
        signed={name: signed for name, signed in book.signed.items() if name not in gone.own},
    )


def _moved(names: dict[str, int], gone: Joined, first_us: int | None) -> dict[str, int]:
    """The ids that readings on its connector named: of those not its own that are left, none is older than the first

    start that is left: else it would look as if it had been there before any start.
    """
    kept = {}
    for name, since_us in names.items():
        if name in gone.foreign and (first_us is None or since_us < first_us):
            if first_us is not None:
                kept[name] = first_us
        elif name not in gone.own:
            kept[name] = since_us
    return kept
