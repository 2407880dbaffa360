"""The facts of a station's OCPP 1.6 sessions: starts, their replies, stops, and the ids that readings name.

A book is a set of them: folding one twice, or in another order, changes nothing.
"""

from collections.abc import Iterable

import msgspec

from contracts.events import Signed
from contracts.quirks import number
from contracts.times import SECOND
from streams.measurands import LARGEST
from streams.message import Message, Payload, int_of, object_of, plausible, text_of
from streams.samples import Group

_OFFLINE_MARGIN = 2 * SECOND
_KEPT_SIGNED = 4
_KEPT_REPLIES = 16
_KEPT_WAITING = 4  # retries of one start that wait for their replies
_KEPT_NAMES = 32  # of one connector

NOWHERE = -1  # stands for an evse that nobody has said
_LIFETIME_WH = 250_000.0  # more than a car takes: a register that shows it counts on from session to session

Reply = tuple[str | None, str | None, str | None]  # transaction id, status, parent token


class Start(msgspec.Struct, frozen=True, array_like=True):
    """A StartTransaction as one frame said it. `at_us` is the station's time, None where it cannot be true.

    `transaction` is the id in the reply, None until it is seen; `settled`: the reply or the connection's end was seen.
    """

    conn: str
    seq: int
    ts_us: int
    connector: int
    token: str
    meter_start: float | None
    at_us: int | None
    transaction: str | None = None
    status: str | None = None
    parent: str | None = None
    reservation: int | None = None
    settled: bool = False
    offline: bool = False


class Stop(msgspec.Struct, frozen=True, array_like=True):
    """A StopTransaction. `at_us` is the station's time, or the edge's (`by_edge`) where that cannot be true."""

    at_us: int
    transaction: str
    by_edge: bool
    meter_stop: float | None
    token: str
    reason: str | None
    offline: bool = False

    def repeats(self, other: "Stop | None") -> bool:
        """Whether two stops say the same, sent at once or later."""
        return other is not None and msgspec.structs.replace(self, offline=other.offline) == other


class Book(msgspec.Struct, frozen=True):
    """What a station's 1.6 sessions are a view of, their meters' rows aside."""

    starts: tuple[Start, ...] = ()
    """In the order of the edge's time."""
    stops: tuple[Stop, ...] = ()
    """In the order of their times."""
    replies: dict[str, Reply] = {}
    """Replies seen before their start, by conn/seq."""
    named: dict[int, dict[str, int]] = {}
    """connector -> transaction ids that readings there named -> since when (microseconds)."""
    signed: dict[str, tuple[Signed, ...]] = {}
    """Signed data by the transaction id that its message names."""
    lifetimes: dict[int, float] = {}
    """evse -> the greatest register of the last session forgotten there that began above 0."""
    forgotten: dict[int, int] = {}
    """evse (NOWHERE: of sessions without one) -> up to when its sessions are forgotten, and final (microseconds)."""
    reused: tuple[str, ...] = ()
    """Transaction ids of starts that sessions had, too, which are forgotten."""
    shown: dict[int, tuple[int, float]] = {}
    """evse -> since when (microseconds) readings without a transaction show a lifetime register, and its least Wh."""


def fold(book: Book, message: Message, connected_us: int | None, *, conn_closed: bool) -> Book:
    """The book with a message's facts. `connected_us`: when the message's connection began, if that is known."""
    envelope, call = message.envelope, message.call
    if envelope.conn is None or envelope.seq is None or message.is_2x:
        return book
    if message.action == "StartTransaction" and envelope.dir == "out":
        return _replied(book, f"{envelope.conn}/{envelope.call_seq}", message.result or {})
    if message.action == "StartTransaction" and call is not None:
        return _started(book, _start(message, call, connected_us, settled=conn_closed))
    stop = stop_of(message, connected_us)
    return book if stop is None else _stopped(book, stop)


def _start(message: Message, call: Payload, connected_us: int | None, *, settled: bool) -> Start:
    at_us = plausible(call.get("timestamp"), message.ts_us)
    return Start(
        message.envelope.conn or "",
        message.envelope.seq or 0,
        message.ts_us,
        int_of(call, "connectorId") or 0,
        text_of(call, "idTag") or "",
        _register(call, "meterStart"),
        at_us,
        reservation=int_of(call, "reservationId"),
        settled=settled,
        offline=_was_offline(at_us, connected_us),
    )


def stop_of(message: Message, connected_us: int | None) -> Stop | None:
    """What a StopTransaction says; None of any other message."""
    call = message.call
    if message.action != "StopTransaction" or call is None:
        return None
    at_us = plausible(call.get("timestamp"), message.ts_us)
    return Stop(
        message.ts_us if at_us is None else at_us,
        text_of(call, "transactionId") or "",
        at_us is None,
        _register(call, "meterStop"),
        text_of(call, "idTag") or "",
        text_of(call, "reason") or "Local",  # 1.6, 6.49: an omitted reason is Local
        _was_offline(at_us, connected_us),
    )


def _register(call: Payload, name: str) -> float | None:
    value = number(call.get(name))
    return None if value is None or abs(value) >= LARGEST else round(value, 6)


def _was_offline(at_us: int | None, connected_us: int | None) -> bool:
    return at_us is not None and connected_us is not None and at_us < connected_us - _OFFLINE_MARGIN


