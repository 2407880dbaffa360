"""Which facts make one session: a view of a station's book.

The rule for 1.6 (a fact's time is the station's where that can be true): a fact belongs (a) where a start's reply gave
its transaction id (not -1, 0): to the latest such start at or before it, else the earliest such; (b) otherwise to the
latest start at or before it on its connector (a stop, which names none: with its token) that no stop carrying that
start's own id ended before; (c) otherwise to a session of its own without a start, station/id/-.
"""

from collections.abc import Iterable

import msgspec

from contracts.times import HOUR, rfc3339_ms
from streams.sessions.facts import Book, Start, Stop, Tx

SHARED_IDS = frozenset({"-1", "0"})  # what chargers use where they never got an id
_LARGEST_ID = 2**31 - 1
_CLOCKLESS_RETRY = HOUR  # starts without a clock that are otherwise equal are retries within this


class Joined(msgspec.Struct, frozen=True):
    """One session's facts. Times in microseconds.

    `own`: the transaction id by which its readings name it; `foreign`: the other ids whose readings count for it while
    they lie between `from_us` and `until_us`.
    """

    session_id: str
    transaction: str
    own: str | None
    evse: int | None
    connector: int | None
    start_us: int | None = None
    start: Start | None = None
    stop: Stop | None = None
    tx: Tx | None = None
    next_us: int | None = None
    from_us: int | None = None
    until_us: int | None = None
    shares_id: bool = False
    foreign: frozenset[str] = frozenset()
    lifetime_wh: float | None = None
    """The greatest register of the connector's former session, where that began above 0: its meter never resets."""

    @property
    def settled(self) -> bool:
        return self.start is None or self.start.settled


def sessions(station: str, book: Book) -> dict[str, Joined]:
    """All sessions of a book by session id; those that are not `settled` may not be published yet."""
    found = {joined.session_id: joined for joined in _sessions_16(station, book)}
    for transaction, tx in book.transactions.items():
        session_id = f"{station}/{transaction}"
        found[session_id] = Joined(
            session_id, transaction, transaction, tx.evse, tx.connector, tx.started_us or tx.first_us, tx=tx
        )
    return found


class _Group(msgspec.Struct):
    """Starts that are one start and its retries."""

    connector: int
    start_us: int
    transaction: str
    start: Start
    own_stop: Stop | None = None
    other_stop: Stop | None = None

    @property
    def stop(self) -> Stop | None:
        return self.own_stop or self.other_stop

    @property
    def named(self) -> bool:
        return self.transaction not in SHARED_IDS and self.transaction != "?"


def _sessions_16(station: str, book: Book) -> list[Joined]:
    groups = _groups(book.starts)
    by_id: dict[str, list[_Group]] = {}
    for group in groups:
        if group.named:
            by_id.setdefault(group.transaction, []).append(group)
    orphans = _join_stops(book.stops, groups, by_id)
    foreign: dict[int, set[str]] = {}
    lost: dict[str, int] = {}
    for transaction, named in book.named.items():
        if transaction in by_id:
            continue
        if _latest(groups, named.first_us, connector=named.connector) is not None or not is_real(transaction):
            foreign.setdefault(named.connector, set()).add(transaction)
        else:
            lost[transaction] = named.connector
    found = [_joined(station, group, groups, by_id, foreign) for group in groups]
    for transaction in sorted({*lost, *orphans}):
        connector = lost.get(transaction)
        found.append(
            Joined(
                f"{station}/{transaction}/-",
                transaction,
                transaction,
                connector,
                None if connector is None else 1,
                stop=orphans.get(transaction),
                next_us=_next_start(groups, connector, book.named[transaction].first_us)
                if connector is not None
                else None,
            )
        )
    return found


def is_real(transaction: str) -> bool:
    """Whether a backend can have given this id; what cannot be is idle readings' filler, and no session by itself."""
    return transaction.isascii() and transaction.isdigit() and 0 < int(transaction) < _LARGEST_ID


def _groups(starts: Iterable[Start]) -> list[_Group]:
    together: dict[tuple[object, ...], list[Start]] = {}
    for start in starts:  # in order of the edge's time
        if start.at_us is not None:
            key: tuple[object, ...] = (start.connector, start.token, start.meter_start, start.at_us)
        else:
            key = _clockless_key(start, together)
        together.setdefault(key, []).append(start)
    groups = []
    for members in together.values():
        ids = sorted({start.transaction for start in members if start.transaction is not None})
        least = min(members, key=lambda start: (start.ts_us, start.conn, start.seq))
        merged = msgspec.structs.replace(
            least,
            settled=any(start.settled for start in members),
            status=next((start.status for start in members if start.status is not None), None),
            parent=next((start.parent for start in members if start.parent is not None), None),
            offline=all(start.offline for start in members),
        )
        start_us = least.at_us if least.at_us is not None else least.ts_us
        groups.append(_Group(least.connector, start_us, ids[0] if ids else "?", merged))
    return sorted(groups, key=lambda group: (group.start_us, group.connector, group.transaction))


