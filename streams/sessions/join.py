"""Which facts make one session: a view of a station's book and of its 2.x transactions.

2.x events name their transaction. The rule for 1.6 (a fact's time is the station's where that can be true): a fact
belongs (a) where a start's reply gave its transaction id (not -1, 0): to the latest such start at or before it, else
the earliest such; (b) otherwise to the latest start at or before it on its connector (a stop names none: the one that
readings with its id name, else any with its token) that no stop carrying that start's own id ended before; (c)
otherwise to a session of its own without a start, station/id/-.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping

import msgspec

from contracts.events import Signed
from contracts.times import from_rfc3339, rfc3339_ms
from streams.sessions.facts import Book, Start, Stop, with_signed
from streams.sessions.starts import Begun, grouped, latest
from streams.sessions.tx import Tx

# Ids that no backend gives, and that readings carry while nothing is charged.
_FILLERS = frozenset(str(2**bits - 1) for bits in (31, 32, 63, 64))


class Joined(msgspec.Struct, frozen=True):
    """One session's facts. Times in microseconds.

    Its readings are those that name one of its `own` ids from `own_from_us` and before `own_to_us`, and those that name
    one of `foreign` from `from_us` to `until_us`; None: without an end. `signed`: the signed data that is its own.
    """

    session_id: str
    transaction: str
    evse: int | None
    connector: int | None
    start_us: int | None = None
    start: Start | None = None
    stop: Stop | None = None
    tx: Tx | None = None
    signed: tuple[Signed, ...] = ()
    own: tuple[str, ...] = ()
    own_from_us: int | None = None
    own_to_us: int | None = None
    foreign: tuple[str, ...] = ()
    from_us: int | None = None
    until_us: int | None = None
    next_us: int | None = None
    """The next start on its evse, with which it is over if nothing says its end."""
    lifetime_wh: float | None = None
    """Of one that began with 0: a register that its meter showed before, and that no reset led to."""

    @property
    def said_us(self) -> int | None:
        """When its end or its stop say that it ended."""
        return self.tx.ended_us if self.tx is not None else self.stop.at_us if self.stop is not None else None

    @property
    def ends_us(self) -> int | None:
        """When it ended by its facts: as they say, or with the next start on its evse."""
        said_us = self.said_us
        return self.next_us if said_us is None else said_us

    @property
    def is_zero_begin(self) -> bool:
        """Whether its begin of 0 is, as far as its facts tell, no register of its meter, which counts on."""
        end_wh = registers(self)[1]
        return self.lifetime_wh is not None and (end_wh is None or end_wh >= self.lifetime_wh)

    @property
    def claim(self) -> tuple[object, ...]:
        """What decides which readings are its own."""
        windows = (self.own_from_us, self.own_to_us), (self.from_us, self.until_us)
        return self.evse, self.own, windows[0], self.foreign, windows[1] if self.foreign else None

    def claims(self, transaction: str, at_us: int) -> bool:
        """Whether a reading of its evse counts for it, which names this id (never empty)."""
        if transaction in self.own:
            after = self.own_from_us is None or at_us >= self.own_from_us
            return after and (self.own_to_us is None or at_us < self.own_to_us)
        if transaction not in self.foreign or self.from_us is None:
            return False
        return at_us >= self.from_us and (self.until_us is None or at_us <= self.until_us)


Sessions = dict[str, Joined]


def sessions(station: str, book: Book, transactions: Mapping[str, Tx]) -> Sessions:
    """All sessions by session id."""
    found = [*_sessions_16(station, book), *(_of_2x(station, name, tx) for name, tx in transactions.items())]
    by_evse: dict[int | None, list[Joined]] = {}
    for joined in found:
        by_evse.setdefault(joined.evse, []).append(joined)
    in_turn = (each if evse is None else _in_turn(each, book, evse) for evse, each in by_evse.items())
    after = (joined for each in in_turn for joined in each)
    if book.signed:
        after = (_with_signed(joined, book.signed) if joined.tx is None else joined for joined in after)
    return {joined.session_id: joined for joined in after}


def _of_2x(station: str, transaction: str, tx: Tx) -> Joined:
    start_us = tx.first_us if tx.started_us is None else tx.started_us
    return Joined(
        f"{station}/{transaction}",
        transaction,
        tx.evse,
        tx.connector,
        start_us,
        tx=tx,
        signed=tx.signed,
        own=(transaction,),
    )


def _in_turn(found: list[Joined], book: Book, evse: int) -> list[Joined]:
    """An evse's sessions as they follow each other: what each knows of the next and of the former."""
    found.sort(key=lambda joined: (joined.start_us or 0, joined.session_id))
    starts = [joined.start_us or 0 for joined in found]
    former_wh, shown = book.lifetimes.get(evse), book.shown.get(evse)
    after = []
    for joined in found:
        begin_wh, end_wh = registers(joined)
        next_us, until_us = joined.next_us, joined.until_us
        if joined.start_us is not None and (later := bisect_right(starts, joined.start_us)) < len(starts):
            next_us = starts[later]
        if next_us is not None and (until_us is None or until_us >= next_us):
            until_us = next_us - 1
        if joined.said_us is not None:
            next_us = None
        lifetime_wh = _lifetime(joined.start_us, former_wh, shown) if begin_wh == 0 else None
        after.append(
            msgspec.structs.replace(joined, next_us=next_us, until_us=until_us, lifetime_wh=lifetime_wh)
            if (next_us, until_us, lifetime_wh) != (joined.next_us, joined.until_us, joined.lifetime_wh)
            else joined
        )
        if begin_wh:
            former_wh = max(begin_wh, end_wh or 0.0)
    return after


