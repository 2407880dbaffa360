"""A message's share in sessions and energy: facts into the book, readings into the meters, views into the outbox."""

import msgspec

from streams import session_records
from streams.energy.rows import START, STOP, Row, from_totals, quarter
from streams.message import Message
from streams.meters import add, keep_loose, publish_due, reader, take_loose
from streams.samples import Group
from streams.sessions import facts, join
from streams.sessions.facts import Book
from streams.sessions.join import Joined
from streams.states import NAMED, OTHER
from streams.turn import Turn

_Rows = dict[tuple[int, str], list[Row]]  # (evse, stream) -> rows to insert


def fold(turn: Turn, message: Message, groups: list[Group], connected_us: int | None) -> None:
    """Take a message into account that carries facts or readings."""
    before = turn.head.book
    conn = message.envelope.conn or ""
    book = facts.fold(before, message, connected_us, conn_closed=turn.link.is_closed(conn))
    book = facts.with_groups(book, groups, is_2x=message.is_2x)
    apply(turn, book, groups, is_2x=message.is_2x)


def settle(turn: Turn) -> None:
    """Connections ended: starts that wait for their replies wait no longer."""
    waiting = {start.conn for start in turn.head.book.starts if not start.settled}
    closed = {conn for conn in waiting if turn.link.is_closed(conn)}
    if closed:
        apply(turn, facts.settle(turn.head.book, closed), [], is_2x=False)


def apply(turn: Turn, book: Book, groups: list[Group], *, is_2x: bool) -> None:
    """Go from the book in the turn's head to this one, with the readings of one message."""
    if book is turn.head.book and not groups:
        return
    step = _Step(turn, book)
    rows = step.boundaries()
    for group in groups:
        step.place(group, rows, is_2x=is_2x)
    step.release_loose(rows)
    step.insert(rows)
    step.publish()


class _Step:
    """From one book to the next: the sessions before and after, and what changed between. Lives for one message."""

    def __init__(self, turn: Turn, book: Book) -> None:
        self.turn, self.book, self.former = turn, book, turn.head.book
        self.after = join.sessions(turn.station, book)
        self.before = self.after if book is self.former else join.sessions(turn.station, self.former)
        self.changed = {name for name, found in self.after.items() if self.before.get(name) != found}
        self.gone = [found for name, found in self.before.items() if name not in self.after and found.settled]
        # The views that may differ afterwards, as they were: moved points and voids are told from them.
        self.was = {
            found.session_id: session_records.view(turn, found, self.former)
            for found in [*(self.before[name] for name in self.changed if name in self.before), *self.gone]
            if found.settled
        }
        self.touched: set[str] = set()  # sessions with new readings
        self.quarters: dict[int, set[int]] = {}  # evse -> quarters whose totals may differ

    def boundaries(self) -> _Rows:
        """1.6: start and stop registers are rows of their connector's meter, too."""
        rows: _Rows = {}
        for name in sorted(self.changed):
            found, before = self.after[name], self.before.get(name)
            if not found.evse:
                continue
            moved = before is None or (before.start_us, before.evse) != (found.start_us, found.evse)
            start, stop = found.start, found.stop
            into = rows.setdefault((found.evse, NAMED), [])
            if moved and start is not None and start.meter_start is not None and found.start_us is not None:
                into.append(Row(found.start_us, START, imported=start.meter_start))
            if stop is not None and stop.meter_stop is not None and (before is None or before.stop != stop):
                into.append(Row(stop.at_us, STOP, imported=stop.meter_stop))
        return rows

    def place(self, group: Group, rows: _Rows, *, is_2x: bool) -> None:
        """Find the meter and stream of a group of readings."""
        transaction = group.transaction_id
        if transaction is not None and not is_2x and not join.may_name_a_session(transaction):
            transaction = None
        found = from_totals(group.at_us, group.context, transaction or "", group.totals, group.flags)
        if not found:
            return
        evse = group.evse
        if evse is None and transaction is not None:
            evse = self._evse_of(transaction, group.at_us, is_2x=is_2x)
            if evse is None:
                keep_loose(self.turn, transaction, found)
        if evse is not None and evse >= 0:
            stream = NAMED if transaction is not None and evse else OTHER
            rows.setdefault((evse, stream), []).extend(found)

    def _evse_of(self, transaction: str, at_us: int, *, is_2x: bool) -> int | None:
        if is_2x:
            found = self.after.get(f"{self.turn.station}/{transaction}")
        else:
            found = join.owner_of(self.after, transaction, None, at_us)
        return found.evse if found is not None else None

    def release_loose(self, rows: _Rows) -> None:
        """The evse of a transaction is known now: so is where its rows belong."""
        for name in sorted(self.changed):
            found = self.after[name]
            if found.own is not None and found.evse is not None and (loose := take_loose(self.turn, found.own)):
                rows.setdefault((found.evse, NAMED), []).extend(loose)

    def insert(self, rows: _Rows) -> None:
        """Store the rows, and note what they touch."""
        late: set[str] = set()
        for (evse, stream), each in rows.items():
            if not each:
                continue
            change = add(self.turn, evse, stream, each)
            self.quarters.setdefault(evse, set()).update(change.quarters)
            late |= {row.transaction for row in change.late if row.transaction}
            if any(not row.is_boundary for row in change.late):
                self.turn.outbox.dead_letter("energy", "late", f"readings of evse {evse} are beyond the horizon")
            owners = (join.owner_of(self.after, row.transaction, evse, row.at_us) for row in each if row.transaction)
            self.touched |= {owner.session_id for owner in owners if owner is not None}
        if not late <= set(self.book.late):
            self.book = msgspec.structs.replace(self.book, late=tuple(sorted({*self.book.late, *late})))
            self.changed |= {name for name, found in self.after.items() if found.own in late}
        self.turn.set_head(book=self.book)

    def publish(self) -> None:
        """Publish the sessions that changed, the voids, and the quarters."""
        turn, after = self.turn, self.after
        for name in sorted(self.changed | self.touched):
            if after[name].settled:
                session_records.publish(turn, after[name], self.was.get(name), forced=name in self.changed)
        for found in self.gone:
            session_records.void(turn, found, self.was[found.session_id], self.former, after)
        for name in sorted(self.changed | {found.session_id for found in self.gone}):
            self._renamed(self.before.get(name), after.get(name))
        for evse, numbers in self.quarters.items():
            publish_due(turn, evse, numbers, after)
        if self.changed:
            session_records.prune(turn, after)

    def _renamed(self, before: Joined | None, after: Joined | None) -> None:
        """A session came, went, began or ended elsewhere: the quarters between name other sessions now."""
        for found, other in ((before, after), (after, before)):
            if found is None or not found.settled or not found.evse:
                continue
            meter = self.turn.states.meter(self.turn.station, found.evse, NAMED)
            theirs = () if other is None or not other.settled or other.evse != found.evse else self._under(other)
            differ = {number for number in meter.quarters if number in self._under(found) and number not in theirs}
            self.quarters.setdefault(found.evse, set()).update(
                number
                for number in differ
                if any(not row.is_boundary for row in reader(self.turn, found.evse, NAMED)(number))
            )

    def _under(self, found: Joined) -> range:
        """The quarters that a session overlaps."""
        start_us, end_us = found.start_us or 0, found.ends_us
        return range(quarter(start_us), quarter(self.turn.now_us if end_us is None else end_us) + 1)
