"""One stream of one evse's meter: its newest 96 quarters that hold rows, and what the given-up ones came to.

The rows of a quarter are a state record of their own; this index holds the summaries of all quarters but the newest,
so that a reading writes one small record and not the day.
"""

from collections.abc import Callable, Iterator

import msgspec

from streams.energy.rows import Row, Rows, quarter, union
from streams.energy.span import Span, join, of_rows

KEPT = 96  # quarters that hold rows: a day of readings, whenever they were taken
_KEPT_TRANSACTIONS = 32


class Summary(msgspec.Struct, frozen=True, array_like=True):
    """A quarter: all its rows, and by the transaction they name (boundaries name none)."""

    all: Span
    transactions: dict[str, Span]


class Meter(msgspec.Struct, frozen=True):
    """The index of one stream. `newest` is the quarter whose summary is not in `cold`."""

    newest: int | None = None
    cold: dict[int, Summary] = {}
    given_up: dict[str, Span] = {}
    """What the quarters that fell out came to, by transaction."""
    edge: Span | None = None
    """The last row that fell out: the neighbour of the oldest quarter kept."""

    @property
    def quarters(self) -> list[int]:
        """The quarters that hold rows, oldest first."""
        return sorted([*self.cold, *([] if self.newest is None else [self.newest])])


Read = Callable[[int], Rows]
"""The rows of a quarter; an empty tuple where there are none."""


class Inserted(msgspec.Struct, frozen=True):
    """What came of inserting rows.

    `changed`: quarter -> rows to be stored (empty: to be deleted); `touched`: the new or altered rows; `late`: rows of
    quarters already given up; `final`: quarters that were given up now, with the spans that were theirs.
    """

    meter: Meter
    changed: dict[int, Rows]
    touched: list[Row]
    late: list[Row]
    final: list[int]


def summary(rows: Rows) -> Summary | None:
    """The summary of a quarter's rows; None for no rows."""
    span = of_rows(rows)
    if span is None:
        return None
    named: dict[str, list[Row]] = {}
    for row in rows:
        if row.transaction and not row.is_boundary:
            named.setdefault(row.transaction, []).append(row)
    return Summary(span, {name: found for name, each in named.items() if (found := of_rows(each)) is not None})


def insert(meter: Meter, read: Read, rows: list[Row]) -> Inserted:
    """Union with more rows."""
    changed: dict[int, Rows] = {}
    touched, late, final = [], [], []
    full = len(meter.quarters) >= KEPT
    kept = set(meter.quarters)
    for row in rows:
        number = quarter(row.at_us)
        if number not in kept and full and number < min(kept):
            late.append(row)
            continue
        before = changed[number] if number in changed else read(number)
        after = union(before, row)
        if after is before:
            continue
        changed[number] = after
        touched.append(row)
        if number not in kept:
            kept.add(number)
            if len(kept) > KEPT:
                oldest = min(kept)
                kept.discard(oldest)
                final.append(oldest)
            full = len(kept) >= KEPT
    if changed:
        meter, changed = _settle(meter, read, changed, final)
    return Inserted(meter, changed, touched, late, final)


def _settle(meter: Meter, read: Read, changed: dict[int, Rows], final: list[int]) -> tuple[Meter, dict[int, Rows]]:
    """Bring the index up to the changed quarters, and give up those that fell out, the oldest first."""
    newest = max([*changed, *([] if meter.newest is None else [meter.newest])])
    cold = dict(meter.cold)
    for number in {*changed, *([] if meter.newest is None else [meter.newest])} - {newest}:
        found = summary(changed.get(number) or read(number))
        if found is not None:
            cold[number] = found
    cold.pop(newest, None)
    given_up, edge = dict(meter.given_up), meter.edge
    for number in sorted(final):
        found = cold.pop(number)
        edge = found.all
        for name, span in found.transactions.items():
            given_up[name] = join(given_up.get(name), span) or span
        changed = {**changed, number: ()}
    if len(given_up) > _KEPT_TRANSACTIONS:
        recent = sorted(given_up, key=lambda name: (given_up[name].last_us, name))[-_KEPT_TRANSACTIONS:]
        given_up = {name: given_up[name] for name in sorted(recent)}
    return Meter(newest, dict(sorted(cold.items())), given_up, edge), changed


def span_of(meter: Meter, read: Read, number: int) -> Span | None:
    """All rows of a quarter, summarised."""
    if number in meter.cold:
        return meter.cold[number].all
    return of_rows(read(number)) if number == meter.newest else None


def before(meter: Meter, read: Read, number: int) -> Iterator[Span]:
    """The spans of the quarters before this one, the nearest first; at the end what fell out last."""
    for other in reversed(meter.quarters):
        if other < number and (span := span_of(meter, read, other)) is not None:
            yield span
    if meter.edge is not None:
        yield meter.edge


def after(meter: Meter, read: Read, number: int) -> Iterator[Span]:
    """The spans of the quarters after this one, the nearest first."""
    for other in meter.quarters:
        if other > number and (span := span_of(meter, read, other)) is not None:
            yield span