def _lifetime(start_us: int | None, former_wh: float | None, shown: tuple[int, float] | None) -> float | None:
    """A register that an evse's meter showed before a start: a former session's that began above 0, or another's."""
    if shown is None or start_us is None or start_us < shown[0]:
        return former_wh
    return shown[1] if former_wh is None else min(former_wh, shown[1])


def registers(joined: Joined) -> tuple[float | None, float | None]:
    """The registers that its start and its end told."""
    if joined.tx is not None:
        begin, end = joined.tx.begin, joined.tx.end
        return (None if begin is None else begin.wh), (None if end is None else end.wh)
    return joined.start.meter_start if joined.start else None, joined.stop.meter_stop if joined.stop else None


def _sessions_16(station: str, book: Book) -> Iterable[Joined]:
    if not (book.starts or book.stops or book.named):
        return
    groups, by_id, orphans = grouped(book)
    foreign: dict[int, set[str]] = {}
    lost: dict[str, tuple[int, int]] = {}  # id -> since when, and on which connector
    for connector, names in book.named.items():
        for transaction, first_us in names.items():
            if transaction in by_id:
                continue
            foreign.setdefault(connector, set()).add(transaction)
            if is_real(transaction) and latest(groups, first_us, connector=connector, reading=True) is None:
                lost[transaction] = min(lost.get(transaction, (first_us, connector)), (first_us, connector))
    for group in groups:
        same = by_id[group.transaction] if group.ids else []
        yield _of_start(station, group, same, foreign.get(group.connector, ()), book.reused)
    for transaction in sorted({*lost, *(name for name in orphans if is_real(name))}):
        stop = next(iter(orphans.get(transaction, ())), None)
        yield _without_start(station, transaction, lost.get(transaction), stop, groups)


def _of_start(station: str, group: Begun, same: list[Begun], foreign: Iterable[str], reused: Iterable[str]) -> Joined:
    """`same`: the starts that were given this id, in order of their times, this one among them."""
    place = next((index for index, each in enumerate(same) if each is group), 0)
    names = {*foreign, *(stop.transaction for stop in group.stops)}.difference(group.ids)
    return Joined(
        f"{station}/{group.transaction}/{rfc3339_ms(group.start_us)}",
        group.transaction,
        group.connector,
        1 if group.connector else 0,
        group.start_us,
        group.start,
        group.stop,
        own=group.ids,
        own_from_us=group.start_us if place or group.transaction in reused else None,
        own_to_us=same[place + 1].start_us if place + 1 < len(same) else None,
        foreign=tuple(sorted(names)),
        from_us=group.start_us,
        until_us=group.stop.at_us if group.stop is not None else None,
    )


def _with_signed(joined: Joined, signed: Mapping[str, tuple[Signed, ...]]) -> Joined:
    """1.6: the session with the signed data of the readings that are its own."""
    found = tuple(
        each
        for name in (*joined.own, *joined.foreign)
        for each in signed.get(name, ())
        if any(joined.claims(name, from_rfc3339(each.at) + us) for us in (0, 999))  # it says the millisecond
    )
    return msgspec.structs.replace(joined, signed=with_signed((), found)) if found else joined


def _without_start(
    station: str, transaction: str, seen: tuple[int, int] | None, stop: Stop | None, groups: list[Begun]
) -> Joined:
    """`seen`: since when, and on which connector, readings named it."""
    connector = next_us = None
    if seen is not None:
        first_us, connector = seen
        later = (each.start_us for each in groups if each.connector == connector and each.start_us > first_us)
        next_us = next(later, None)
    return Joined(
        f"{station}/{transaction}/-",
        transaction,
        connector,
        None if connector is None else 1,
        stop=stop,
        own=(transaction,),
        own_to_us=next_us,
        next_us=None if stop is not None else next_us,
    )


def is_real(transaction: str) -> bool:
    """Whether a backend can have given this id, and to one session only."""
    return transaction.isascii() and transaction.isdigit() and int(transaction) > 0 and transaction not in _FILLERS


def owner_of(found: Iterable[Joined], transaction: str, evse: int | None, at_us: int) -> Joined | None:
    """The session for which a reading counts that names a transaction. `evse`: where it was taken, if that is known."""
    there = [
        joined
        for joined in found
        if (transaction in joined.own if evse is None else joined.evse == evse) and joined.claims(transaction, at_us)
    ]
    return max(there, key=lambda each: (transaction in each.own, each.start_us or 0, each.session_id), default=None)
