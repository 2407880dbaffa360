"""The records of a station's sessions: when they are published, voided, given up and made final."""

from collections.abc import Iterable, Mapping

import msgspec

from streams import keeping
from streams.deadlines import zombie_due
from streams.sessions import prune as pruning
from streams.sessions.held import Held, Place
from streams.sessions.join import Joined
from streams.sessions.record import Subject, record
from streams.sessions.stay import Stay
from streams.sessions.views import View, view
from streams.states import Running
from streams.turn import Turn

KEPT_OVER = 16  # sessions of an evse that are over and remembered; what falls out is final


def publish(turn: Turn, name: str, *, final: bool = False) -> None:
    """Publish a session that changed: at once where its state did or it is over, else once a minute."""
    before = turn.states.session(name)
    if before is None:
        return
    running = turn.pace.sessions.get(name)
    is_told = running is not None and running.minute == turn.minute and before.facts.ends_us is None
    if is_told and not final and before.facts.evse not in turn.rejoined:
        return
    held = keeping.counted(turn, before)
    seen = view(keeping.seen(turn, held))
    point = _point(turn, held, seen)
    former = held.former
    if point != held.point:
        # Where another session stands, nothing may be written over it.
        stand = {point, *(other.point for other in turn.held() if other.facts.session_id != name)}
        former = tuple(each for each in (*held.former, held.point) if each is not None and each not in stand)
    if (held.state, held.point, held.former) != (seen.state, point, former):
        held = msgspec.structs.replace(held, state=seen.state, point=point, former=former)
    if held is not before:
        turn.states.set_session(held)
    stay = keeping.stayed(held, seen, keeping.marks(turn, held))
    turn.outbox.session(record(held, seen, stay, _subject(turn), final=final))
    if seen.end_us is not None and seen.end_us > turn.pace.over_us.get(held.facts.evse or 0, -1):
        turn.set_pace(over_us={**turn.pace.over_us, held.facts.evse or 0: seen.end_us})
    _keep_pace(turn, name, _running(held, turn.minute) if seen.state == "open" else None)


def _running(held: Held, minute: int) -> Running:
    facts = held.facts
    is_plain = facts.start_us is not None and facts.own_from_us is None and facts.own_to_us is None
    own = facts.own if is_plain else ()  # without a start, an earlier reading may tell that it is another's
    return Running(facts.evse or 0, own, minute, held.heard_us)


def _keep_pace(turn: Turn, name: str, running: Running | None) -> None:
    if running == turn.pace.sessions.get(name):
        return
    sessions = {each: kept for each, kept in turn.pace.sessions.items() if each != name}
    turn.set_pace(sessions=sessions if running is None else {**sessions, name: running})


def _subject(turn: Turn) -> Subject:
    proto = turn.link.last.proto if turn.link.last is not None else None
    return Subject(turn.link.tenant, turn.station, turn.outbox.log, turn.revision, turn.source, proto or "")


def _point(turn: Turn, held: Held, seen: View) -> Place:
    """Where it stands in a time-series store: at its start; without one, where it begins as far as is known."""
    if held.facts.start_us is None:
        return seen.start_us or held.heard_us, held.facts.evse or 0
    if held.point is not None and held.facts.evse not in turn.rejoined:
        return held.point
    return _at_start(held, turn.held())


def _at_start(held: Held, others: Iterable[Held]) -> Place:
    """The start, + 1 ms for each session of the evse with the same start and a smaller id."""
    facts = held.facts
    start_ms = (facts.start_us or 0) // 1000
    same = [
        other
        for other in others
        if other.facts.evse == facts.evse
        and (other.facts.start_us or 0) // 1000 == start_ms
        and other.facts.session_id < facts.session_id
    ]
    return 1000 * (start_ms + len(same)), facts.evse or 0


