"""A message's share in sessions and energy: facts into the book, readings into the meters, views into the outbox."""

import msgspec

from streams.deadlines import zombie_due
from streams.energy.rows import START, STOP, Row, from_totals, quarter
from streams.message import Message
from streams.meters import add, keep_loose, publish_due, reader, take_loose
from streams.samples import Group
from streams.sessions import facts, join, views
from streams.sessions.facts import Book
from streams.sessions.join import Joined
from streams.states import NAMED, OTHER
from streams.turn import Turn

KEPT_ENDED = 16  # ended sessions an evse remembers; what falls out is final


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
    former = turn.head.book
    if book is former and not groups:
        return
    after = join.sessions(turn.station, book)
    before = after if book is former else join.sessions(turn.station, former)
    changed = {session_id for session_id, found in after.items() if before.get(session_id) != found}
    gone = [found for session_id, found in before.items() if session_id not in after and found.settled]

    # The views that may differ afterwards, as they were: points and voids are told from them.
    was = {
        session_id: _view(turn, found, former)
        for session_id, found in before.items()
        if found.settled and session_id in changed
    } | {found.session_id: _view(turn, found, former) for found in gone}

    rows: dict[tuple[int, str], list[Row]] = {}
    late: set[str] = set()
    for session_id in sorted(changed):
        _boundaries(after[session_id], before.get(session_id), rows)
    for group in groups:
        _place(turn, group, after, rows, is_2x=is_2x)
    for session_id in changed:
        found = after[session_id]
        if found.own is not None and found.evse is not None:
            loose = take_loose(turn, found.own)
            if loose:
                rows.setdefault((found.evse, NAMED), []).extend(loose)

    quarters: dict[int, set[int]] = {}
    touched: set[str] = set()
    for (evse, stream), each in rows.items():
        change = add(turn, evse, stream, each)
        quarters.setdefault(evse, set()).update(change.quarters)
        late |= {row.transaction for row in change.late if row.transaction}
        if change.late and not all(row.is_boundary for row in change.late):
            turn.outbox.dead_letter(
                "energy", "late", f"{len(change.late)} readings of evse {evse} are beyond the horizon"
            )
        if stream == NAMED:
            for row in each:
                owner = join.owner_of(after, row.transaction, evse, row.at_us) if row.transaction else None
                if owner is not None:
                    touched.add(owner.session_id)
    if not late <= set(book.late):
        book = msgspec.structs.replace(book, late=tuple(sorted({*book.late, *late})))
        changed |= {session_id for session_id, found in after.items() if found.own in late}
    turn.set_head(book=book)

    for session_id in sorted(changed | touched):
        if after[session_id].settled:
            _publish(turn, after[session_id], was.get(session_id), forced=session_id in changed)
    for found in gone:
        _void(turn, found, was[found.session_id], former, after)
    for found in [*(after[session_id] for session_id in changed), *gone]:
        if found.evse is not None and found.settled and found.start_us is not None:
            _touch(turn, found, quarters)
    for evse, numbers in quarters.items():
        publish_due(turn, evse, numbers, after)
    if changed:
        _prune(turn, after)


def _touch(turn: Turn, found: Joined, quarters: dict[int, set[int]]) -> None:
    """A session came, went or moved: the quarters under it name it."""
    meter = turn.states.meter(turn.station, found.evse or 0, NAMED)
    end_us = found.tx.ended_us if found.tx else found.stop.at_us if found.stop else found.next_us
    first, last = quarter(found.start_us or 0), quarter(turn.now_us if end_us is None else end_us)
    under = {number for number in meter.quarters if first <= number <= last}
    quarters.setdefault(found.evse or 0, set()).update(
        number for number in under if any(not row.is_boundary for row in reader(turn, found.evse or 0, NAMED)(number))
    )


