"""A row: the readings of one meter at one time in one context. Rows are a set with a union.

The same reading twice is one, and of two values the greater stands (flag `conflict`).
"""

from bisect import bisect_left
from collections.abc import Iterable

import msgspec

from contracts.flags import CONFLICT
from contracts.times import MINUTE

QUARTER = 15 * MINUTE
QUARTER_S = 900

# A session's start and stop are rows of its meter, too: their registers close the gap to the first and last reading.
START, STOP = "~start", "~stop"
BEGIN, END = "Transaction.Begin", "Transaction.End"
_RANK = {START: 0, BEGIN: 1, END: 8, STOP: 9}
_MIDDLE = 5


class Row(msgspec.Struct, frozen=True, array_like=True):
    """Wh, W and % at a time (microseconds).

    `transaction` is the id that the message names, `` where it names none; of a boundary, the session's id. An
    interval's energy stands one microsecond before its timestamp, at which it ends: it belongs to the quarter that it
    measured.
    """

    at_us: int
    context: str
    transaction: str = ""
    imported: float | None = None
    exported: float | None = None
    imported_interval: float | None = None
    exported_interval: float | None = None
    power: float | None = None
    soc: float | None = None
    offered: float | None = None
    flags: tuple[str, ...] = ()
    apart: tuple[str, ...] = ()
    """The registers (`imported`, `exported`) that do not count, as they are outliers among its stream's rows."""
    phases: int = 0
    """Through which phases something flowed, as in `samples.Group`."""

    @property
    def is_boundary(self) -> bool:
        return self.context in (START, STOP)

    @property
    def order(self) -> tuple[int, int, str, str]:
        """What is sorted by; equal only where the identity is: (time, context), of a boundary its session too."""
        whose = self.transaction if self.is_boundary else ""
        return self.at_us, _RANK.get(self.context, _MIDDLE), self.context, whose


Rows = tuple[Row, ...]  # sorted by `order`, which is unique


def quarter(at_us: int) -> int:
    """The number of the quarter of an hour since 1970."""
    return at_us // QUARTER


def from_totals(
    at_us: int, context: str, transaction: str, totals: dict[str, float], flags: Iterable[str], phases: int = 0
) -> list[Row]:
    """The rows of a group of readings: none, one, or two where it measures intervals too."""
    if not totals:
        return []
    found, marks, get = [], tuple(sorted(flags)), totals.get
    imported, exported = get("energy_import"), get("energy_export")
    power, soc, offered = get("power_import"), get("soc"), get("power_offered")
    into, out = get("energy_import_interval"), get("energy_export_interval")
    if not imported is exported is power is soc is offered is None:
        found.append(
            Row(at_us, context, transaction, imported, exported, None, None, power, soc, offered, marks, (), phases)
        )
    if into is not None or out is not None:
        found.append(
            Row(
                at_us - 1,
                context,
                transaction,
                imported_interval=into,
                exported_interval=out,
                flags=marks,
                phases=phases,
            )
        )
    return found


def union(rows: Rows, row: Row) -> Rows:
    """The rows with one more; the very same tuple where it says nothing new."""
    if not rows or rows[-1].at_us < row.at_us or rows[-1].order < row.order:
        return (*rows, row)
    index = bisect_left(rows, row.order, key=_order)
    if rows[index].order != row.order:
        return (*rows[:index], row, *rows[index:])
    merged = _merged(rows[index], row)
    return rows if merged == rows[index] else (*rows[:index], merged, *rows[index + 1 :])


def _order(row: Row) -> tuple[int, int, str, str]:
    return row.order


_VALUES = ("imported", "exported", "imported_interval", "exported_interval", "power", "soc", "offered")


def _merged(a: Row, b: Row) -> Row:
    greater: dict[str, float] = {}
    conflict = False
    for name in _VALUES:
        ours, theirs = getattr(a, name), getattr(b, name)
        if theirs is not None and (ours is None or theirs > ours):
            greater[name] = theirs
        conflict |= ours is not None and theirs is not None and ours != theirs
    flags = tuple(sorted({*a.flags, *b.flags, *([CONFLICT] if conflict else [])}))
    whose, phases = max(a.transaction, b.transaction), a.phases | b.phases
    return msgspec.structs.replace(a, transaction=whose, flags=flags, phases=phases, **greater)
