"""Asks InfluxDB what a board's panel would ask: its JSON, with variables and macros filled as Grafana fills them.

Rules: a variable's values by the format `regex` are escaped one by one and joined as (A|B); All is the variable's
allValue, as it stands. `${__to}` is the range's end in milliseconds, `$timeFilter` its two bounds, `$__interval` the
range over the points that fit, rounded to a time that people use, never below the panel's own.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dashboards.build import board_file
from parts.handles import Database
from parts.influx import Row

ALL = "$__all"
_POINTS = 1000
_ROUND_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Range:
    """A board's time range, in milliseconds."""

    from_ms: int
    to_ms: int

    def interval(self, least: str = "") -> str:
        """What `$__interval` becomes."""
        wanted_s = (self.to_ms - self.from_ms) / 1000 / _POINTS
        seconds = next((each for each in _ROUND_S if each >= wanted_s), _ROUND_S[-1])
        if least and (match := re.fullmatch(r"(\d+)(ms|s|m|h)", least)):
            seconds = max(seconds, round(int(match[1]) * _UNITS[match[2]]))
        return f"{seconds}s"


@dataclass(frozen=True)
class Target:
    """One query of a panel."""

    panel: str
    ref: str
    influxql: str
    least_interval: str = ""


@dataclass(frozen=True)
class Board:
    """A committed board. `values`: what is chosen, by variable; All where nothing is."""

    json: Mapping[str, Any]
    values: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def choosing(self, **values: str | Sequence[str]) -> "Board":
        return Board(self.json, {name: [one] if isinstance(one, str) else one for name, one in values.items()})

    @property
    def panels(self) -> list[Mapping[str, Any]]:
        return list(self.json["panels"])

    def targets(self) -> Iterator[Target]:
        """Every query of every panel."""
        for panel in self.panels:
            for target in panel["targets"]:
                yield Target(panel["title"], target["refId"], target["query"], panel.get("interval", ""))

    def ask(self, panel: str, database: Database, within: Range, ref: str = "A") -> list[Row]:
        """The rows that a panel's query gives."""
        (target,) = [each for each in self.targets() if (each.panel, each.ref) == (panel, ref)]
        return database.query(self.filled(target.influxql, within, target.least_interval), epoch="ms")

    def number(self, panel: str, database: Database, within: Range) -> float | None:
        """What a panel that shows one number shows; None where it says that there is no data."""
        rows = self.ask(panel, database, within)
        values = [value for row in rows for name, value in row.items() if name != "time" and value is not None]
        if not values:
            return None
        (value,) = values
        assert isinstance(value, int | float)
        return value

    def options(self, variable: str, database: Database, within: Range) -> list[str]:
        """What a variable's list offers."""
        (found,) = [each for each in self.json["templating"]["list"] if each["name"] == variable]
        rows = database.query(self.filled(found["query"], within))
        return sorted(str(row["value"]) for row in rows)

    def filled(self, influxql: str, within: Range, least_interval: str = "") -> str:
        """The statement that Grafana would send."""
        text = re.sub(r"\$\{(\w+):regex\}", lambda match: self._regex(match[1]), influxql)
        text = text.replace("${__to}", str(within.to_ms)).replace("${__from}", str(within.from_ms))
        text = text.replace("$timeFilter", f"time >= {within.from_ms}ms and time <= {within.to_ms}ms")
        text = text.replace("$__interval", within.interval(least_interval))
        assert "$" not in re.sub(r"/\^.*?\$/", "", text), f"something is not filled in {text}"
        return text

    def _regex(self, name: str) -> str:
        (variable,) = [each for each in self.json["templating"]["list"] if each["name"] == name]
        values = self.values.get(name, [ALL])
        if list(values) == [ALL]:
            return str(variable["allValue"])
        escaped = [re.sub(r"[\\^$*+?.()|\[\]{}/]", r"\\\g<0>", value) for value in values]
        return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


def read_board(name: str) -> Board:
    """A committed board by the name of its file."""
    return Board(json.loads(board_file(name).read_text()))