def _boundaries(found: Joined, before: Joined | None, rows: dict[tuple[int, str], list[Row]]) -> None:
    """A 1.6 session's start and stop registers, as rows of its connector's meter."""
    if not found.evse:
        return
    into = rows.setdefault((found.evse, NAMED), [])
    start, stop = found.start, found.stop
    if start is not None and start.meter_start is not None and found.start_us is not None:
        if before is None or before.start_us != found.start_us or before.evse != found.evse:
            into.append(Row(found.start_us, START, imported=start.meter_start))
    if stop is not None and stop.meter_stop is not None and (before is None or before.stop != stop):
        into.append(Row(stop.at_us, STOP, imported=stop.meter_stop))


def _place(
    turn: Turn, group: Group, after: dict[str, Joined], rows: dict[tuple[int, str], list[Row]], *, is_2x: bool
) -> None:
    """Find the meter and stream of a group of readings."""
    transaction = group.transaction_id
    if transaction is not None and not is_2x and transaction not in join.SHARED_IDS and not join.is_real(transaction):
        transaction = None  # filler of idle readings
    found = from_totals(group.at_us, group.context, transaction or "", group.totals, group.flags)
    if not found:
        return
    evse = group.evse
    if evse is None and transaction is not None:
        if is_2x:
            tx = after.get(f"{turn.station}/{transaction}")
            evse = tx.evse if tx else None
        else:
            owner = join.owner_of(after, transaction, None, group.at_us)
            evse = owner.evse if owner else None
        if evse is None:
            keep_loose(turn, transaction, found)
            return
    if evse is None or evse < 0:
        return
    stream = NAMED if transaction is not None and evse else OTHER
    rows.setdefault((evse, stream), []).extend(found)


def _view(turn: Turn, found: Joined, book: Book) -> views.View:
    span = None
    if found.evse is not None:
        meter = turn.states.meter(turn.station, found.evse, NAMED)
        span = views.rows_of(found, meter, reader(turn, found.evse, NAMED))
    return views.view(found, book, span)


def _publish(turn: Turn, found: Joined, was: views.View | None, *, forced: bool, final: bool = False) -> None:
    """Publish a session: at once where its facts changed or it is over, else once a minute."""
    pace = turn.pace
    if not forced and pace.sessions.get(found.session_id) == turn.minute and found.session_id in pace.heard:
        return
    seen = _view(turn, found, turn.head.book)
    point = _point(turn, found, seen)
    if was is not None:
        point = _moved(turn, found, was, point)
    turn.outbox.session(views.record(found, turn.head.book, seen, _subject(turn, found), point, final=final))
    sessions, heard = dict(pace.sessions), dict(pace.heard)
    if seen.state == "open":
        sessions[found.session_id], heard[found.session_id] = turn.minute, seen.last_us or turn.now_us
    else:
        sessions.pop(found.session_id, None)
        heard.pop(found.session_id, None)
    if (sessions, heard) != (pace.sessions, pace.heard):
        turn.set_pace(sessions=sessions, heard=heard)


def _subject(turn: Turn, found: Joined) -> views.Subject:
    proto = found.tx.proto if found.tx and found.tx.proto else turn.link.proto or ""
    return views.Subject(
        turn.link.tenant, turn.station, turn.link.site, turn.outbox.log, turn.revision, turn.source, proto
    )


def _point(turn: Turn, found: Joined, seen: views.View) -> views.Point:
    """The start, + 1 ms for each session of the evse with the same start and a smaller id."""
    start_us = seen.start_us or 0
    same = [
        other
        for other in join.sessions(turn.station, turn.head.book).values()
        if other.settled
        and other.evse == found.evse
        and other.start_us is not None
        and other.start_us // 1000 == start_us // 1000
        and other.session_id < found.session_id
    ]
    former = turn.head.book.former.get(found.session_id, ())
    return views.Point(start_us + 1000 * len(same), former)


