"""Sessions into the state: what that means for the quarters under them is noted in the turn."""

from collections.abc import Iterable

from streams.energy.intervals import interval
from streams.energy.meter import Quarter, Read
from streams.energy.rows import QUARTER
from streams.sessions import held
from streams.sessions.held import Held
from streams.sessions.marks import Marks
from streams.sessions.stay import Lasted, Stay, stay
from streams.sessions.views import View
from streams.states import NAMED
from streams.turn import Turn

_FEW = 4  # quarters that may as well be looked at one by one


def reader(turn: Turn, evse: int, stream: str) -> Read:
    """The stored quarters of a stream."""
    states, station = turn.states, turn.station

    def read(number: int) -> Quarter:
        return states.quarter(station, evse, stream, number)

    return read


def keep(turn: Turn, now: Held) -> None:
    """Store a session that changed."""
    if now.facts.start_us is None:  # it begins with its first reading
        now = counted(turn, now)
    before = turn.states.session(now.facts.session_id)
    turn.states.set_session(now)
    turn.changed.add(now.facts.session_id)
    _rename(turn, before, now)


def drop(turn: Turn, gone: Held) -> None:
    """Take a session out of the state."""
    turn.states.drop_session(gone.facts.session_id)
    _rename(turn, gone, None)


def counted(turn: Turn, now: Held) -> Held:
    """The session with its readings counted, where that was put off."""
    evse = now.facts.evse
    if not now.sum.stale or evse is None:
        return now
    return held.counted(now, turn.states.meter(turn.station, evse, NAMED), reader(turn, evse, NAMED))


def seen(turn: Turn, now: Held) -> Held:
    """The session to look at: of 2.x, where nobody has said its evse, with its readings that wait for that."""
    if now.facts.evse is not None or now.facts.tx is None:
        return now
    return held.with_loose(now, turn.books.loose.get(now.facts.transaction, ()))


def marks(turn: Turn, now: Held) -> Marks:
    """What was said of the connectors of a session's evse."""
    return () if now.facts.evse is None else turn.states.course(turn.station, now.facts.evse).marks


def stayed(now: Held, view: View, marks: Marks) -> Stay:
    """What these say of a session."""
    return stay(now.facts, now.stay, marks, lasted(now, view))


def lasted(now: Held, view: View) -> Lasted:
    return Lasted(view.start_us, view.end_us, now.heard_us, view.reason)


def overlapping(found: Iterable[Held], evse: int, number: int) -> tuple[str, ...]:
    """The ids of an evse's sessions that a quarter touches."""
    return tuple(sorted(each.facts.session_id for each in found if number in _under(each, evse)))


def _under(now: Held | None, evse: int) -> range:
    """The quarters of an evse that a session overlaps, as far as it is known to have lasted."""
    since_us = None if now is None or now.facts.evse != evse else now.since_us
    return range(0) if now is None or since_us is None else range(since_us // QUARTER, now.until_us // QUARTER + 1)


def _rename(turn: Turn, was: Held | None, now: Held | None) -> None:
    """A session came, went, began or ended elsewhere: the quarters between overlap others now."""
    for evse in {each.facts.evse for each in (was, now) if each is not None and each.facts.evse}:
        before, after = _under(was, evse), _under(now, evse)
        if before == after:
            continue
        meter, read = turn.states.meter(turn.station, evse, NAMED), reader(turn, evse, NAMED)
        if not meter.quarters:
            continue
        differ = {*before} ^ {*after}
        if len(differ) > _FEW:
            differ &= meter.touched()
        turn.renamed |= {(evse, number) for number in differ}
        told = {number for number in differ if not interval(meter, read, number).is_empty}
        turn.quarters.setdefault(evse, set()).update(told)
