"""From one set of facts to the next: sessions come, go, and change, and take their rows with them."""

from collections.abc import Mapping

from streams import keeping, readings, session_records
from streams.energy.register import Point
from streams.energy.rows import START, STOP, Row
from streams.sessions import held, join
from streams.sessions.facts import Book
from streams.sessions.held import Held
from streams.sessions.join import Joined
from streams.sessions.tx import Tx
from streams.states import NAMED
from streams.turn import Turn


def rejoin(turn: Turn, book: Book, told: Mapping[str, Tx] | None = None) -> None:
    """Go to another book, or to other 2.x transactions (`told`)."""
    before = {each.facts.session_id: each for each in turn.held()}
    known = {each.facts.transaction: each.facts.tx for each in before.values() if each.facts.tx is not None}
    after = join.sessions(turn.station, book, {**known, **(told or {})})
    gone = [each for name, each in before.items() if name not in after]
    turn.set_books(facts=book, sessions=tuple(sorted(after)))
    for name, joined in sorted(after.items()):
        was = before.get(name)
        if was is not None and was.facts == joined:
            continue
        turn.rejoined |= {joined.evse, joined.evse if was is None else was.facts.evse}
        now = _opened(joined, turn.link.site, gone, book) if was is None else _revised(was, joined)
        keeping.keep(turn, keeping.counted(turn, now))
    for each in gone:
        turn.rejoined.add(each.facts.evse)
        keeping.drop(turn, each)
    session_records.rejoined(turn, gone, after)
    _bound(turn, before, after)
    readings.release(turn)


def _opened(joined: Joined, site: str, gone: list[Held], book: Book) -> Held:
    """A session that is new, or the heir of one that is gone and had its readings. Others may have come before it."""
    new = Held(joined, site)
    for each in gone:
        if not set(each.facts.own).isdisjoint(joined.own):
            new = Held(joined, each.site, each.sum, late=each.late, stay=each.stay)
    new = held.told(new, joined)
    shared = joined.own_from_us is not None or joined.own_to_us is not None
    named = any(name in names for names in book.named.values() for name in joined.own)
    return held.stale(new) if joined.evse is not None and (shared or named or joined.foreign) else new


def _revised(was: Held, joined: Joined) -> Held:
    now = held.told(was, joined)
    return held.stale(now) if was.facts.evse is not None and was.facts.claim != joined.claim else now


def _bound(turn: Turn, before: Mapping[str, Held], after: Mapping[str, Joined]) -> None:
    """The registers of starts and stops are rows of their evse's meter, too."""
    was = {(each.facts.evse, row) for each in before.values() for row in _boundaries(each.facts)}
    now = {(joined.evse, row) for joined in after.values() for row in _boundaries(joined)}
    for evse in sorted({evse for evse, _ in was ^ now if evse}):
        removed = [row for at, row in was - now if at == evse]
        added = sorted((row for at, row in now - was if at == evse), key=lambda row: row.order)
        readings.store(turn, evse, NAMED, added, removed)


def _boundaries(joined: Joined) -> list[Row]:
    """1.6: of the start and the stop; 2.x: of Transaction.Begin. None for a begin that is not the meter's register."""
    start, stop, found = joined.start, joined.stop, list[Row]()
    begin = None if joined.tx is None else joined.tx.begin
    if start is not None and start.meter_start is not None and joined.start_us is not None:
        begin = Point(joined.start_us, start.meter_start)
    if begin is not None and not joined.is_zero_begin:
        found.append(Row(begin.at_us, START, joined.session_id, imported=begin.wh))
    if stop is not None and stop.meter_stop is not None:
        found.append(Row(stop.at_us, STOP, joined.session_id, imported=stop.meter_stop))
    return found if joined.evse else []
