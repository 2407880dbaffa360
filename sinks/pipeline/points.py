"""The points of the measurement `pipeline`. A field never changes its type. Pure.

| part         | name                  | code | fields                                                                |
|--------------|-----------------------|------|-----------------------------------------------------------------------|
| sink         | the sink's            |      | lag_records, lag_s (float), settled, refused, store_up (0 or 1)       |
| streams      | the group             |      | lag_records, lag_s (float)                                            |
| dead-letters | edge, streams or sink | its  | dead_letters                                                          |
| edge         | the node's            |      | connections, tick_age_s (float), alive (0 or 1)                       |

`settled`, `refused` and `dead_letters` count since the last point of the series. What is not known is left out.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sinks.point import Tags, Value

MEASUREMENT = "pipeline"


class PipelinePoint(NamedTuple):
    """`time_ms`: milliseconds since 1970, by the clock of `ts` and ticks."""

    tags: Tags
    fields: Mapping[str, Value]
    time_ms: int
    measurement: str = MEASUREMENT


class Counts(NamedTuple):
    """Records since a sink's start."""

    settled: int = 0
    refused: int = 0


def sink_point(
    name: str, done: Counts, told: Counts, *, lag_records: int | None, lag_s: float | None, store_up: bool, time_ms: int
) -> PipelinePoint:
    """A sink's own. `told`: the counts at the last point that was written."""
    fields: dict[str, Value] = {
        **_lag(lag_records, lag_s),
        "settled": done.settled - told.settled,
        "refused": done.refused - told.refused,
        "store_up": int(store_up),
    }
    return PipelinePoint(_tags("sink", name), fields, time_ms)


def streams_point(group: str, *, lag_records: int, lag_s: float | None, time_ms: int) -> PipelinePoint:
    """The stream workers' together, by their group."""
    return PipelinePoint(_tags("streams", group), _lag(lag_records, lag_s), time_ms)


def dead_letters_point(part: str, code: str, count: int, time_ms: int) -> PipelinePoint:
    """So many dead letters of one part and code since the last point."""
    return PipelinePoint((("code", code), *_tags("dead-letters", part)), {"dead_letters": count}, time_ms)


def edge_point(node: str, *, connections: int, tick_age_s: float, alive: bool, time_ms: int) -> PipelinePoint:
    """An edge node, by its newest tick."""
    fields: dict[str, Value] = {"connections": connections, "tick_age_s": float(tick_age_s), "alive": int(alive)}
    return PipelinePoint(_tags("edge", node), fields, time_ms)


def _tags(part: str, name: str) -> Tags:
    return ("name", name), ("part", part)


def _lag(records: int | None, seconds: float | None) -> dict[str, Value]:
    fields: dict[str, Value] = {} if records is None else {"lag_records": records}
    return fields if seconds is None else {**fields, "lag_s": float(seconds)}
