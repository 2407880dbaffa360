"""A span: what a stretch of rows comes to. Spans that follow each other in time are joined like words to a sentence."""

from collections.abc import Iterable

import msgspec

from contracts.flags import OUTLIER
from streams.energy.register import Track, extended, joined
from streams.energy.rows import Row

Sums = dict[str, float]


class Span(msgspec.Struct, frozen=True, array_like=True):
    """A summary of rows in time order. Times in microseconds; Wh, W, %. Interval energies by their context."""

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
    imported_intervals: Sums = {}
    exported_intervals: Sums = {}
    flags: tuple[str, ...] = ()
    phases: int = 0

    @property
    def power_mean(self) -> float | None:
        return round(self.power_sum / self.power_count, 3) if self.power_count else None


_NOTHING = Span(0, 0)


def appended(span: Span | None, row: Row) -> Span:
    """A span with one more row at its end. A boundary counts as a register, not as a reading."""
    before = _NOTHING if span is None else span
    at_us, power, into, out = row.at_us, row.power, row.imported_interval, row.exported_interval
    imported, exported, flags = row.imported, row.exported, row.flags
    if row.apart:
        imported = None if "imported" in row.apart else imported
        exported = None if "exported" in row.apart else exported
        flags = (*flags, OUTLIER)
    return Span(
        at_us if span is None else span.first_us,
        at_us,
        before.readings + (not row.is_boundary),
        before.imported if imported is None else extended(before.imported, at_us, imported),
        before.exported if exported is None else extended(before.exported, at_us, exported),
        before.power_max if power is None else _most(before.power_max, power),
        before.power_sum if power is None else round(before.power_sum + power, 6),
        before.power_count + (power is not None),
        row.soc if before.soc_first is None else before.soc_first,
        before.soc_last if row.soc is None else row.soc,
        before.offered_max if row.offered is None else _most(before.offered_max, row.offered),
        before.imported_intervals if into is None else _plus(before.imported_intervals, row.context, into),
        before.exported_intervals if out is None else _plus(before.exported_intervals, row.context, out),
        tuple(sorted({*before.flags, *flags})) if flags else before.flags,
        before.phases | row.phases,
    )


def of_rows(rows: Iterable[Row]) -> Span | None:
    """The span of rows in their order."""
    span = None
    for row in rows:
        span = appended(span, row)
    return span


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
        after.soc_first if before.soc_first is None else before.soc_first,
        before.soc_last if after.soc_last is None else after.soc_last,
        _most(before.offered_max, after.offered_max),
        _added(before.imported_intervals, after.imported_intervals),
        _added(before.exported_intervals, after.exported_intervals),
        tuple(sorted({*before.flags, *after.flags})),
        before.phases | after.phases,
    )


def most(sums: Sums) -> float | None:
    """Intervals are summed within one context only: the one that measured most."""
    return max(sums.values(), default=None)


def _most(a: float | None, b: float | None) -> float | None:
    return b if a is None else a if b is None else max(a, b)


def _plus(sums: Sums, context: str, wh: float) -> Sums:
    return {**sums, context: round(sums.get(context, 0.0) + wh, 6)}


def _added(a: Sums, b: Sums) -> Sums:
    if not a or not b:
        return a or b
    return {context: round(a.get(context, 0.0) + b.get(context, 0.0), 6) for context in sorted({*a, *b})}
