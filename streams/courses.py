"""The course of an evse's states and faults, and the sessions that look different by it."""

from collections.abc import Iterable

import msgspec

from streams import keeping, session_records
from streams.alarms.episodes import Signal
from streams.message import Message
from streams.sessions.held import Held
from streams.sessions.marks import Mark, Marks, trimmed, with_mark
from streams.sessions.stay import OCCUPIED, given_up
from streams.sessions.views import view
from streams.states import Course
from streams.status import Place
from streams.turn import Turn

_SAYS_STATES = frozenset({"StatusNotification", "NotifyEvent"})
_CODE = 100  # characters
_NEVER = 2**63


def follow(turn: Turn, message: Message, changed: Iterable[Place], told: Iterable[Signal]) -> None:
    """Take into account which states (of the connectors that `changed`) and faults (`told`) a message says."""
    if message.action not in _SAYS_STATES:
        return
    found: dict[int, list[Mark]] = {}
    for place in sorted(changed):
        if place[0]:
            found.setdefault(place[0], []).append(_state(turn, message, place))
    known = {evse for evse, _ in turn.head.connectors}.union(each.evse for each in turn.pace.sessions.values())
    for signal in told:
        if signal.active and signal.evse and signal.evse in known:
            mark = Mark(signal.at_us, message.ts_us, code=_code(signal), connector=signal.connector or 1)
            found.setdefault(signal.evse, []).append(mark)
    for evse, marks in sorted(found.items()):
        _add(turn, evse, marks)


def _state(turn: Turn, message: Message, place: Place) -> Mark:
    """What a message says of a connector: in 2.x no more than whether it is occupied."""
    connector = turn.head.connectors[place]
    occupied = message.is_2x and connector.state in OCCUPIED
    state = "occupied" if occupied else connector.state
    return Mark(connector.reported_us or message.ts_us, message.ts_us, state, connector=place[1])


def _code(signal: Signal) -> str:
    """1.6: the errorCode, where it is one; else the alarm's cause."""
    said = (signal.code.ocpp or "").strip() if signal.code is not None else ""
    return (said if said not in ("", "NoError") else signal.cause)[:_CODE]


def _add(turn: Turn, evse: int, marks: Iterable[Mark]) -> None:
    before = turn.states.course(turn.station, evse).marks
    after, new = before, list[Mark]()
    for mark in marks:
        longer = with_mark(after, mark)
        if longer is not after:
            after, new = longer, [*new, mark]
    if not new:
        return
    since_us, kept = trimmed(after)
    turn.states.set_course(turn.station, evse, Course(kept))
    touched = [each for each in _around(turn, evse, before, new) if _differs(turn, each, before, after)]
    if kept is not after:
        for each in turn.held():
            if each.facts.evse == evse:
                _give_up(turn, each, after, since_us)
    for each in touched:
        session_records.publish(turn, each.facts.session_id)


def _around(turn: Turn, evse: int, before: Marks, new: Iterable[Mark]) -> list[Held]:
    """The sessions that new marks may concern: the open ones, and all that a mark comes too late for.

    Where a car left, also those that were over since one left before.
    """
    over_us, since_us = turn.pace.over_us.get(evse, -1), _NEVER
    last_us = before[-1].at_us if before else -1
    for mark in new:
        if mark.at_us <= max(over_us, last_us):
            since_us = 0
        elif mark.state == "available":
            since_us = min(since_us, _freed(before, mark.connector))
    names = {name for name, each in turn.pace.sessions.items() if each.evse == evse}
    if since_us > over_us:
        return [held for held in map(turn.states.session, sorted(names)) if held is not None]
    here = (held for held in turn.held() if held.facts.evse == evse)
    return [held for held in here if held.until_us >= since_us or held.facts.session_id in names]


def _freed(marks: Marks, connector: int) -> int:
    """When a connector was free last."""
    free = (mark.at_us for mark in reversed(marks) if mark.state == "available" and mark.connector == connector)
    return next(free, 0)


def _differs(turn: Turn, held: Held, before: Marks, after: Marks) -> bool:
    held = keeping.counted(turn, held)
    seen = view(keeping.seen(turn, held))
    return keeping.stayed(held, seen, before) != keeping.stayed(held, seen, after)


def _give_up(turn: Turn, held: Held, marks: Marks, since_us: int) -> None:
    if held.until_us < marks[0].at_us and held.stay.unplugged_us is not None:
        return  # it was over before all of them, and knows when the car left
    held = keeping.counted(turn, held)
    lasted = keeping.lasted(held, view(keeping.seen(turn, held)))
    past = given_up(held.facts, held.stay, marks, lasted, since_us)
    if past != held.stay:
        turn.states.set_session(msgspec.structs.replace(held, stay=past))
