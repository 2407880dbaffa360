"""A span: what a stretch of rows comes to. Spans that follow each other in time are joined like words to a sentence."""

from collections.abc import Iterable

import msgspec

from streams.energy.register import Track, joined, reading
from streams.energy.rows import Row


class Span(msgspec.Struct, frozen=True, array_like=True):
    """A summary of rows in time order. Times in microseconds; Wh, W, %."""

    first_us: int
    last_us: int
    readings: int = 0
    imported: Track | None = None
    exported: Track | None = None
    power_max: float | None = None
    power_sum: float = 0.0
    power_count: int = 0
    soc_first: float | None = None
    soc_last: float | None = None
    offered_max: float | None = None
    imported_intervals: dict[str, float] = {}
    exported_intervals: dict[str, float] = {}
    flags: tuple[str, ...] = ()


def of_row(row: Row) -> Span:
    """The span of one row. A boundary counts as a register, not as a reading."""
    return Span(
        row.at_us,
        row.at_us,
        0 if row.is_boundary else 1,
        None if row.imported is None else reading(row.at_us, row.imported),
        None if row.exported is None else reading(row.at_us, row.exported),
        row.power,
        row.power or 0.0,
        0 if row.power is None else 1,
        row.soc,
        row.soc,
        row.offered,
        {} if row.imported_interval is None else {row.context: row.imported_interval},
        {} if row.exported_interval is None else {row.context: row.exported_interval},
        row.flags,
    )


def join(before: Span | None, after: Span | None) -> Span | None:
    """Two spans, one after the other in time."""
    if before is None or after is None:
        return after if before is None else before
    return Span(
        before.first_us,
        after.last_us,
        before.readings + after.readings,
        joined(before.imported, after.imported),
        joined(before.exported, after.exported),
        _most(before.power_max, after.power_max),
        round(before.power_sum + after.power_sum, 6),
        before.power_count + after.power_count,
        before.soc_first if before.soc_first is not None else after.soc_first,
        after.soc_last if after.soc_last is not None else before.soc_last,
        _most(before.offered_max, after.offered_max),
        _added(before.imported_intervals, after.imported_intervals),
        _added(before.exported_intervals, after.exported_intervals),
        tuple(sorted({*before.flags, *after.flags})),
    )


def of_rows(rows: Iterable[Row]) -> Span | None:
    """The span of rows in their order."""
    span = None
    for row in rows:
        span = join(span, of_row(row))
    return span


def _most(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else max(a, b)


def _added(a: dict[str, float], b: dict[str, float]) -> dict[str, float]:
    if not a or not b:
        return a or b
    return {context: round(a.get(context, 0.0) + b.get(context, 0.0), 6) for context in sorted({*a, *b})}