def rejoined(turn: Turn, gone: Iterable[Held], after: Mapping[str, Joined]) -> None:
    """Sessions changed: say which are no more, follow those that are open, and find those that stand elsewhere now."""
    for held in gone:
        _keep_pace(turn, held.facts.session_id, None)
        if held.state:
            _void(turn, held, after)
    for name, running in turn.pace.sessions.items():
        now = turn.states.session(name)
        if now is not None:
            _keep_pace(turn, name, _running(now, running.minute))
    others = turn.held()
    turn.changed.update(
        held.facts.session_id
        for held in others
        if held.facts.evse in turn.rejoined and held.facts.start_us is not None
        if held.point not in (None, _at_start(held, others))
    )


def _void(turn: Turn, held: Held, after: Mapping[str, Joined]) -> None:
    """The session's last fact went to another: publish it once more, as void."""
    facts = held.facts
    heirs = (
        joined.session_id
        for joined in after.values()
        if not set(facts.own).isdisjoint(joined.own)
        or (facts.stop is not None and facts.stop == joined.stop)
        or (facts.start is not None and joined.start is not None and _is_same(facts, joined))
        or (facts.start is None and joined.evse == facts.evse and not set(facts.own).isdisjoint(joined.foreign))
    )
    held = keeping.counted(turn, held)
    void = record(held, view(held), Stay(), _subject(turn), final=True)
    taken = any(_same_point(joined, held.point) for joined in after.values())
    turn.outbox.session(
        msgspec.structs.replace(
            void,
            state="void",
            superseded_by=next(heirs, None),
            import_wh=0.0,
            export_wh=None,
            point_at=None if taken else void.point_at,
        )
    )


def _is_same(facts: Joined, joined: Joined) -> bool:
    start, other = facts.start, joined.start
    return (
        start is not None
        and other is not None
        and (start.connector, start.token, start.meter_start) == (other.connector, other.token, other.meter_start)
        and facts.start_us == joined.start_us
    )


def _same_point(joined: Joined, point: Place | None) -> bool:
    """Whether a session will stand where another one stood: then that must not be written over."""
    if point is None or joined.start_us is None:
        return False
    return (joined.evse or 0, joined.start_us // 1000) == (point[1], point[0] // 1000)


def expire(turn: Turn) -> None:
    """Close the open sessions of which nothing was heard for too long."""
    for name, running in list(turn.pace.sessions.items()):
        if zombie_due(running.heard_us) > turn.now_us:
            continue
        before = turn.states.session(name)
        if before is None:
            _keep_pace(turn, name, None)
            continue
        held = keeping.counted(turn, before)
        due_us = zombie_due(held.heard_us)
        if due_us > turn.now_us:  # heard of since, without being published
            turn.states.set_session(held)
            _keep_pace(turn, name, _running(held, running.minute))
            continue
        turn.states.set_session(msgspec.structs.replace(held, zombie_us=due_us))
        turn.rejoined.add(running.evse)
        _keep_pace(turn, name, None)
        publish(turn, name)


def prune(turn: Turn) -> None:
    """Forget the oldest sessions of an evse that are over: their last record says that it is final."""
    over: dict[int | None, list[tuple[int, str]]] = {}
    for held in turn.held():
        if held.state in ("ended", "zombie"):
            over.setdefault(held.facts.evse, []).append((held.until_us, held.facts.session_id))
    gone = [name for each in over.values() for _, name in sorted(each)[:-KEPT_OVER]]
    book, left, loose = turn.books.facts, set(turn.books.sessions), dict(turn.books.loose)
    for name in gone:
        publish(turn, name, final=True)
        held_ = turn.states.session(name)
        if held_ is not None:
            book = pruning.without(book, held_.facts, held_.until_us)
            if held_.facts.evse is None:  # it counted what waited for that
                loose.pop(held_.facts.transaction, None)
        turn.states.drop_session(name)
        left.discard(name)
    turn.set_books(facts=book, sessions=tuple(sorted(left)), loose=loose)
