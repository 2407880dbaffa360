"""A message's share in sessions and energy: facts joined to sessions, readings into meters, views into the outbox."""

from collections.abc import Iterable, Mapping

import msgspec

from streams import meters, session_records
from streams.energy.intervals import interval
from streams.energy.meter import KEPT, Change
from streams.energy.rows import START, STOP, Row, from_totals
from streams.message import Message, int_of, object_of
from streams.samples import Group
from streams.sessions import facts, held, join, tx
from streams.sessions.facts import Book, Stop
from streams.sessions.held import Held
from streams.sessions.join import Joined
from streams.sessions.tx import Tx
from streams.states import NAMED, OTHER
from streams.turn import Turn

_FACTS_16 = frozenset({"StartTransaction", "StopTransaction"})
_LOOSE = 200  # rows kept of a session whose evse nobody has said yet


def fold(turn: Turn, message: Message, groups: list[Group]) -> None:
    """Take a message into account, if it carries facts or readings."""
    transaction = tx.transaction_of(message)
    if not groups and transaction is None and message.action not in _FACTS_16:
        return
    step = _Step(turn)
    if transaction is not None:
        step.tell(transaction, message, groups)
    elif not message.is_2x:
        step.learn(message, groups)
    if groups:
        step.read(groups, repeats=message.action == "StopTransaction")
    step.close()


def settle(turn: Turn) -> None:
    """Connections ended: starts that wait for their replies wait no longer."""
    ended = {start.conn for start in turn.book.starts if not start.settled and not turn.link.lives(start.conn)}
    if ended:
        step = _Step(turn)
        step.rejoin(facts.settle(turn.book, ended))
        step.close()


def place_of(turn: Turn, message: Message) -> tuple[int, int] | None:
    """The evse and connector of the transaction that a TransactionEvent tells of."""
    transaction = tx.transaction_of(message)
    if transaction is None or message.call is None:
        return None
    evse = object_of(message.call, "evse")
    evse_id, connector = int_of(evse, "id"), int_of(evse, "connectorId")
    known = turn.states.session(f"{turn.station}/{transaction}")
    if known is not None:
        evse_id = known.facts.evse if evse_id is None else evse_id
        connector = known.facts.connector if connector is None else connector
    return None if evse_id is None else (evse_id, connector or 1)


def evse_of(turn: Turn, transaction: str, at_us: int) -> int | None:
    """Where readings were taken whose message does not say it: at their session's evse."""
    owner = _owner(turn, transaction, None, at_us)
    return None if owner is None else owner.facts.evse


def _running(turn: Turn, transaction: str | None, evse: int | None) -> str | None:
    """The open session for which all readings of its evse count that name this id."""
    for name, each in turn.pace.sessions.items():
        if transaction in each.own and evse in (None, each.evse):
            return name
    return None


def _owner(turn: Turn, transaction: str, evse: int | None, at_us: int) -> Held | None:
    """The session for which a reading counts."""
    name = _running(turn, transaction, evse)
    if name is not None:
        return turn.states.session(name)
    told = turn.states.session(f"{turn.station}/{transaction}")
    if told is not None:  # 2.x: an id of its own
        return told if evse in (None, told.facts.evse) else None
    found = join.owner_of((each.facts for each in turn.held()), transaction, evse, at_us)
    return None if found is None else turn.states.session(found.session_id)


