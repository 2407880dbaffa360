"""Forgetting a session: its facts leave the book, and the others stay as they are."""

import msgspec

from streams.sessions.facts import Book, Named
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
    named = {name: each for name, each in book.named.items() if name not in gone.own}
    return msgspec.structs.replace(
        book,
        starts=tuple(start for start in book.starts if start not in starts),
        stops=tuple(stop for stop in book.stops if stop not in stops),
        named=_moved(named, gone, min((each.start_us for each in left if each.connector == gone.evse), default=None)),
        signed={name: signed for name, signed in book.signed.items() if name not in gone.own},
    )


def _moved(named: dict[str, Named], gone: Joined, first_us: int | None) -> dict[str, Named]:
    """The ids that readings of the session named, not its own: from now on they are as old as the first that is left.

    Else an id that belongs to no start would look as if it had been there before the first one.
    """
    kept = {}
    for name, each in named.items():
        if name not in gone.foreign or (first_us is not None and each.first_us >= first_us):
            kept[name] = each
        elif first_us is not None:
            kept[name] = Named(each.connector, first_us)
    return kept
