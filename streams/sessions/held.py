"""A session as it is remembered: its facts, the sum of its readings, and what was published of it.

The sum is a view of the meter's rows that is carried along row by row, so that a reading costs the same in a session's
first minute and in its tenth hour. Where that is not possible (a row that comes out of order, or facts that change
whose rows are whose) it is `stale`, and counted anew when it is looked at.
"""

import msgspec

from contracts.times import HOUR
from streams.energy.meter import Meter, Quarter, Read
from streams.energy.rows import Row, Rows, quarter
from streams.energy.span import Span, appended, join, of_rows
from streams.sessions.join import Joined
from streams.sessions.stay import Stay

ZOMBIE_AFTER = 24 * HOUR  # an open session of which nothing was heard for this long is closed, until something is

Place = tuple[int, int]  # of a point in a time-series store: microseconds, evse


class Sum(msgspec.Struct, frozen=True, array_like=True):
    """What a session's rows come to: `now`, of which `past` is what lies before the quarter `newest`."""

    given_up: Span | None = None
    """Of the quarters that fell out of the meter."""
    past: Span | None = None
    newest: int | None = None
    now: Span | None = None
    stale: bool = False


class Held(msgspec.Struct, frozen=True):
    """A session in the state."""

    facts: Joined
    site: str
    """Of its first fact: it never changes, whatever becomes of the station."""
    sum: Sum = Sum()
    late: bool = False
    """A reading came after its quarter was given up."""
    heard_us: int = 0
    """When something of it happened last, as far as its rows are counted."""
    zombie_us: int | None = None
    """When it was last given up; anything heard later takes that back."""
    state: str = ""
    """As it was last published; empty where it never was."""
    point: Place | None = None
    """Where it was published, in a time-series store."""
    former: tuple[Place, ...] = ()
    """Where it was published before that."""
    stay: Stay = Stay()
    """What the marks came to that its evse has given up."""

    @property
    def since_us(self) -> int | None:
        """From when on it is known to have lasted."""
        first_us = None if self.sum.now is None else self.sum.now.first_us
        return first_us if self.facts.start_us is None else self.facts.start_us

    @property
    def until_us(self) -> int:
        """Up to when it is known to have lasted."""
        said_us = self.facts.said_us
        return self.heard_us if said_us is None else said_us


def heard_us(facts: Joined, span: Span | None) -> int:
    """When something of a session happened last; 0 where nothing has a time."""
    tx = facts.tx
    moments = (
        facts.start_us,
        facts.said_us,
        None if span is None else span.last_us,
        None if tx is None else tx.last_us,
    )
    return max((moment for moment in moments if moment is not None), default=0)


def told(held: Held, facts: Joined) -> Held:
    """The session with other facts."""
    known_us = held.heard_us if held.sum.stale else 0
    return msgspec.structs.replace(held, facts=facts, heard_us=max(known_us, heard_us(facts, held.sum.now)))


def owns(held: Held, row: Row) -> bool:
    """Whether a row of its meter counts for the session."""
    if not row.transaction or row.is_boundary or _is_given_up(held, row):
        return False
    return held.facts.claims(row.transaction, row.at_us)


def _is_given_up(held: Held, row: Row) -> bool:
    """Whether a row is no later than those that are the session's for good: it may be one of them, again."""
    return held.sum.given_up is not None and row.at_us <= held.sum.given_up.last_us


def with_row(held: Held, row: Row, read: Read) -> Held:
    """The session with one more row of its own, which `read` knows already."""
    total, number = held.sum, quarter(row.at_us)
    if _is_given_up(held, row):
        return held
    if total.stale:
        return msgspec.structs.replace(held, heard_us=max(held.heard_us, row.at_us))
    if total.newest is None or number > total.newest:
        total = Sum(total.given_up, total.now, number, appended(total.now, row))
    elif number < total.newest:
        total = stale(held).sum
    elif total.now is not None and row.at_us > total.now.last_us:
        total = Sum(total.given_up, total.past, number, appended(total.now, row))
    else:
        total = Sum(total.given_up, total.past, number, join(total.past, _of_quarter(held, read(number))))
    return msgspec.structs.replace(held, sum=total, heard_us=max(held.heard_us, row.at_us))


def stale(held: Held) -> Held:
    """The session after its rows changed in a way that only counting anew can tell."""
    return msgspec.structs.replace(held, sum=Sum(held.sum.given_up, stale=True))


def counted(held: Held, meter: Meter, read: Read) -> Held:
    """The session with its sum counted, where that was stale."""
    if not held.sum.stale:
        return held
    total = Sum(held.sum.given_up, now=held.sum.given_up)
    for number in meter.quarters:
        span = _of_quarter(held, read(number))
        if span is not None:
            total = Sum(total.given_up, total.now, number, join(total.now, span))
    return msgspec.structs.replace(held, sum=total, heard_us=heard_us(held.facts, total.now))


def gave_up(held: Held, fell: Quarter) -> Held:
    """The session after a quarter fell out of its meter: what that came to is its own for good."""
    span = _of_quarter(held, fell)
    if span is None:
        return held
    total = msgspec.structs.replace(held.sum, given_up=join(held.sum.given_up, span))
    return msgspec.structs.replace(held, sum=total)


def gave_up_rows(held: Held, rows: Rows) -> Held | None:
    """The session, whose evse is not known, with rows that are its own for good; None where it has later ones."""
    if _is_given_up(held, rows[0]):
        return None
    past = join(held.sum.given_up, of_rows(rows))
    return msgspec.structs.replace(held, sum=Sum(past, now=past))


def with_loose(held: Held, rows: Rows) -> Held:
    """The session, whose evse is not known, as it is with the rows that wait for that: to be looked at only."""
    span = of_rows(row for row in rows if not _is_given_up(held, row))
    return held if span is None else msgspec.structs.replace(held, sum=Sum(now=join(held.sum.given_up, span)))


def _of_quarter(held: Held, found: Quarter) -> Span | None:
    return of_rows(row for row in found.rows if owns(held, row))
