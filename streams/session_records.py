"""The records of a station's sessions: when they are published, voided, given up and made final."""

import msgspec

from streams.deadlines import zombie_due
from streams.meters import reader
from streams.sessions import facts, join, views
from streams.sessions.facts import Book
from streams.sessions.join import Joined
from streams.states import NAMED
from streams.turn import Turn

KEPT_ENDED = 16  # ended sessions an evse remembers; what falls out is final


def view(turn: Turn, found: Joined, book: Book) -> views.View:
    """What a session comes to, with the rows that its meter holds now."""
    span = None
    if found.evse is not None:
        meter = turn.states.meter(turn.station, found.evse, NAMED)
        span = views.rows_of(found, meter, reader(turn, found.evse, NAMED))
    return views.view(found, book, span)


def publish(turn: Turn, found: Joined, was: views.View | None, *, forced: bool, final: bool = False) -> None:
    """Publish a session: at once where its facts changed or it is over, else once a minute."""
    pace = turn.pace
    if not forced and pace.sessions.get(found.session_id) == turn.minute and found.session_id in pace.heard:
        return
    seen = view(turn, found, turn.head.book)
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


def void(turn: Turn, found: Joined, was: views.View, former: Book, after: dict[str, Joined]) -> None:
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
        heard_us = view(turn, session, turn.head.book).last_us
        due_us = zombie_due(heard_us)
        if due_us > turn.now_us:  # heard of since, without being published
            turn.set_pace(heard={**turn.pace.heard, session_id: heard_us})
            continue
        book = turn.head.book
        turn.set_head(book=msgspec.structs.replace(book, zombies={**book.zombies, session_id: due_us}))
        publish(turn, session, None, forced=True)


def prune(turn: Turn, after: dict[str, Joined]) -> None:
    """Forget the oldest ended sessions of an evse: their last record says that it is final."""
    by_evse: dict[int | None, list[tuple[int, str]]] = {}
    for session_id, found in after.items():
        if found.settled and found.ends_us is not None:
            by_evse.setdefault(found.evse, []).append((found.ends_us, session_id))
    for ended in by_evse.values():
        for _, session_id in sorted(ended)[:-KEPT_ENDED]:
            publish(turn, after[session_id], None, forced=True, final=True)
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
