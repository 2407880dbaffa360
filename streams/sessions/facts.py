"""The facts of a station's sessions. A book is a set of them: folding one twice, or in another order, changes nothing.

1.6 has starts, their replies, and stops; 2.x has transactions that gather what their events say.
"""

import msgspec

from contracts.events import Signed
from contracts.times import SECOND
from streams.message import Message, int_of, object_of, plausible, text_of
from streams.samples import Group

_OFFLINE_MARGIN = 2 * SECOND
_KEPT_SIGNED = 4


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

    transaction: str
    at_us: int
    by_edge: bool
    meter_stop: float | None
    token: str
    reason: str | None
    offline: bool = False


class Named(msgspec.Struct, frozen=True, array_like=True):
    """A transaction id that readings named: on which connector, and since when."""

    connector: int
    first_us: int


class Tx(msgspec.Struct, frozen=True, array_like=True):
    """A 2.x transaction: what its events said, each fact the least or the union of all that were seen."""

    first_us: int
    last_us: int
    seqs: tuple[tuple[int, int], ...] = ()
    """Ranges (first, last) of the seqNos seen."""
    started_us: int | None = None
    started_by_edge: bool = False
    ended_us: int | None = None
    ended_by_edge: bool = False
    evse: int | None = None
    connector: int | None = None
    token: str | None = None
    token_type: str | None = None
    group: str | None = None
    stopped_by: str | None = None
    remote_start: int | None = None
    reservation: int | None = None
    trigger: str | None = None
    reason: str | None = None
    offline: bool = False
    proto: str = ""


class Book(msgspec.Struct, frozen=True):
    """Everything a station's sessions are a view of, their meters' rows aside."""

    starts: tuple[Start, ...] = ()
    stops: tuple[Stop, ...] = ()
    replies: dict[str, tuple[str | None, str | None, str | None]] = {}
    """Replies seen before their start: conn/seq -> transaction id, status, parent token."""
    named: dict[str, Named] = {}
    transactions: dict[str, Tx] = {}
    signed: dict[str, tuple[Signed, ...]] = {}
    """Signed data by the transaction id that its message names."""
    late: tuple[str, ...] = ()
    """Transaction ids that lost a reading to the horizon."""
    zombies: dict[str, int] = {}
    """Session id -> when it was given up; anything heard later takes it back."""
    former: dict[str, tuple[tuple[int, int], ...]] = {}
    """Session id -> its former points (microseconds, evse) in a time-series store."""


def fold(book: Book, message: Message, connected_us: int | None, *, conn_closed: bool) -> Book:
    """The book with a message's facts. `connected_us`: when the message's connection began, if that is known."""
    envelope = message.envelope
    if message.result is not None and message.action == "StartTransaction":
        return _replied(book, message, message.result)
    if message.call is None or envelope.conn is None or envelope.seq is None:
        return book
    match message.action:
        case "StartTransaction" if not message.is_2x:
            return _started(book, message, message.call, connected_us, conn_closed=conn_closed)
        case "StopTransaction" if not message.is_2x:
            return _stopped(book, message, message.call, connected_us)
        case "TransactionEvent":
            return _transaction_event(book, message, message.call)
        case _:
            return book


def _started(
    book: Book, message: Message, call: dict[str, object], connected_us: int | None, *, conn_closed: bool
) -> Book:
    envelope = message.envelope
    at_us = plausible(call.get("timestamp"), message.ts_us)
    conn, seq = envelope.conn or "", envelope.seq or 0
    if any(start.conn == conn and start.seq == seq for start in book.starts):
        return book
    replies = dict(book.replies)
    reply = replies.pop(f"{conn}/{seq}", None)
    transaction, status, parent = reply or (None, None, None)
    meter_start = call.get("meterStart")
    start = Start(
        conn,
        seq,
        message.ts_us,
        int_of(call, "connectorId") or 0,
        (text_of(call, "idTag") or "").upper(),
        float(meter_start) if isinstance(meter_start, int | float) else _number(int_of(call, "meterStart")),
        at_us,
        transaction,
        status,
        parent,
        int_of(call, "reservationId"),
        settled=reply is not None or conn_closed,
        offline=_was_offline(at_us, connected_us),
    )
    starts = tuple(sorted((*book.starts, start), key=lambda each: (each.ts_us, each.conn, each.seq)))
    return msgspec.structs.replace(book, starts=starts, replies=replies)


def _number(value: int | None) -> float | None:
    return None if value is None else float(value)


def _was_offline(at_us: int | None, connected_us: int | None) -> bool:
    return at_us is not None and connected_us is not None and at_us < connected_us - _OFFLINE_MARGIN


def _replied(book: Book, message: Message, result: dict[str, object]) -> Book:
    envelope = message.envelope
    info = object_of(result, "idTagInfo")
    reply = (text_of(result, "transactionId"), text_of(info, "status"), text_of(info, "parentIdTag"))
    for index, start in enumerate(book.starts):
        if start.conn == envelope.conn and start.seq == envelope.call_seq:
            answered = msgspec.structs.replace(
                start, transaction=reply[0], status=reply[1], parent=reply[2], settled=True
            )
            if answered == start:
                return book
            starts = (*book.starts[:index], answered, *book.starts[index + 1 :])
            return msgspec.structs.replace(book, starts=starts)
    return msgspec.structs.replace(book, replies={**book.replies, f"{envelope.conn}/{envelope.call_seq}": reply})


