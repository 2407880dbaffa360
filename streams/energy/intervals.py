"""What was delivered in a quarter of an hour: a view of a stream's rows.

A register is followed by straight lines from reading to reading. What lies between two readings of the same quarter
is measured, what a line brings in over the quarter's borders is interpolated. Both quarters at a border read the line
there alike, so that quarters add up to what their registers say.
"""

from collections.abc import Iterator

import msgspec

from contracts.events import EnergyMethod
from contracts.flags import INTERPOLATED
from contracts.times import SECOND
from streams.energy.meter import KEPT, Change, Meter, Read, after, before, track_of
from streams.energy.register import Point, Track, step
from streams.energy.rows import QUARTER, quarter
from streams.energy.span import most

_REGISTERS = ("imported", "exported")
_LONGEST = KEPT * QUARTER  # no line is drawn over more: what it brings belongs to its later reading


class Interval(msgspec.Struct, frozen=True):
    """One stream's view of a quarter. Wh, W, s."""

    imported: float = 0.0
    exported: float = 0.0
    measured: float = 0.0
    interpolated: float = 0.0
    register_start: float | None = None
    register_end: float | None = None
    method: EnergyMethod = "none"
    coverage_s: float = 0.0
    readings: int = 0
    power_max: float | None = None
    power_mean: float | None = None
    flags: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return self.readings == 0 and self.imported == 0 and self.exported == 0


def interval(meter: Meter, read: Read, number: int) -> Interval:
    """The view of quarter `number`; an empty one where neither a reading nor a line touches it."""
    span = read(number).span
    into = _flow(track_of(span, "imported"), meter, read, number, "imported") if meter.imports else _Flow()
    out = _flow(track_of(span, "exported"), meter, read, number, "exported") if meter.exports else _Flow()
    flags = {*into.flags, *out.flags, *(span.flags if span is not None else ())}
    covered_us = max(into.coverage_us, out.coverage_us)
    method: EnergyMethod = "register"
    if covered_us == 0 and span is not None and (span.imported_intervals or span.exported_intervals):
        method, into, out = "interval", _Flow(most(span.imported_intervals)), _Flow(most(span.exported_intervals))
    elif covered_us == 0:
        method = "none"
    if into.interpolated or out.interpolated:
        flags.add(INTERPOLATED)
    return Interval(
        imported=round(into.measured + into.interpolated, 3),
        exported=round(out.measured + out.interpolated, 3),
        measured=round(into.measured, 3),
        interpolated=round(into.interpolated, 3),
        register_start=into.at_start,
        register_end=into.at_end,
        method=method,
        coverage_s=round(covered_us / SECOND, 3),
        readings=0 if span is None else span.readings,
        power_max=None if span is None else span.power_max,
        power_mean=None if span is None else span.power_mean,
        flags=tuple(sorted(flags)),
    )


class _Flow:
    """What went through a register in a quarter. Lives for one view."""

    def __init__(self, measured: float | None = None) -> None:
        self.measured = measured or 0.0
        self.interpolated = 0.0
        self.coverage_us = 0
        self.at_start: float | None = None
        self.at_end: float | None = None
        self.flags: set[str] = set()


def _flow(track: Track | None, meter: Meter, read: Read, number: int, register: str) -> _Flow:
    flow = _Flow()
    left, right = before(meter, read, number, register), after(meter, read, number, register)
    if track is None:
        if left is not None and right is not None:
            _draw(flow, left, right, number)
        return flow
    flow.measured, flow.coverage_us = track.wh, track.last_us - track.first_us
    flow.flags.update(track.flags)
    flow.at_start, flow.at_end = track.first, track.last
    if left is not None:
        _draw(flow, left, Point(track.first_us, track.first), number)
    if right is not None:
        _draw(flow, Point(track.last_us, track.last), right, number)
    return flow


def _draw(flow: _Flow, a: Point, b: Point, number: int) -> None:
    """Add what the line from a to b, of which at most one lies in the quarter, brings into it."""
    start_us, end_us = number * QUARTER, (number + 1) * QUARTER
    length_us = b.at_us - a.at_us
    link = step(a.wh, b.wh, length_us)
    ends_here = b.at_us < end_us
    if link.flag and ends_here:
        flow.flags.add(link.flag)
    if length_us > _LONGEST:
        flow.interpolated += link.wh if ends_here else 0.0
        return
    from_us, to_us = max(a.at_us, start_us), min(b.at_us, end_us)
    at_from, at_to = (_along(link.wh, at_us - a.at_us, length_us) for at_us in (from_us, to_us))
    flow.interpolated += at_to - at_from
    flow.coverage_us += to_us - from_us
    if not link.broken:
        if a.at_us <= start_us:
            flow.at_start = round(a.wh + at_from, 3)
        if b.at_us >= end_us:
            flow.at_end = round(a.wh + at_to, 3)


def _along(wh: float, part_us: int, length_us: int) -> float:
    """How much of a line's energy lies before a point on it. Rounded, so that its two sides add up."""
    return wh if part_us == length_us else round(wh * part_us / length_us, 3)


def affected(meter: Meter, read: Read, change: Change, reread: Read) -> set[int]:
    """The quarters whose view may differ after a change (`reread`: of its rows), those given up aside.

    They are those that changed, and those under the lines to their neighbours where an outermost register is another
    now. One without rows counts if it delivers something, or did.
    """
    final = dict(change.final)
    found = set(change.changed)
    for number in change.changed:
        before_span, after_span = read(number).span, (final.get(number) or reread(number)).span
        for register in filter(change.meter.is_ever_read, _REGISTERS):
            first, last = _moved(track_of(before_span, register), track_of(after_span, register))
            if first and (left := before(change.meter, reread, number, register)) is not None:
                found.update(_bounded(quarter(left.at_us), number))
            if last and (right := after(change.meter, reread, number, register)) is not None:
                found.update(_bounded(number, quarter(right.at_us)))
    return {
        number
        for number in found
        if not change.meter.is_final(number)
        and (
            reread(number).rows
            or not interval(change.meter, reread, number).is_empty
            or not interval(meter, read, number).is_empty
        )
    }


def _moved(was: Track | None, now: Track | None) -> tuple[bool, bool]:
    """Whether the first and the last reading of a register are others now."""
    if was is None or now is None:
        return was is not now, was is not now
    return was[:2] != now[:2], was[2:4] != now[2:4]


def _bounded(first: int, last: int) -> Iterator[int]:
    """The quarters from first to last; over more than a day only the two, as no line is drawn between them."""
    if last - first > KEPT + 1:
        yield from (first, last)
    else:
        yield from range(first, last + 1)


def better(named: Interval | None, other: Interval | None) -> tuple[Interval, bool]:
    """Of the stream that names transactions and the other one: the view with more coverage (on a tie the former).

    Gives the view, and whether it is the former.
    """
    if named is None or named.is_empty:
        return other or Interval(), False
    if other is not None and other.coverage_s > named.coverage_s and not other.is_empty:
        return other, False
    return named, True
