"""Whose a reading is: the session of a station that its transaction id names, at its time and place."""

from streams.message import Message, int_of, object_of
from streams.sessions import join, tx
from streams.sessions.facts import where_named
from streams.sessions.held import Held
from streams.sessions.starts import SHARED_IDS
from streams.turn import Turn


def running(turn: Turn, transaction: str | None, evse: int | None) -> str | None:
    """The open session for which all readings of its evse count that name this id."""
    for name, each in turn.pace.sessions.items():
        if transaction in each.own and evse in (None, each.evse):
            return name
    return None


def owner(turn: Turn, transaction: str, evse: int | None, at_us: int) -> Held | None:
    """The session for which a reading counts. `evse`: where it was taken, if that is known."""
    name = running(turn, transaction, evse)
    if name is not None:
        return turn.states.session(name)
    told = turn.states.session(f"{turn.station}/{transaction}")
    if told is not None:  # 2.x: an id of its own
        return told if evse in (None, told.facts.evse) else None
    found = join.owner_of((each.facts for each in turn.held()), transaction, evse, at_us)
    return None if found is None else turn.states.session(found.session_id)


def evse_of(turn: Turn, transaction: str, at_us: int) -> int | None:
    """Where readings were taken whose message does not say it: at their session's evse, or where others name its id."""
    found = owner(turn, transaction, None, at_us)
    if found is not None and found.facts.evse is not None:
        return found.facts.evse
    named = None if transaction in SHARED_IDS else where_named(turn.books.facts, transaction)
    return None if named is None else named[1]


def place_of(turn: Turn, message: Message) -> tuple[int, int] | None:
    """The evse and connector of the transaction that a TransactionEvent tells of; None where it is over already."""
    transaction = tx.transaction_of(message)
    if transaction is None or message.call is None:
        return None
    evse = object_of(message.call, "evse")
    evse_id, connector = int_of(evse, "id"), int_of(evse, "connectorId")
    known = turn.states.session(f"{turn.station}/{transaction}")
    if known is not None:
        if known.facts.said_us is not None:
            return None
        evse_id = known.facts.evse if evse_id is None else evse_id
        connector = known.facts.connector if connector is None else connector
    return None if evse_id is None else (evse_id, connector or 1)