class _Step:
    """What one message changes. Lives as long as it is folded."""

    def __init__(self, turn: Turn) -> None:
        self.turn = turn
        self.changed: set[str] = set()  # sessions whose facts changed, or whose readings did
        self.rejoined = False
        self.stop: Stop | None = None  # what the message says, if it is a StopTransaction

    # -- facts

    def tell(self, transaction: str, message: Message, groups: list[Group]) -> None:
        """2.x: one more event of a transaction."""
        known = self.turn.states.session(f"{self.turn.station}/{transaction}")
        before = None if known is None else known.facts.tx
        after = tx.fold(before, message, groups)
        if known is None or before is None or before.outline != after.outline:
            self.rejoin(self.turn.book, {transaction: after})
        elif after != before:
            told = msgspec.structs.replace(known.facts, tx=after, signed=after.signed)
            self._keep(msgspec.structs.replace(known, facts=told))

    def learn(self, message: Message, groups: list[Group]) -> None:
        """1.6: starts, replies, stops, and the ids that readings name where they are not those of open sessions."""
        if message.action in _FACTS_16:
            conn = message.envelope.conn or ""
            before, link = self.turn.book, self.turn.link
            self.stop = facts.stop_of(message, link.connected_us(conn))
            book = facts.fold(before, message, link.connected_us(conn), conn_closed=not link.lives(conn))
        else:
            strange = [group for group in groups if group.transaction_id and not self._is_plain(group)]
            if not strange:
                return
            before = book = self.turn.book
            groups = strange
        book = facts.with_names(book, groups)
        if book != before:
            self.rejoin(book)

    def _is_plain(self, group: Group) -> bool:
        return not group.signed and _running(self.turn, group.transaction_id, group.evse) is not None

    def rejoin(self, book: Book, told: Mapping[str, Tx] | None = None) -> None:
        """Go to another book, or to other transactions: sessions come, go, and change."""
        turn, self.rejoined = self.turn, True
        before = {each.facts.session_id: each for each in turn.held()}
        known = {each.facts.transaction: each.facts.tx for each in before.values() if each.facts.tx is not None}
        after = join.sessions(turn.station, book, {**known, **(told or {})})
        gone = [each for name, each in before.items() if name not in after]
        turn.set_book(book, tuple(sorted(after)))
        moved = gone[:]
        rows: dict[int, list[Row]] = {}
        for name in sorted(after):
            was, joined = before.get(name), after[name]
            if was is not None and was.facts == joined:
                continue
            now = _opened(joined, turn.link.site, gone, book) if was is None else _revised(was, joined)
            loose = [*now.loose, *_inherited(joined, gone)]
            if joined.evse is not None and loose:
                rows.setdefault(joined.evse, []).extend(loose)
            now = msgspec.structs.replace(now, loose=held.loosened(loose, _LOOSE) if joined.evse is None else ())
            self._keep(now)
            moved += [now] if was is None else [was, now]
        for each in gone:
            turn.states.drop_session(each.facts.session_id)
        turn.rejoined |= {each.facts.evse for each in moved if each.facts.evse is not None}
        self._bound(before, after, rows)
        self.changed |= session_records.rejoined(turn, gone, after)
        for each in moved:
            self._rename(each, before, after)

    def _keep(self, now: Held) -> None:
        self.turn.states.set_session(now)
        self.changed.add(now.facts.session_id)

    def _bound(self, before: Mapping[str, Held], after: Mapping[str, Joined], rows: dict[int, list[Row]]) -> None:
        """1.6: the registers of starts and stops are rows of their connector's meter, too."""
        was = {(each.facts.evse, row) for each in before.values() for row in _boundaries(each.facts)}
        now = {(joined.evse, row) for joined in after.values() for row in _boundaries(joined)}
        for evse in sorted({evse for evse, _ in was ^ now if evse} | rows.keys()):
            removed = [row for at, row in was - now if at == evse]
            added = sorted((row for at, row in now - was if at == evse), key=lambda row: row.order)
            self._store(evse, NAMED, [*added, *rows.get(evse, ())], removed)

    def _rename(self, moved: Held, before: Mapping[str, Held], after: Mapping[str, Joined]) -> None:
        """A session came, went, began or ended elsewhere: the quarters between name other sessions now."""
        turn, name, evse = self.turn, moved.facts.session_id, moved.facts.evse
        if not evse:
            return
        was, now = before.get(name), turn.states.session(name) if name in after else None
        spans = [set(meters.under(each, evse, turn.now_us)) if each is not None else set() for each in (was, now)]
        meter, read = turn.states.meter(turn.station, evse, NAMED), meters.reader(turn, evse, NAMED)
        if not meter.quarters:
            return
        differ = {number for number in spans[0] ^ spans[1] if meter.quarters[0] <= number <= meter.quarters[-1]}
        if len(differ) > KEPT:
            differ &= set(meter.quarters)
        turn.quarters.setdefault(evse, set()).update(
            number for number in differ if not interval(meter, read, number).is_empty
        )

    # -- readings

    def read(self, groups: Iterable[Group], *, repeats: bool) -> None:
        """Put readings where they belong. `repeats`: they are transactionData, most of which was sent before."""
        rows: dict[tuple[int, str], list[Row]] = {}
        for group in groups:
            transaction = group.transaction_id
            found = from_totals(group.at_us, group.context, transaction or "", group.totals, group.flags)
            evse = group.evse
            if found and evse is None and transaction is not None:
                evse = self._place(transaction, group.at_us, found)
            if found and evse is not None and evse >= 0:
                stream = NAMED if transaction is not None and evse else OTHER
                rows.setdefault((evse, stream), []).extend(found)
        for (evse, stream), each in rows.items():
            self._store(evse, stream, each, repeats=repeats)

    def _place(self, transaction: str, at_us: int, rows: list[Row]) -> int | None:
        """The evse of readings that do not name it: their session's. Where that is not known they are held back."""
        owner = _owner(self.turn, transaction, None, at_us) or self._stopped()
        if owner is None:
            return None
        if owner.facts.evse is None:
            loose = held.loosened([*owner.loose, *rows], _LOOSE)
            self._keep(msgspec.structs.replace(owner, loose=loose))
        return owner.facts.evse

    def _stopped(self) -> Held | None:
        """Of a stop whose id is not its session's own: the session that it ended."""
        stop = self.stop
        return next((each for each in self.turn.held() if stop is not None and stop.repeats(each.facts.stop)), None)

    def _store(
        self, evse: int, stream: str, rows: list[Row], removed: Iterable[Row] = (), *, repeats: bool = False
    ) -> None:
        made = meters.store(self.turn, evse, stream, rows, removed)
        if made is None:
            return
        self._lose(made, evse, repeats=repeats)
        if stream != NAMED:
            return
        for _, fell in made.final:
            for each in self.turn.held():
                if each.facts.evse == evse and (after := held.gave_up(each, fell)) is not each:
                    self.turn.states.set_session(after)
        read = meters.reader(self.turn, evse, NAMED)
        for row in made.fresh:
            if (owner := self._counts_for(row, evse)) is not None:
                self._keep(held.with_row(owner, row, read))
        for row in made.altered:
            if (owner := self._counts_for(row, evse)) is not None:
                self._keep(held.stale(owner))

    def _counts_for(self, row: Row, evse: int) -> Held | None:
        """The session of this evse that a row counts for."""
        return None if row.is_boundary else _owner(self.turn, row.transaction, evse, row.at_us)

    def _lose(self, made: Change, evse: int, *, repeats: bool) -> None:
        """Readings of quarters that are given up change no total: their session says so, and a dead letter."""
        lost = False
        for row in made.late:
            if row.is_boundary:
                continue  # its session has it
            owner = _owner(self.turn, row.transaction, evse, row.at_us) if row.transaction else None
            given_up = None if owner is None else owner.sum.given_up
            if repeats and given_up is not None and row.at_us <= given_up.last_us:
                continue  # a repeat of what was counted in time
            lost = True
            if owner is not None and not owner.late:
                self._keep(msgspec.structs.replace(owner, late=True))
        if lost:
            self.turn.outbox.dead_letter("late", f"readings of evse {evse} are beyond the horizon")

    # -- views

    def close(self) -> None:
        """Publish what changed."""
        for name in sorted(self.changed):
            session_records.publish(self.turn, name)
        meters.publish_due(self.turn)
        if self.rejoined:
            session_records.prune(self.turn)


