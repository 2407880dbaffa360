"""What was delivered in a quarter of an hour: a view of a stream's rows.

A register is followed by straight lines from reading to reading. What lies between two readings of the same quarter
is measured, what a line brings in over the quarter's borders is interpolated.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec

from contracts.flags import INTERPOLATED
from contracts.times import SECOND
from streams.energy.meter import KEPT, Meter, Read, after, before
from streams.energy.register import Track, step
from streams.energy.rows import QUARTER, QUARTER_S, Row, Rows, quarter

Point = tuple[int, float]  # microseconds, Wh


class Interval(msgspec.Struct, frozen=True):
    """One stream's view of a quarter. Wh, W, s."""

    imported: float = 0.0
    exported: float = 0.0
    measured: float = 0.0
    interpolated: float = 0.0
    register_start: float | None = None
    register_end: float | None = None
    method: str = "none"
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
    rows = read(number)
    inward = _flow(_points(rows, "imported"), *_neighbours(meter, read, number, "imported"), number)
    outward = _flow(_points(rows, "exported"), *_neighbours(meter, read, number, "exported"), number)
    flags = {flag for row in rows for flag in row.flags} | inward.flags | outward.flags
    powers = [row.power for row in rows if row.power is not None]
    seen = Interval(
        readings=sum(not row.is_boundary for row in rows),
        power_max=max(powers, default=None),
        power_mean=round(sum(powers) / len(powers), 3) if powers else None,
        flags=tuple(sorted(flags)),
    )
    if inward.coverage_us == 0 and outward.coverage_us == 0:
        summed = _summed(rows)
        if summed is None:
            return seen
        imported, exported = summed
        return msgspec.structs.replace(seen, imported=imported, exported=exported, measured=imported, method="interval")
    measured, interpolated = round(inward.measured, 3), round(inward.interpolated, 3)
    if interpolated or outward.interpolated:
        flags.add(INTERPOLATED)
    return msgspec.structs.replace(
        seen,
        imported=round(measured + interpolated, 3),
        exported=round(outward.measured + outward.interpolated, 3),
        measured=measured,
        interpolated=interpolated,
        register_start=inward.at_start,
        register_end=inward.at_end,
        method="register",
        coverage_s=round(max(inward.coverage_us, outward.coverage_us) / SECOND, 3),
        flags=tuple(sorted(flags)),
    )


class _Flow(msgspec.Struct):
    measured: float = 0.0
    interpolated: float = 0.0
    coverage_us: int = 0
    at_start: float | None = None
    at_end: float | None = None
    flags: set[str] = msgspec.field(default_factory=set)


def _flow(points: list[Point], left: Point | None, right: Point | None, number: int) -> _Flow:
    start, end = number * QUARTER, (number + 1) * QUARTER
    flow = _Flow()
    line = [*([left] if left else []), *points, *([right] if right else [])]
    for (from_us, from_wh), (to_us, to_wh) in pairwise(line):
        link = step(from_wh, to_wh, to_us - from_us)
        if link.flag and start <= to_us < end:
            flow.flags.add(link.flag)
        inside = max(0, min(to_us, end) - max(from_us, start))
        if from_us == to_us:  # two registers of one moment, which may be the border of two quarters
            flow.measured += link.wh if start <= to_us < end else 0.0
        elif start <= from_us and to_us <= end:
            flow.measured += link.wh
            flow.coverage_us += inside
        elif to_us - from_us > KEPT * QUARTER:  # no line over more than a day: all of it belongs to its later reading
            flow.interpolated += link.wh if start <= to_us < end else 0.0
        else:
            flow.interpolated += link.wh * inside / (to_us - from_us)
            flow.coverage_us += inside
        if not link.broken and from_us <= start <= to_us:
            flow.at_start = _between(from_us, from_wh, to_us, to_wh, start)
        if not link.broken and from_us <= end <= to_us:
            flow.at_end = _between(from_us, from_wh, to_us, to_wh, end)
    if flow.at_start is None and points:
        flow.at_start = points[0][1]
    if flow.at_end is None and points:
        flow.at_end = points[-1][1]
    return flow


def _between(from_us: int, from_wh: float, to_us: int, to_wh: float, at_us: int) -> float:
    if to_us == from_us:
        return to_wh
    return round(from_wh + (to_wh - from_wh) * (at_us - from_us) / (to_us - from_us), 3)


def _points(rows: Rows, register: str) -> list[Point]:
    found = []
    for row in rows:
        value = row.imported if register == "imported" else row.exported
        if value is not None:
            found.append((row.at_us, value))
    return found


def _neighbours(meter: Meter, read: Read, number: int, register: str) -> tuple[Point | None, Point | None]:
    left = next((track for span in before(meter, read, number) if (track := _track(span, register))), None)
    right = next((track for span in after(meter, read, number) if (track := _track(span, register))), None)
    return (left.last_us, left.last) if left else None, (right.first_us, right.first) if right else None


def _track(span: object, register: str) -> Track | None:
    track = getattr(span, register)
    return track if isinstance(track, Track) else None


def _summed(rows: Rows) -> tuple[float, float] | None:
    """Energy from interval measurands, of the one context that has most of them (the first by name on a tie)."""
    contexts: dict[str, list[Row]] = {}
    for row in rows:
        if row.imported_interval is not None or row.exported_interval is not None:
            contexts.setdefault(row.context, []).append(row)
    if not contexts:
        return None
    chosen = contexts[min(contexts, key=lambda context: (-len(contexts[context]), context))]
    return (
        round(sum(row.imported_interval or 0.0 for row in chosen), 3),
        round(sum(row.exported_interval or 0.0 for row in chosen), 3),
    )


def affected(meter: Meter, read: Read, rows: Iterable[Row]) -> set[int]:
    """The quarters whose view may have changed with these rows: from the reading before each to the one after."""
    found: set[int] = set()
    for number in {quarter(row.at_us) for row in rows}:
        found.add(number)
        for register in ("imported", "exported"):
            left, right = _neighbours(meter, read, number, register)
            if not _points(read(number), register):
                continue
            if left is not None:
                found.update(_bounded(quarter(left[0]), number))
            if right is not None:
                found.update(_bounded(number, quarter(right[0])))
    return found


def _bounded(first: int, last: int) -> Iterator[int]:
    """The quarters from first to last; over more than a day only the two, as no line is drawn between them."""
    if last - first > KEPT + 1:
        yield from (first, last)
    else:
        yield from range(first, last + 1)


def better(named: Interval | None, other: Interval | None) -> tuple[Interval | None, bool]:
    """Of the stream that names transactions and the other one: the view with more coverage (on a tie the former).

    Gives the view, and whether it is the former.
    """
    if named is None or named.is_empty:
        return other, False
    if other is not None and other.coverage_s > named.coverage_s and not other.is_empty:
        return other, False
    return named, True


SECONDS = QUARTER_S
