"""One stream of a meter, with its quarters in a dict: as the states keep them."""

from collections.abc import Iterable

from streams.energy.meter import NOTHING, Change, Meter, Quarter, change
from streams.energy.rows import Row


class Stream:
    """A meter and its stored quarters."""

    def __init__(self) -> None:
        self.meter = Meter()
        self.quarters: dict[int, Quarter] = {}

    def read(self, number: int) -> Quarter:
        return self.quarters.get(number, NOTHING)

    def put(self, *rows: Row, removed: Iterable[Row] = ()) -> Change:
        made = change(self.meter, self.read, rows, removed)
        self.meter = made.meter
        for number, quarter in made.changed.items():
            self.quarters[number] = quarter
            if not quarter.rows:
                del self.quarters[number]
        return made

    def apart(self) -> list[float | None]:
        """The registers that were found to be outliers."""
        rows = (row for number in self.meter.quarters for row in self.read(number).rows)
        return [row.imported for row in rows if row.apart]