def _clockless_key(start: Start, together: dict[tuple[object, ...], list[Start]]) -> tuple[object, ...]:
    """A start without a time is a retry of one like it, shortly before, that has its id or never got one."""
    for key, members in reversed(together.items()):
        last = members[-1]
        if (
            last.at_us is None
            and (last.connector, last.token, last.meter_start) == (start.connector, start.token, start.meter_start)
            and start.ts_us - last.ts_us <= _CLOCKLESS_RETRY
            and (last.transaction == start.transaction or last.conn != start.conn)
        ):
            return key
    return (start.connector, start.token, start.meter_start, None, start.ts_us, start.conn, start.seq)


def _join_stops(stops: Iterable[Stop], groups: list[_Group], by_id: dict[str, list[_Group]]) -> dict[str, Stop]:
    """Give each stop to its start; what is left, by transaction id."""
    strays = []
    for stop in stops:
        same = by_id.get(stop.transaction)
        if same is None:
            strays.append(stop)
            continue
        before = [group for group in same if group.start_us <= stop.at_us]
        owner = before[-1] if before else same[0]
        if owner.own_stop is None or stop.at_us < owner.own_stop.at_us:
            owner.own_stop = stop
    orphans: dict[str, Stop] = {}
    for stop in strays:
        owner_ = _latest(groups, stop.at_us, token=stop.token)
        if owner_ is None:
            if is_real(stop.transaction) and stop.transaction not in orphans:
                orphans[stop.transaction] = stop
        elif owner_.other_stop is None:
            owner_.other_stop = stop
    return orphans


def _latest(
    groups: list[_Group], at_us: int, *, connector: int | None = None, token: str | None = None
) -> _Group | None:
    """Rule (b)."""
    for group in reversed(groups):
        if group.start_us > at_us:
            continue
        if connector is not None and group.connector != connector:
            continue
        if token is not None and group.start.token != token:
            continue
        if group.own_stop is None or group.own_stop.at_us >= at_us:
            return group
    return None


def _next_start(groups: list[_Group], connector: int | None, after_us: int) -> int | None:
    return next(
        (group.start_us for group in groups if group.connector == connector and group.start_us > after_us), None
    )


def _joined(
    station: str,
    group: _Group,
    groups: list[_Group],
    by_id: dict[str, list[_Group]],
    foreign: dict[int, set[str]],
) -> Joined:
    next_us = _next_start(groups, group.connector, group.start_us)
    stop = group.stop
    lifetime = None
    for former in groups:
        if former.connector == group.connector and former.start_us < group.start_us and former.start.meter_start:
            ended = former.stop.meter_stop if former.stop else None
            lifetime = max(former.start.meter_start, ended or 0.0)
    return Joined(
        f"{station}/{group.transaction}/{rfc3339_ms(group.start_us)}",
        group.transaction,
        group.transaction if group.named else None,
        group.connector,
        1 if group.connector else 0,
        group.start_us,
        group.start,
        stop,
        None,
        next_us,
        group.start_us,
        stop.at_us if stop is not None else next_us,
        shares_id=len(by_id.get(group.transaction, ())) > 1,
        foreign=frozenset(foreign.get(group.connector, ())),
        lifetime_wh=lifetime,
    )


def owner_of(found: dict[str, Joined], transaction: str, evse: int | None, at_us: int) -> Joined | None:
    """The session to which a reading that names a transaction counts."""
    own = [joined for joined in found.values() if joined.own == transaction]
    if own:
        before = [joined for joined in own if joined.from_us is None or joined.from_us <= at_us]
        return (
            max(before, key=lambda joined: joined.start_us or 0)
            if before
            else min(own, key=lambda joined: joined.start_us or 0)
        )
    candidates = [
        joined
        for joined in found.values()
        if joined.evse == evse and transaction in joined.foreign and covers(joined, at_us)
    ]
    return max(candidates, key=lambda joined: joined.start_us or 0) if candidates else None


def covers(joined: Joined, at_us: int) -> bool:
    """Whether a reading of a foreign id at that time counts for the session."""
    if joined.from_us is None or at_us < joined.from_us:
        return False
    return joined.until_us is None or at_us <= joined.until_us
