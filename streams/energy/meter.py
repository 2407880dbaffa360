"""One stream of one evse's meter: its newest 96 quarters that hold rows, and where the given-up ones left off.

The rows of a quarter are a state record of their own, so that a reading writes one small record and not the day.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from itertools import pairwise

import msgspec

from streams.energy.outliers import judged, rises
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

    def is_ever_read(self, register: str) -> bool:
        return self.imports if register == "imported" else self.exports

    def touched(self) -> set[int]:
        """The quarters that hold rows, and those under the lines between them."""
        lines = (range(a, b) for a, b in pairwise(self.quarters) if b - a <= KEPT + 1)
        return {*self.quarters}.union(*lines)


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
    fresh, altered, late, touched = [], [], [], list[Row]()
    kept, final = meter.quarters, list[tuple[int, Quarter]]()
    for row in removed:
        number = quarter(row.at_us)
        before = changed[number] if number in changed else read(number)
        left = tuple(each for each in before.rows if each.order != row.order)
        if left != before.rows:
            changed[number] = Quarter(left, of_rows(left))
            kept = kept if left else tuple(each for each in kept if each != number)
            touched.append(row)
    for row in rows:
        number = quarter(row.at_us)
        before = changed[number] if number in changed else read(number)
        if not before.rows:
            if meter.is_final(number) or (len(kept) >= KEPT and number < kept[0]):
                late.append(row)
                continue
            if number not in kept:
                kept = tuple(sorted((*kept, number)))
            if len(kept) > KEPT:
                oldest, *rest = kept
                kept = tuple(rest)
                final.append((oldest, changed.get(oldest) or read(oldest)))
                changed[oldest] = NOTHING
        after = union(before.rows, row)
        if after is before.rows:
            continue
        is_last = after[-1] is row and len(after) > len(before.rows)
        if len(after) == len(before.rows):
            altered += [row, *set(before.rows).difference(after)]
            touched += set(after).difference(before.rows)
        else:
            fresh.append(row)
            touched += () if is_last and number == kept[-1] and rises(after) else (row,)
        changed[number] = Quarter(after, appended(before.span, row) if is_last else of_rows(after))
    if not changed:
        return Change(meter, changed, fresh, altered, late, final)
    made = Change(_indexed(meter, changed, kept, final), changed, fresh, altered, late, final)
    _judge(made, read, touched)
    return made


def _judge(made: Change, read: Read, touched: Iterable[Row]) -> None:
    """Find the outliers anew around the rows that came, changed or went."""

    def rows_of(number: int) -> Rows:
        return (made.changed[number] if number in made.changed else read(number)).rows

    meter, fresh = made.meter, made.fresh
    for row in touched:
        for was, now in judged(meter.quarters, rows_of, row, is_whole=meter.given_up is None):
            number = quarter(was.at_us)
            after = tuple(now if each.order == was.order else each for each in rows_of(number))
            made.changed[number] = Quarter(after, of_rows(after))
            if was in fresh:
                fresh[fresh.index(was)] = now
            else:
                made.altered.append(now)


def _indexed(
    meter: Meter, changed: dict[int, Quarter], kept: tuple[int, ...], final: list[tuple[int, Quarter]]
) -> Meter:
    """The index that goes with the changed quarters; the same one where nothing of it changed."""
    imports, exports = meter.imports, meter.exports
    for each in changed.values():
        if each.span is not None:
            imports = imports or each.span.imported is not None
            exports = exports or each.span.exported is not None
    if kept is meter.quarters and (imports, exports) == (meter.imports, meter.exports):
        return meter
    imported, exported, given_up = meter.imported, meter.exported, meter.given_up
    for number, fell in final:
        given_up = number
        if fell.span is not None:
            imported = last_of(fell.span.imported) or imported
            exported = last_of(fell.span.exported) or exported
    return Meter(kept, imports, exports, given_up, imported, exported)


def before(meter: Meter, read: Read, number: int, register: str) -> Point | None:
    """The last reading of a register before a quarter."""
    if not meter.is_ever_read(register):
        return None
    for index in range(bisect_left(meter.quarters, number) - 1, -1, -1):
        track = track_of(read(meter.quarters[index]).span, register)
        if track is not None:
            return last_of(track)
    return meter.imported if register == "imported" else meter.exported


def after(meter: Meter, read: Read, number: int, register: str) -> Point | None:
    """The first reading of a register after a quarter."""
    if not meter.is_ever_read(register):
        return None
    for index in range(bisect_left(meter.quarters, number + 1), len(meter.quarters)):
        track = track_of(read(meter.quarters[index]).span, register)
        if track is not None:
            return first_of(track)
    return None


def track_of(span: Span | None, register: str) -> Track | None:
    return None if span is None else span.imported if register == "imported" else span.exported


def first_of(track: Track | None) -> Point | None:
    return None if track is None else Point(track.first_us, track.first)


def last_of(track: Track | None) -> Point | None:
    return None if track is None else Point(track.last_us, track.last)
