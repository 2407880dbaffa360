"""One stream of one evse's meter: its newest 96 quarters that hold rows, and where the given-up ones left off.

The rows of a quarter are a state record of their own, so that a reading writes one small record and not the day.
"""

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator

import msgspec

from streams.energy.register import Point, Track
from streams.energy.rows import Row, Rows, quarter, union
from streams.energy.span import Span, appended, of_rows

KEPT = 96  # quarters that hold rows: a day of readings, whenever they were taken


class Quarter(msgspec.Struct, frozen=True, array_like=True):
    """The rows of a quarter of an hour, and what they come to."""

    rows: Rows = ()
    span: Span | None = None


class Meter(msgspec.Struct, frozen=True):
    """The index of one stream. A quarter up to `given_up` is final."""

    quarters: tuple[int, ...] = ()
    """Those that hold rows, oldest first."""
    imports: bool = False
    """Whether the register was ever read."""
    exports: bool = False
    given_up: int | None = None
    imported: Point | None = None
    """The last register of what was given up: the neighbour of the oldest quarter kept."""
    exported: Point | None = None

    def is_final(self, number: int) -> bool:
        return self.given_up is not None and number <= self.given_up


Read = Callable[[int], Quarter]
"""A quarter; an empty one where there are no rows."""
NOTHING = Quarter()


class Change(msgspec.Struct, frozen=True):
    """What became of a meter.

    `changed`: the quarters to be stored (those without rows: to be deleted); `fresh`: the rows that are new; `altered`:
    those that say more than before; `late`: those of quarters already given up, left out; `final`: what was given up
    now, oldest first.
    """

    meter: Meter
    changed: dict[int, Quarter]
    fresh: list[Row]
    altered: list[Row]
    late: list[Row]
    final: list[tuple[int, Quarter]]


def change(meter: Meter, read: Read, rows: Iterable[Row], removed: Iterable[Row] = ()) -> Change:
    """Take rows away, then union with others."""
    changed: dict[int, Quarter] = {}
    fresh, altered, late = [], [], []
    kept, final = list(meter.quarters), list[tuple[int, Quarter]]()
    for row in removed:
        number = quarter(row.at_us)
        before = changed[number] if number in changed else read(number)
        left = tuple(each for each in before.rows if each.order != row.order)
        if left != before.rows:
            changed[number] = Quarter(left, of_rows(left))
    for row in rows:
        number = quarter(row.at_us)
        before = changed[number] if number in changed else read(number)
        if not before.rows:
            if meter.is_final(number) or (len(kept) >= KEPT and number < kept[0]):
                late.append(row)
                continue
            if number not in kept:
                insort(kept, number)
            if len(kept) > KEPT:
                oldest = kept.pop(0)
                final.append((oldest, changed.get(oldest) or read(oldest)))
                changed[oldest] = NOTHING
        after = union(before.rows, row)
        if after is before.rows:
            continue
        if len(after) == len(before.rows):
            altered += [row, *set(before.rows).difference(after)]
        else:
            fresh.append(row)
        is_last = after[-1] is row and len(after) > len(before.rows)
        changed[number] = Quarter(after, appended(before.span, row) if is_last else of_rows(after))
    if not changed:
        return Change(meter, changed, fresh, altered, late, final)
    return Change(_indexed(meter, changed, kept, final), changed, fresh, altered, late, final)


def _indexed(meter: Meter, changed: dict[int, Quarter], kept: list[int], final: list[tuple[int, Quarter]]) -> Meter:
    """The index that goes with the changed quarters."""
    imported, exported, given_up = meter.imported, meter.exported, meter.given_up
    for number, fell in final:
        given_up = number
        if fell.span is not None:
            imported = _last(fell.span.imported) or imported
            exported = _last(fell.span.exported) or exported
    spans = [each.span for each in changed.values() if each.span is not None]
    return Meter(
        tuple(number for number in kept if number not in changed or changed[number].rows),
        meter.imports or any(span.imported is not None for span in spans),
        meter.exports or any(span.exported is not None for span in spans),
        given_up,
        imported,
        exported,
    )


def before(meter: Meter, read: Read, number: int, register: str) -> Point | None:
    """The last reading of a register before a quarter."""
    if not _is_ever_read(meter, register):
        return None
    earlier = reversed(meter.quarters[: bisect_left(meter.quarters, number)])
    found = next((_last(track) for track in _tracks(read, earlier, register)), None)
    return found or (meter.imported if register == "imported" else meter.exported)


def after(meter: Meter, read: Read, number: int, register: str) -> Point | None:
    """The first reading of a register after a quarter."""
    if not _is_ever_read(meter, register):
        return None
    later = meter.quarters[bisect_left(meter.quarters, number + 1) :]
    return next((Point(track.first_us, track.first) for track in _tracks(read, later, register)), None)


def _is_ever_read(meter: Meter, register: str) -> bool:
    return meter.imports if register == "imported" else meter.exports


def _tracks(read: Read, numbers: Iterable[int], register: str) -> Iterator[Track]:
    for number in numbers:
        span = read(number).span
        track = None if span is None else span.imported if register == "imported" else span.exported
        if track is not None:
            yield track


def _last(track: Track | None) -> Point | None:
    return None if track is None else Point(track.last_us, track.last)
