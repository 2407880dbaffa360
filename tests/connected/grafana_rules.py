"""Evaluates a provisioned alert rule as Grafana does: its query, then reduce and threshold of each series.

Only what our rules use: `reduce` by last, max or sum, `threshold` by gt or lt. How long a condition must last (`for`)
is Grafana's own business; so is who is told.
"""

import json
import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from parts.handles import Database

Labels = Mapping[str, str]
_REDUCERS: Mapping[str, Callable[[list[float]], float]] = {"last": lambda values: values[-1], "max": max, "sum": sum}
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {"gt": operator.gt, "lt": operator.lt}


@dataclass(frozen=True)
class Outcome:
    """What one evaluation says. `firing`: the labels of the series whose condition holds."""

    state: Literal["Normal", "Alerting", "NoData"]
    firing: list[dict[str, str]]


def evaluate(rule: Mapping[str, Any], database: Database) -> Outcome:
    """One evaluation of a rule, now."""
    steps = {step["refId"]: step for step in rule["data"]}
    series = list(_series(database, steps["A"]["model"]["query"]))
    if not series:
        return Outcome("Alerting" if rule["noDataState"] == "Alerting" else "NoData", [])
    reduce, threshold = steps["B"]["model"], steps[rule["condition"]]["model"]
    assert (reduce["type"], reduce["expression"]) == ("reduce", "A")
    assert (threshold["type"], threshold["expression"]) == ("threshold", "B")
    (condition,) = threshold["conditions"]
    (limit,) = condition["evaluator"]["params"]
    firing = [
        dict(labels)
        for labels, values in series
        if _COMPARE[condition["evaluator"]["type"]](_REDUCERS[reduce["reducer"]](values), limit)
    ]
    return Outcome("Alerting" if firing else "Normal", firing)


def _series(database: Database, influxql: str) -> Iterator[tuple[Labels, list[float]]]:
    """Each series of the answer: its tags, and the values of its one column."""
    grouped: dict[str, list[float]] = {}
    for row in database.query(influxql):
        labels = {name: value for name, value in row.items() if name in ("name", "code")}
        (column,) = row.keys() - {"time", *labels}
        value = row[column]
        if value is not None:
            assert isinstance(value, int | float)
            grouped.setdefault(json.dumps(labels, sort_keys=True), []).append(value)
    for key, values in grouped.items():
        yield json.loads(key), values
