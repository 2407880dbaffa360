"""What a session delivered: its registers at both ends, and what its readings say between."""

import msgspec

from contracts.events import EnergyMethod
from contracts.flags import BACKWARD, ZERO_BEGIN
from streams.energy.register import Point, Track, extended, joined, step
from streams.energy.span import Span, most
from streams.sessions.join import Joined, registers


class Energy(msgspec.Struct, frozen=True):
    """Wh, the registers at both ends, and the flags that they give rise to.

    `from_us` and `to_us`: between which readings it flowed, where a register tells.
    """

    imported: float | None
    exported: float | None
    method: EnergyMethod
    begin: float | None
    end: float | None
    flags: frozenset[str]
    from_us: int | None = None
    to_us: int | None = None


def delivered(facts: Joined, span: Span | None, start_us: int | None, end_us: int | None) -> Energy:
    """The energy of a session with these readings. `start_us` and `end_us`: when it began and ended."""
    begin, end = _ends(facts, start_us, end_us)
    begin_wh, end_wh = registers(facts)
    track = None if span is None or _is_another(begin, span.imported, end) else span.imported
    exported = round(span.exported.wh, 3) if span is not None and span.exported is not None else None
    is_zero = _is_zero_begin(begin, Point(track.first_us, track.first) if track else end, facts.lifetime_wh)
    opening = None if begin is None or is_zero else extended(None, *begin)
    whole = joined(opening, track)
    if end is not None:
        whole = extended(whole, *end)
    flags = {ZERO_BEGIN} if is_zero else set[str]()
    if whole is None or (opening is None and whole.first_us == whole.last_us) or (track is None and end is None):
        # One register alone says nothing.
        if span is None or not (span.imported_intervals or span.exported_intervals):
            exporting: EnergyMethod = "register" if exported else "none"
            return Energy(None, exported, exporting, begin_wh, end_wh, frozenset(flags), *_flow(None, span))
        into, out = most(span.imported_intervals), most(span.exported_intervals)
        return Energy(into, out, "interval", begin_wh, end_wh, frozenset(flags), *_flow(None, span))
    # Where the register was one rising line, its ends tell, and noise between them does not count.
    imported = round(whole.last - whole.first, 3)
    broken = set(whole.flags) - {BACKWARD}
    if broken or imported < 0:
        imported = round(whole.wh, 3)
        flags |= broken or {BACKWARD}
    method: EnergyMethod = "start-stop" if track is None else "register"
    first_wh = whole.first if begin_wh is None else begin_wh
    return Energy(imported, exported, method, first_wh, whole.last, frozenset(flags), *_flow(whole, span))


def _flow(imported: Track | None, span: Span | None) -> tuple[int | None, int | None]:
    """From when and until when energy flowed, into the car or out of it."""
    tracks = [each for each in (imported, None if span is None else span.exported) if each is not None]
    return (
        min((each.rose_from_us for each in tracks if each.rose_from_us is not None), default=None),
        max((each.rose_to_us for each in tracks if each.rose_to_us is not None), default=None),
    )


def _ends(facts: Joined, start_us: int | None, end_us: int | None) -> tuple[Point | None, Point | None]:
    """The registers that its start and its end told, with their times."""
    if facts.tx is not None:
        return facts.tx.begin, facts.tx.end
    begin_wh, end_wh = registers(facts)
    return (
        None if begin_wh is None or start_us is None else Point(start_us, begin_wh),
        None if end_wh is None or end_us is None else Point(end_us, end_wh),
    )


def _is_zero_begin(begin: Point | None, following: Point | None, lifetime_wh: float | None) -> bool:
    """A begin of 0 before a lifetime register: it rises too fast, or the evse's meter is known to count on."""
    if begin is None or following is None or begin.wh != 0:
        return False
    if step(0.0, following.wh, following.at_us - begin.at_us).flag == ZERO_BEGIN:
        return True
    return lifetime_wh is not None and following.wh >= lifetime_wh > 0


def _is_another(begin: Point | None, track: Track | None, end: Point | None) -> bool:
    """Readings that count from 0 with each session, beside a meter that does not, and that delivered no less."""
    if begin is None or track is None or end is None or track.flags or not track.first < begin.wh <= end.wh:
        return False
    fell = step(begin.wh, track.first, track.first_us - begin.at_us)
    is_below = track.last < begin.wh or fell.flag != BACKWARD
    return is_below and round(track.wh - (end.wh - begin.wh)) <= 0