def _opened(joined: Joined, site: str, gone: list[Held], book: Book) -> Held:
    """A session that is new, or the heir of one that is gone and had its readings."""
    named = joined.foreign or any(name in names for names in book.named.values() for name in joined.own)
    new = Held(joined, site)
    for each in gone:
        if not set(each.facts.own).isdisjoint(joined.own):
            new = Held(joined, each.site, each.sum, late=each.late)
    return held.stale(new) if named and joined.evse is not None else new


def _inherited(joined: Joined, gone: Iterable[Held]) -> Iterable[Row]:
    """The rows that waited for the evse of sessions that are gone, and whose stop, or id, is this one's now."""
    for each in gone:
        stop = each.facts.stop
        if (stop is not None and stop == joined.stop) or not set(each.facts.own).isdisjoint(joined.own):
            yield from each.loose


def _revised(was: Held, joined: Joined) -> Held:
    now = msgspec.structs.replace(was, facts=joined)
    return held.stale(now) if was.facts.evse is not None and was.facts.claim != joined.claim else now


def _boundaries(joined: Joined) -> list[Row]:
    start, stop, found = joined.start, joined.stop, list[Row]()
    if start is not None and start.meter_start is not None and joined.start_us is not None:
        found.append(Row(joined.start_us, START, joined.session_id, imported=start.meter_start))
    if stop is not None and stop.meter_stop is not None:
        found.append(Row(stop.at_us, STOP, joined.session_id, imported=stop.meter_stop))
    return found if joined.evse else []