def _started(book: Book, start: Start) -> Book:
    identity = f"{start.conn}/{start.seq}"
    if identity in book.replies:
        start = _answered(start, book.replies[identity])
    starts = sorted((*book.starts, start), key=lambda each: (each.ts_us, each.conn, each.seq))
    replies = {name: reply for name, reply in book.replies.items() if name != identity}
    return msgspec.structs.replace(book, starts=_distinct(starts), replies=replies)


def _distinct(starts: Iterable[Start]) -> tuple[Start, ...]:
    """Starts without the retries that say nothing new: a station may repeat one for ever.

    Of those that say the same and were answered alike the first stays; of those that wait, the first and the last. One
    without a time of its own is told from the next session by the edge's time only: it stays.
    """
    waiting: dict[tuple[object, ...], list[Start]] = {}
    kept: dict[tuple[object, ...], Start] = {}
    for start in starts:
        said = (start.connector, start.token.upper(), start.meter_start, start.at_us)
        if start.at_us is None:
            kept[start.conn, start.seq] = start
        elif start.settled:
            kept.setdefault((*said, start.transaction, start.status, start.parent, start.offline), start)
        else:
            waiting.setdefault(said, []).append(start)
    for same in waiting.values():
        for start in same if len(same) <= _KEPT_WAITING else (same[0], *same[1 - _KEPT_WAITING :]):
            kept[start.conn, start.seq] = start
    return tuple(sorted(kept.values(), key=lambda each: (each.ts_us, each.conn, each.seq)))


def _answered(start: Start, reply: Reply) -> Start:
    transaction, status, parent = reply
    return msgspec.structs.replace(start, transaction=transaction, status=status, parent=parent, settled=True)


def _replied(book: Book, identity: str, result: Payload) -> Book:
    info = object_of(result, "idTagInfo")
    reply = (text_of(result, "transactionId"), text_of(info, "status"), text_of(info, "parentIdTag"))
    if any(f"{start.conn}/{start.seq}" == identity for start in book.starts):
        starts = (_answered(each, reply) if f"{each.conn}/{each.seq}" == identity else each for each in book.starts)
        return msgspec.structs.replace(book, starts=_distinct(starts))
    replies = {**book.replies, identity: reply}
    return msgspec.structs.replace(book, replies=dict(list(replies.items())[-_KEPT_REPLIES:]))


def settle(book: Book, closed: set[str]) -> Book:
    """Connections ended: their starts will see no reply any more."""
    if all(start.settled or start.conn not in closed for start in book.starts):
        return book
    starts = (msgspec.structs.replace(start, settled=True) if start.conn in closed else start for start in book.starts)
    return msgspec.structs.replace(book, starts=_distinct(starts))


def _stopped(book: Book, stop: Stop) -> Book:
    same = [other for other in book.stops if stop.repeats(other)]
    if any(not other.offline or stop.offline for other in same):
        return book  # said before, at least as soon
    stops = sorted({*book.stops, stop}.difference(same), key=lambda each: (each.at_us, each.transaction, each.token))
    return msgspec.structs.replace(book, stops=tuple(stops))


def with_names(book: Book, groups: list[Group]) -> Book:
    """The book with the transaction ids that readings name, and their signed data."""
    for group in groups:
        transaction = group.transaction_id
        if transaction is None or (group.evse is not None and group.at_us <= book.forgotten.get(group.evse, 0)):
            continue
        if group.signed:
            signed = with_signed(book.signed.get(transaction, ()), group.signed)
            book = msgspec.structs.replace(book, signed={**book.signed, transaction: signed})
        there = book.named.get(group.evse, {}) if group.evse is not None else {}
        if group.evse is not None and group.at_us < there.get(transaction, group.at_us + 1):
            named = {**book.named, group.evse: _newest({**there, transaction: group.at_us})}
            book = msgspec.structs.replace(book, named=named)
    return book


def shows_lifetime(group: Group) -> bool:
    """Whether readings are of an evse, name no transaction, and show a register that no session comes to."""
    return group.transaction_id is None and bool(group.evse) and group.totals.get("energy_import", 0.0) >= _LIFETIME_WH


def with_shown(book: Book, groups: list[Group]) -> Book:
    """The book with the lifetime registers that readings show; the same one where that says nothing new."""
    for group in groups:
        evse, wh = group.evse or 0, group.totals["energy_import"]
        first_us, least_wh = book.shown.get(evse, (group.at_us, wh))
        shown = {**book.shown, evse: (min(first_us, group.at_us), min(least_wh, wh))}
        if shown != book.shown:
            book = msgspec.structs.replace(book, shown=shown)
    return book


def _newest(names: dict[str, int]) -> dict[str, int]:
    """All but the oldest names of a connector, if it has too many: a charger may make up one for each session."""
    kept = sorted((first_us, name) for name, first_us in names.items())[-_KEPT_NAMES:]
    return {name: first_us for first_us, name in kept}


def where_named(book: Book, transaction: str) -> tuple[int, int] | None:
    """Since when, and on which connector, readings named an id."""
    found = ((names[transaction], connector) for connector, names in book.named.items() if transaction in names)
    return min(found, default=None)


def with_signed(known: tuple[Signed, ...], more: tuple[Signed, ...]) -> tuple[Signed, ...]:
    """The union of signed data; of many the first and the last, which are the ends of a session."""
    union = tuple(sorted({*known, *more}, key=lambda each: (each.at, each.context, each.data)))
    return union if len(union) <= _KEPT_SIGNED else (*union[: _KEPT_SIGNED // 2], *union[-_KEPT_SIGNED // 2 :])
