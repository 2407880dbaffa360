"""A point: what a time-series store keeps of a record under one series and time."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sinks.records import Record, Version, identity

Value = float | int | bool | str
Tags = tuple[tuple[str, str], ...]  # sorted by key


class Point(NamedTuple):
    """`time_ms`: milliseconds since 1970. `superseded`: a session stood there, and does no more."""

    measurement: str
    tags: Tags
    fields: Mapping[str, Value]
    time_ms: int
    record: Record
    superseded: bool = False

    @property
    def key(self) -> tuple[str, Tags, int]:
        return self.measurement, self.tags, self.time_ms


def newest_points(found: Iterable[Point]) -> list[Point]:
    """One point for each series and time: the greatest version; of samples the union of their fields.

    A session's former point never hides another session that stands there now.
    """
    latest: dict[tuple[str, Tags, int], Point] = {}
    for point in found:
        other = latest.setdefault(point.key, point)
        if other is point:
            continue
        older, newer = (other, point) if _rank(point) >= _rank(other) else (point, other)
        if point.measurement == "samples":
            newer = newer._replace(fields={**older.fields, **newer.fields})
        elif newer.superseded and not older.superseded and not _same(older, newer):
            newer = older
        latest[point.key] = newer
    return list(latest.values())


def _rank(point: Point) -> tuple[Version, bool]:
    return point.record.version, not point.superseded


def _same(one: Point, other: Point) -> bool:
    return identity(one.record.event) == identity(other.record.event)