def _moved(turn: Turn, found: Joined, was: views.View, point: views.Point) -> views.Point:
    """A session whose start changed stands at another point: name the former one."""
    old = (was.start_us or 0, found.evse or 0)
    if was.start_us is None or was.start_us // 1000 == (point.at_us // 1000) or old in point.former:
        return point
    former = (*point.former, old)
    book = turn.head.book
    turn.set_head(book=msgspec.structs.replace(book, former={**book.former, found.session_id: former}))
    return views.Point(point.at_us, former)


def _void(turn: Turn, found: Joined, was: views.View, former: Book, after: dict[str, Joined]) -> None:
    """The session's last fact went to another: publish it once more, as void."""
    successor = None
    if found.start is not None:
        successor = next(
            (
                other.session_id
                for other in after.values()
                if other.start is not None
                and other.evse == found.evse
                and (other.start.token, other.start.meter_start) == (found.start.token, found.start.meter_start)
                and other.start_us == found.start_us
            ),
            None,
        )
    elif found.own is not None:
        owner = join.owner_of(after, found.own, found.evse, was.last_us)
        successor = owner.session_id if owner else None
    record = views.record(found, former, was, _subject(turn, found), views.Point(was.start_us or 0), final=True)
    turn.outbox.session(
        msgspec.structs.replace(record, state="void", superseded_by=successor, import_wh=0.0, export_wh=None)
    )
    turn.set_pace(
        sessions={name: at for name, at in turn.pace.sessions.items() if name != found.session_id},
        heard={name: at for name, at in turn.pace.heard.items() if name != found.session_id},
    )


def expire(turn: Turn) -> None:
    """Close the open sessions of which nothing was heard for too long."""
    due = [session_id for session_id, heard_us in turn.pace.heard.items() if zombie_due(heard_us) <= turn.now_us]
    if not due:
        return
    found = join.sessions(turn.station, turn.head.book)
    for session_id in due:
        session = found.get(session_id)
        if session is None:
            turn.set_pace(heard={name: at for name, at in turn.pace.heard.items() if name != session_id})
            continue
        heard_us = _view(turn, session, turn.head.book).last_us
        due_us = zombie_due(heard_us)
        if due_us > turn.now_us:  # heard of since, without being published
            turn.set_pace(heard={**turn.pace.heard, session_id: heard_us})
            continue
        book = turn.head.book
        turn.set_head(book=msgspec.structs.replace(book, zombies={**book.zombies, session_id: due_us}))
        _publish(turn, session, None, forced=True)


def _prune(turn: Turn, after: dict[str, Joined]) -> None:
    """Forget the oldest ended sessions of an evse: their last record says that it is final."""
    by_evse: dict[int | None, list[tuple[int, str]]] = {}
    for session_id, found in after.items():
        end_us = found.tx.ended_us if found.tx else found.stop.at_us if found.stop else found.next_us
        if found.settled and end_us is not None:
            by_evse.setdefault(found.evse, []).append((end_us, session_id))
    for ended in by_evse.values():
        for _, session_id in sorted(ended)[:-KEPT_ENDED]:
            _publish(turn, after[session_id], None, forced=True, final=True)
            turn.set_head(book=_without(turn.head.book, after[session_id]))


def _without(book: Book, found: Joined) -> Book:
    own = found.own

    def is_of(start: facts.Start) -> bool:
        first = found.start
        return first is not None and (
            (start.connector, start.token, start.meter_start) == (first.connector, first.token, first.meter_start)
            and (start.at_us == first.at_us if first.at_us is not None else start.transaction == first.transaction)
        )

    return msgspec.structs.replace(
        book,
        starts=tuple(start for start in book.starts if not is_of(start)),
        stops=tuple(stop for stop in book.stops if stop != found.stop and (own is None or stop.transaction != own)),
        named={name: named for name, named in book.named.items() if name != own},
        transactions={name: tx for name, tx in book.transactions.items() if found.tx is None or name != own},
        signed={name: signed for name, signed in book.signed.items() if name != own},
        late=tuple(name for name in book.late if name != own),
        zombies={name: at for name, at in book.zombies.items() if name != found.session_id},
        former={name: points for name, points in book.former.items() if name != found.session_id},
    )
