"""The facts of an OCPP 2.x transaction, gathered from its TransactionEvents: each the least, greatest or union of all.

So one event twice, or in another order, changes nothing. The events name the transaction: none joins another.
"""

from collections.abc import Iterable

import msgspec

from contracts.events import Signed
from streams.energy.register import Point
from streams.energy.rows import BEGIN, END
from streams.message import Message, Payload, brief_of, int_of, object_of, plausible, text_of
from streams.samples import Group
from streams.sessions.facts import with_signed
from streams.sessions.marks import Mark, Marks, Shares, with_state
from streams.status import CHARGING_STATES

Ranges = tuple[tuple[int, int], ...]


class Question(msgspec.Struct, frozen=True, array_like=True):
    """An event with the token that a transaction began with: it waits for what is said of that."""

    transaction: str
    at_us: int


class Answer(msgspec.Struct, frozen=True, order=True, array_like=True):
    """What was said of the token: `at_us` is the event's time, that of the first event counts."""

    at_us: int
    status: str = ""
    group: str = ""


class Tx(msgspec.Struct, frozen=True, array_like=True):
    """What a transaction's events said. Times in microseconds, registers in Wh."""

    first_us: int
    last_us: int
    seqs: Ranges = ()
    """Ranges (first, last) of the seqNos seen."""
    started_us: int | None = None
    started_by_edge: bool = False
    ended_us: int | None = None
    ended_by_edge: bool = False
    evse: int | None = None
    connector: int | None = None
    token: str | None = None
    token_type: str | None = None
    stopped_by: str | None = None
    remote_start: int | None = None
    reservation: int | None = None
    trigger: str | None = None
    reason: str | None = None
    offline: bool = False
    proto: str = ""
    begin: Point | None = None
    """The first reading of context Transaction.Begin."""
    end: Point | None = None
    """The last reading of context Transaction.End."""
    signed: tuple[Signed, ...] = ()
    plugged_us: int | None = None
    """When an event said that the cable was plugged in."""
    states: Marks = ()
    """What its events said of the charging state."""
    spent: Shares = Shares()
    """What those came to that are given up."""
    answer: Answer | None = None

    @property
    def outline(self) -> tuple[object, ...]:
        """What other sessions of the evse depend on."""
        first_us = self.first_us if self.started_us is None else self.started_us
        return first_us, self.ended_us, self.evse, self.connector, self.begin, self.end


def transaction_of(message: Message) -> str | None:
    """The transaction that a TransactionEvent names."""
    if message.action != "TransactionEvent" or message.call is None:
        return None
    return text_of(object_of(message.call, "transactionInfo"), "transactionId")


def question_of(message: Message) -> Question | None:
    """What an event asks, if it carries a token that is not the one it ends with."""
    transaction, call = transaction_of(message), message.call or {}
    if transaction is None or text_of(object_of(call, "idToken"), "idToken") is None:
        return None
    if text_of(call, "eventType") == "Ended":
        return None
    at_us = plausible(call.get("timestamp"), message.ts_us)
    return Question(transaction, message.ts_us if at_us is None else at_us)


def answered(tx: Tx, question: Question, result: Payload) -> Tx:
    """The transaction with what the reply to one of its events says of the token (2.0.1 part 2, IdTokenInfoType)."""
    info = object_of(result, "idTokenInfo")
    status, group = brief_of(info, "status") or "", brief_of(object_of(info, "groupIdToken"), "idToken") or ""
    if not (status or group):
        return tx
    answer = Answer(question.at_us, status, group)
    return msgspec.structs.replace(tx, answer=answer if tx.answer is None else min(answer, tx.answer))


def fold(before: Tx | None, message: Message, groups: Iterable[Group]) -> Tx:
    """The transaction with one more event and its readings."""
    call = message.call or {}
    info, evse, token = object_of(call, "transactionInfo"), object_of(call, "evse"), object_of(call, "idToken")
    kind, seq, said = text_of(call, "eventType"), int_of(call, "seqNo"), text_of(token, "idToken")
    said_us = plausible(call.get("timestamp"), message.ts_us)
    at_us = message.ts_us if said_us is None else said_us
    started, ended = kind == "Started", kind == "Ended"
    tx = before or Tx(at_us, at_us)
    states, spent = _states(tx, info, at_us, seq)
    trigger = text_of(call, "triggerReason")
    signed = tuple(each for group in groups for each in group.signed)
    return Tx(
        first_us=min(tx.first_us, at_us),
        last_us=max(tx.last_us, at_us),
        seqs=tx.seqs if seq is None else with_seq(tx.seqs, seq),
        started_us=least(tx.started_us, at_us if started else None),
        started_by_edge=tx.started_by_edge or (started and said_us is None),
        ended_us=least(tx.ended_us, at_us if ended else None),
        ended_by_edge=tx.ended_by_edge or (ended and said_us is None),
        evse=least(tx.evse, int_of(evse, "id")),
        connector=least(tx.connector, int_of(evse, "connectorId")),
        token=_first(tx.token, None if ended else said),
        token_type=_first(tx.token_type, None if ended else text_of(token, "type")),
        stopped_by=_first(tx.stopped_by, said if ended else None),
        remote_start=least(tx.remote_start, int_of(info, "remoteStartId")),
        reservation=least(tx.reservation, int_of(call, "reservationId")),
        trigger=_first(tx.trigger, trigger if started else None),
        # 2.0.1 part 2, TransactionType: an omitted stoppedReason is Local
        reason=_first(tx.reason, (text_of(info, "stoppedReason") or "Local") if ended else None),
        offline=tx.offline or call.get("offline") is True,
        proto=max(tx.proto, message.envelope.proto or ""),
        begin=min(_registers(tx.begin, groups, BEGIN), key=lambda point: (point.at_us, -point.wh), default=None),
        end=max(_registers(tx.end, groups, END), default=None),
        signed=with_signed(tx.signed, signed) if signed else tx.signed,
        plugged_us=least(tx.plugged_us, at_us if trigger == "CablePluggedIn" else None),
        states=states,
        spent=spent,
        answer=tx.answer,
    )


def _states(tx: Tx, info: Payload, at_us: int, seq: int | None) -> tuple[Marks, Shares]:
    state = CHARGING_STATES.get(text_of(info, "chargingState") or "")
    return (tx.states, tx.spent) if state is None else with_state(tx.states, tx.spent, Mark(at_us, seq or 0, state))


def _registers(known: Point | None, groups: Iterable[Group], context: str) -> list[Point]:
    """The readings of the import register in a context, with what is known already."""
    told = (group for group in groups if group.context == context and "energy_import" in group.totals)
    found = [Point(group.at_us, group.totals["energy_import"]) for group in told]
    return found if known is None else [known, *found]


def least(a: int | None, b: int | None) -> int | None:
    return b if a is None else a if b is None else min(a, b)


def _first(a: str | None, b: str | None) -> str | None:
    """Of two words for one thing the least: which came first must not matter."""
    return b if a is None else a if b is None else min(a, b)


def with_seq(ranges: Ranges, seq: int) -> Ranges:
    """The ranges with one more number; those that touch are one."""
    if ranges and ranges[-1][1] + 1 == seq:
        return (*ranges[:-1], (ranges[-1][0], seq))
    merged: list[tuple[int, int]] = []
    for first, last in sorted((*ranges, (seq, seq))):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], last))
        else:
            merged.append((first, last))
    return tuple(merged)
