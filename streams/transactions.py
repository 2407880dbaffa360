"""A message's share in sessions and energy: facts joined to sessions, readings into meters, views into the outbox."""

import msgspec

from streams import keeping, meters, owners, readings, session_records
from streams.message import Message
from streams.rejoining import rejoin
from streams.samples import Group
from streams.sessions import facts, held, prune, tx
from streams.sessions.facts import Stop
from streams.sessions.held import Held
from streams.sessions.tx import Tx
from streams.turn import Turn

_FACTS_16 = frozenset({"StartTransaction", "StopTransaction"})
_KEPT_QUESTIONS = 16


def fold(turn: Turn, message: Message, groups: list[Group]) -> None:
    """Take a message into account, if it carries facts or readings."""
    transaction = tx.transaction_of(message)
    if not groups and transaction is None and message.action not in _FACTS_16:
        return
    stop = None
    if _is_forgotten(turn, message, transaction):
        turn.outbox.dead_letter("late", "its session is forgotten: what was published of that is final")
        groups = [group for group in groups if group.evse is not None]  # its meter's they are all the same
    elif transaction is not None:
        _tell(turn, transaction, message, groups)
    elif not message.is_2x:
        stop = _learn(turn, message, groups)
    if groups:
        _look(turn, [group for group in groups if facts.shows_lifetime(group)])
        readings.read(turn, groups, stop, is_2x=message.is_2x)
    _publish(turn)


def settle(turn: Turn) -> None:
    """Connections ended: starts that wait for their replies wait no longer."""
    ended = {start.conn for start in turn.books.facts.starts if not start.settled and not turn.link.lives(start.conn)}
    if ended:
        rejoin(turn, facts.settle(turn.books.facts, ended))
        _publish(turn)


def _is_forgotten(turn: Turn, message: Message, transaction: str | None) -> bool:
    """Whether a start, a stop or an event is of a session whose last record was published long ago."""
    book = turn.books.facts
    if not book.forgotten or message.call is None:
        return False
    if transaction is not None:
        event = tx.fold(None, message, ())
        is_known = turn.states.session(f"{turn.station}/{transaction}") is not None
        return not is_known and prune.is_forgotten_2x(book, event.evse, event.first_us)
    if message.action not in _FACTS_16:
        return False
    return prune.is_forgotten(book, facts.fold(book, message, None, conn_closed=True))


def _tell(turn: Turn, transaction: str, message: Message, groups: list[Group]) -> None:
    """2.x: one more event of a transaction."""
    known = turn.states.session(f"{turn.station}/{transaction}")
    before = None if known is None else known.facts.tx
    after = tx.fold(before, message, groups)
    _ask(turn, message)
    if known is None or before is None or before.outline != after.outline:
        rejoin(turn, turn.books.facts, {transaction: after})
    elif after != before:
        _keep(turn, known, after)


def _keep(turn: Turn, known: Held, tx: Tx) -> None:
    told = msgspec.structs.replace(known.facts, tx=tx, signed=tx.signed)
    keeping.keep(turn, held.told(known, told))


def _ask(turn: Turn, message: Message) -> None:
    """Remember an event whose reply says what its token is worth; of too many the newest."""
    question, envelope = tx.question_of(message), message.envelope
    if question is not None:
        asked = {**turn.books.asked, f"{envelope.conn}/{envelope.seq}": question}
        turn.set_books(asked=dict(list(asked.items())[-_KEPT_QUESTIONS:]))


def answered(turn: Turn, message: Message) -> None:
    """2.x: the reply to an event. It stands behind that on the log, as both are of one connection."""
    asked = f"{message.envelope.conn}/{message.envelope.call_seq}"
    question = turn.books.asked.get(asked)
    if question is None:
        return
    turn.set_books(asked={name: each for name, each in turn.books.asked.items() if name != asked})
    known = turn.states.session(f"{turn.station}/{question.transaction}")
    if known is None or known.facts.tx is None:
        return
    after = tx.answered(known.facts.tx, question, message.result or {})
    if after != known.facts.tx:
        _keep(turn, known, after)
        _publish(turn)


def _learn(turn: Turn, message: Message, groups: list[Group]) -> Stop | None:
    """1.6: starts, replies, stops, and the ids that readings name where they are not those of open sessions.

    Gives what a StopTransaction said.
    """
    stop, link, conn = None, turn.link, message.envelope.conn or ""
    if message.action in _FACTS_16:
        stop = facts.stop_of(message, link.connected_us(conn))
        book = facts.fold(turn.books.facts, message, link.connected_us(conn), conn_closed=not link.lives(conn))
    else:
        groups = [group for group in groups if group.transaction_id and not _is_plain(turn, group)]
        if not groups:
            return None
        book = turn.books.facts
    book = facts.with_names(book, groups)
    if book != turn.books.facts:
        rejoin(turn, book)
    return stop


def _look(turn: Turn, groups: list[Group]) -> None:
    """Readings that name no transaction may show that an evse's meter counts on from session to session."""
    if groups and (book := facts.with_shown(turn.books.facts, groups)) is not turn.books.facts:
        rejoin(turn, book)


def _is_plain(turn: Turn, group: Group) -> bool:
    """Whether a group of readings says nothing but values, of a session that is known."""
    return not group.signed and owners.running(turn, group.transaction_id, group.evse) is not None


def _publish(turn: Turn) -> None:
    for name in sorted(turn.changed):
        session_records.publish(turn, name)
    turn.changed = set()
    meters.publish_due(turn)
    if turn.rejoined:
        session_records.prune(turn)
