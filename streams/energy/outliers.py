"""Outliers: a register's reading that lies apart from a line that the readings around it follow. Pure.

A meter that is reset goes on from near 0. Where the very next reading is again above the former one, there was no
reset: that one reading was wrong. It is judged by its neighbours in the stream as they stand, whatever becomes of
them, so that the order of arrival does not matter; and by those of its transaction only, as registers may begin anew
with each. A start's or a stop's register is a fact and no outlier.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise

import msgspec

from contracts.flags import BACKWARD
from streams.energy.register import step
from streams.energy.rows import Row, Rows, quarter

REGISTERS = ("imported", "exported")

_NOISE_WH = 100.0  # what lies apart by less changes little, however it is understood
_SIGHT = 2  # readings on each side by which one is judged

RowsOf = Callable[[int], Rows]
"""The rows of a quarter; none where there are none."""


def rises(rows: Rows) -> bool:
    """Whether the last of a stream's rows, just come, leaves every verdict as it was: registers go up, mostly."""
    if len(rows) < 3:
        return False
    before, former, last = rows[-3:]
    return (
        before.imported is not None
        and former.imported is not None
        and last.imported is not None
        and before.imported <= former.imported <= last.imported
        and before.exported is former.exported is last.exported is None
        and not before.apart
    )


def judged(kept: Sequence[int], rows_of: RowsOf, row: Row, *, is_whole: bool) -> Iterator[tuple[Row, Row]]:
    """The rows, as they are and as they should be, that are judged otherwise after one came, changed or went.

    `kept`: the quarters that hold rows, in order. `is_whole`: none was given up before them; else their first reading
    stays as it was judged.
    """
    verdicts: dict[tuple[object, ...], tuple[Row, Row]] = {}
    for register in REGISTERS:
        if getattr(row, register) is None:
            continue
        line, at = _around(kept, rows_of, row, register)
        if _is_plain(line, register):
            continue
        for index in range(max(at - _SIGHT, 0 if is_whole else 1), min(at + _SIGHT + 1, len(line))):
            each = line[index]
            was, now = verdicts.get(each.order, (each, each))
            verdicts[each.order] = was, _marked(now, register, apart=_is_apart(line, index, register))
    yield from (verdict for verdict in verdicts.values() if verdict[0] != verdict[1])


def _around(kept: Sequence[int], rows_of: RowsOf, row: Row, register: str) -> tuple[list[Row], int]:
    """The nearest readings of a register on both sides of a row, and itself if it is there; and its place."""
    number, order = quarter(row.at_us), row.order
    rows, index = rows_of(number), bisect_left(kept, number)
    place = len(rows) - 1 if rows and rows[-1].order == order else bisect_left(rows, order, key=_order)
    after = place + (place < len(rows) and rows[place].order == order)
    later = kept[index + (index < len(kept) and kept[index] == number) :]
    left = _nearest(register, reversed(rows[:place]), (reversed(rows_of(each)) for each in reversed(kept[:index])))
    right = _nearest(register, rows[after:], map(rows_of, later))
    return [*reversed(left), *rows[place:after], *right], len(left)


def _nearest(register: str, here: Iterable[Row], elsewhere: Iterable[Iterable[Row]]) -> list[Row]:
    """So many as see a row, and those by which they are judged."""
    rows = chain(here, chain.from_iterable(elsewhere))
    return list(islice((row for row in rows if getattr(row, register) is not None), 2 * _SIGHT))


def _is_plain(line: list[Row], register: str) -> bool:
    """Whether nothing is apart, nor was: a register that rises."""
    values: list[float] = [getattr(row, register) for row in line]
    return all(a <= b for a, b in pairwise(values)) and not any(row.apart for row in line)


def _is_apart(line: list[Row], index: int, register: str) -> bool:
    if not 0 < index < len(line) - 1 or line[index].is_boundary:
        return False
    before, row, after = line[index - 1 : index + 2]
    low, wh, high = (getattr(each, register) for each in (before, row, after))
    return (
        before.transaction == row.transaction == after.transaction
        and low <= high
        and not low - _NOISE_WH <= wh <= high + _NOISE_WH
        and not _is_broken(before, after, register)
        and not (index > 1 and _is_broken(line[index - 2], before, register))
        and not (index + 2 < len(line) and _is_broken(after, line[index + 2], register))
    )


def _is_broken(before: Row, after: Row, register: str) -> bool:
    """Whether two readings of one transaction are not those of one rising register."""
    if before.transaction != after.transaction:
        return False
    link = step(getattr(before, register), getattr(after, register), after.at_us - before.at_us)
    return link.flag not in (None, BACKWARD)


def _marked(row: Row, register: str, *, apart: bool) -> Row:
    marks = {*row.apart, register} if apart else {*row.apart} - {register}
    return msgspec.structs.replace(row, apart=tuple(sorted(marks)))


def _order(row: Row) -> tuple[int, int, str, str]:
    return row.order