def settle(book: Book, closed: set[str]) -> Book:
    """Connections ended: their starts will see no reply any more."""
    if all(start.settled or start.conn not in closed for start in book.starts):
        return book
    starts = tuple(
        msgspec.structs.replace(start, settled=True) if start.conn in closed else start for start in book.starts
    )
    return msgspec.structs.replace(book, starts=starts)


def _stopped(book: Book, message: Message, call: dict[str, object], connected_us: int | None) -> Book:
    at_us = plausible(call.get("timestamp"), message.ts_us)
    meter_stop = call.get("meterStop")
    stop = Stop(
        text_of(call, "transactionId") or "",
        message.ts_us if at_us is None else at_us,
        at_us is None,
        float(meter_stop) if isinstance(meter_stop, int | float) else _number(int_of(call, "meterStop")),
        (text_of(call, "idTag") or "").upper(),
        text_of(call, "reason") or "Local",
        _was_offline(at_us, connected_us),
    )
    for index, other in enumerate(book.stops):
        if _same_stop(other, stop):
            least = min(other, stop, key=lambda each: (each.at_us, each.offline))
            if least == other:
                return book
            return msgspec.structs.replace(book, stops=(*book.stops[:index], least, *book.stops[index + 1 :]))
    stops = tuple(sorted((*book.stops, stop), key=lambda each: (each.at_us, each.transaction, each.token)))
    return msgspec.structs.replace(book, stops=stops)


def _same_stop(a: Stop, b: Stop) -> bool:
    """A retry repeats everything but, without a clock, the time that the edge gave it."""
    same = (a.transaction, a.meter_stop, a.token, a.reason, a.by_edge) == (
        b.transaction,
        b.meter_stop,
        b.token,
        b.reason,
        b.by_edge,
    )
    return same and (a.by_edge or a.at_us == b.at_us)


def _transaction_event(book: Book, message: Message, call: dict[str, object]) -> Book:
    info = object_of(call, "transactionInfo")
    transaction = text_of(info, "transactionId")
    if transaction is None:
        return book
    said_us = plausible(call.get("timestamp"), message.ts_us)
    at_us = message.ts_us if said_us is None else said_us
    kind, seq = text_of(call, "eventType"), int_of(call, "seqNo")
    evse, token = object_of(call, "evse"), object_of(call, "idToken")
    before = book.transactions.get(transaction) or Tx(at_us, at_us)
    reason = text_of(info, "stoppedReason") or ("Local" if kind == "Ended" else None)
    said = text_of(token, "idToken")
    after = Tx(
        min(before.first_us, at_us),
        max(before.last_us, at_us),
        before.seqs if seq is None else with_seq(before.seqs, seq),
        _least(before.started_us, at_us if kind == "Started" else None),
        before.started_by_edge or (kind == "Started" and said_us is None),
        _least(before.ended_us, at_us if kind == "Ended" else None),
        before.ended_by_edge or (kind == "Ended" and said_us is None),
        _least(before.evse, int_of(evse, "id")),
        _least(before.connector, int_of(evse, "connectorId")),
        _first(before.token, said if kind != "Ended" else None),
        _first(before.token_type, text_of(token, "type") if kind != "Ended" else None),
        before.group,
        _first(before.stopped_by, said if kind == "Ended" else None),
        _least(before.remote_start, int_of(info, "remoteStartId")),
        _least(before.reservation, int_of(call, "reservationId")),
        _first(before.trigger, text_of(call, "triggerReason") if kind == "Started" else None),
        _first(before.reason, reason if kind == "Ended" else None),
        before.offline or call.get("offline") is True,
        message.envelope.proto or before.proto,
    )
    if after == before and transaction in book.transactions:
        return book
    return msgspec.structs.replace(book, transactions={**book.transactions, transaction: after})


def _least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _first(a: str | None, b: str | None) -> str | None:
    """Of two words for one thing the least: which came first must not matter."""
    return b if a is None else a if b is None else min(a, b)


def with_seq(ranges: tuple[tuple[int, int], ...], seq: int) -> tuple[tuple[int, int], ...]:
    """The ranges with one more number; those that touch are one."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted((*ranges, (seq, seq))):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)


def with_groups(book: Book, groups: list[Group], *, is_2x: bool) -> Book:
    """Take into account which transactions readings name, and their signed data."""
    for group in groups:
        transaction = group.transaction_id
        if transaction is None:
            continue
        if group.signed:
            known = book.signed.get(transaction, ())
            union = sorted({*known, *group.signed}, key=lambda each: (each.at, each.context, each.data))
            if len(union) > _KEPT_SIGNED:
                union = [*union[: _KEPT_SIGNED // 2], *union[-_KEPT_SIGNED // 2 :]]
            if tuple(union) != known:
                book = msgspec.structs.replace(book, signed={**book.signed, transaction: tuple(union)})
        if is_2x or group.evse is None:
            continue
        named = book.named.get(transaction)
        if named is None or group.at_us < named.first_us:
            found = Named(group.evse, group.at_us)
            book = msgspec.structs.replace(book, named={**book.named, transaction: found})
    return book
