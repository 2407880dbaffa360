"""The board Pipeline health: does what the stations send arrive, how late, and what does not. Pure.

It asks the measurement `pipeline`, to which each sink writes every 15 s (sinks/points.py has the other measurements):

| part           | name                     | fields                                               |
|----------------|--------------------------|------------------------------------------------------|
| `sink`         | the sink                 | lag_records, lag_s, settled, refused, store_up (1/0) |
| `streams`      | the consumer group       | lag_records, lag_s                                   |
| `dead-letters` | edge, streams or sink    | dead_letters; and a tag `code`                       |
| `edge`         | the node                 | connections, tick_age_s, alive (1/0)                 |

`settled`, `refused` and `dead_letters` count since the point before. A lag that is not known is left out. A store that
is away shows as no points: "no data" is an alarm there, and the panels say so.
"""

from grafana_foundation_sdk.builders.dashboard import Dashboard

from dashboards.boards.influxql import Query
from dashboards.boards.panels import Panel, Steps, bars, board, column, lines, number, rows

UID = "voltstream-pipeline"

SILENT = "1m"
"""A sink or edge of which there is no point for so long is not counted: four points were due."""
SINK_LATE_S, STREAMS_LATE_S = 300, 60

_NO_REPORT = "No sink reports: nothing is being stored"
_NO_LAG = "Not known: no sink reports, or Kafka does not answer"
_NEWEST = f"time > ${{__to}}ms - {SILENT} AND time <= ${{__to}}ms"
_EACH = 'GROUP BY time($__interval), "part", "name" fill(none)'
_BOTH = "(\"part\" = 'sink' OR \"part\" = 'streams')"
_FINEST = "15s"


def pipeline() -> Dashboard:
    """The whole board."""
    made = board(UID, "Pipeline health", "Does what the stations send arrive, how late, and what does not.")
    for panel in _panels():
        made = made.with_panel(panel)
    return made


def _panels() -> list[Panel]:
    found: list[Panel] = [*_numbers(), *_lags(), *_losses(), *_edges()]
    return [panel.id(place + 1) for place, panel in enumerate(found)]


def _newest(outer: str, field: str, part: str) -> str:
    """One number over the newest value of each sink, group or edge that is not silent."""
    newest = f'SELECT last("{field}") AS "n" FROM "pipeline" WHERE "part" = \'{part}\' AND {_NEWEST} GROUP BY "name"'
    return f'SELECT {outer}("n") AS "{field}" FROM ({newest})'


def _sum(field: str, part: str) -> str:
    """How many in the range."""
    return f'SELECT sum("{field}") AS "{field}" FROM "pipeline" WHERE "part" = \'{part}\' AND $timeFilter'


def _late(limit_s: int) -> Steps:
    return (None, "green"), (limit_s / 2, "yellow"), (limit_s, "red")


def _numbers() -> list[Panel]:
    return [
        number(
            "Sinks",
            "Sinks that reported in the last minute.",
            "short",
            _NO_REPORT,
            Query("A", _newest("count", "store_up", "sink")),
            steps=((None, "red"), (1, "green")),
        ).span(3),
        number(
            "Store",
            "1 where every sink reaches its store, else 0.",
            "bool_yes_no",
            _NO_REPORT,
            Query("A", _newest("min", "store_up", "sink")),
            steps=((None, "red"), (1, "green")),
        ).span(3),
        number(
            "Stream lag",
            "The age of the oldest message that no stream worker has derived anything from yet.",
            "s",
            _NO_LAG,
            Query("A", _newest("max", "lag_s", "streams")),
            steps=_late(STREAMS_LATE_S),
        ).span(3),
        number(
            "Sink lag",
            "The age of the oldest record that is not in the store yet, over all sinks.",
            "s",
            _NO_LAG,
            Query("A", _newest("max", "lag_s", "sink")),
            steps=_late(SINK_LATE_S),
        ).span(3),
        number(
            "Dead letters",
            "Records put aside in this range, by whatever part.",
            "short",
            "None in this range",
            Query("A", _sum("dead_letters", "dead-letters")),
            steps=((None, "green"), (1, "red")),
        ).span(3),
        number(
            "Refused",
            "Records that the store refused for good in this range; they are dead letters as well.",
            "short",
            _NO_REPORT,
            Query("A", _sum("refused", "sink")),
            steps=((None, "green"), (1, "red")),
        ).span(3),
        number(
            "Edges alive",
            "Edge nodes whose ticks arrive.",
            "short",
            "No edge has ticked",
            Query("A", _newest("sum", "alive", "edge")),
            steps=((None, "red"), (1, "green")),
        ).span(3),
        number(
            "Connections",
            "Stations connected, over all edges, as their ticks say.",
            "short",
            "No edge has ticked",
            Query("A", _newest("sum", "connections", "edge")),
        ).span(3),
    ]


def _lags() -> list[Panel]:
    seconds = f'SELECT max("lag_s") AS "lag" FROM "pipeline" WHERE {_BOTH} AND $timeFilter {_EACH}'
    records = f'SELECT max("lag_records") AS "lag" FROM "pipeline" WHERE {_BOTH} AND $timeFilter {_EACH}'
    name = "$tag_part $tag_name"
    return [
        lines(
            "Lag in seconds",
            "The age of the oldest record that is not settled: what an operator waits for.",
            "s",
            _NO_LAG,
            Query("A", seconds, "time_series", name),
            steps=((None, "text"), (SINK_LATE_S, "red")),
        ).interval(_FINEST),
        lines(
            "Lag in records",
            "Records that are not settled. Many of them are nothing bad while the seconds are few.",
            "short",
            _NO_LAG,
            Query("A", records, "time_series", name),
        ).interval(_FINEST),
    ]


def _losses() -> list[Panel]:
    letters = (
        'SELECT sum("dead_letters") AS "n" FROM "pipeline" WHERE "part" = \'dead-letters\' AND $timeFilter '
        'GROUP BY time($__interval), "name", "code" fill(none)'
    )
    settled = (
        'SELECT sum("settled") AS "settled", sum("refused") AS "refused" FROM "pipeline" '
        'WHERE "part" = \'sink\' AND $timeFilter GROUP BY time($__interval), "name" fill(none)'
    )
    return [
        bars(
            "Dead letters by part and code",
            "What was put aside, by whom and why. The records are in the topic of dead letters, whole.",
            "short",
            "None in this range",
            Query("A", letters, "time_series", "$tag_name $tag_code"),
        ).interval(_FINEST),
        bars(
            "Stored and refused",
            "Records that each sink settled, and those that the store refused for good.",
            "short",
            _NO_REPORT,
            Query("A", settled, "time_series", "$tag_name $col"),
        ).interval(_FINEST),
    ]


def _edges() -> list[Panel]:
    newest = (
        'SELECT last("alive") AS "alive", "connections", "tick_age_s" FROM "pipeline" '
        'WHERE "part" = \'edge\' AND $timeFilter GROUP BY "name"'
    )
    table = rows(
        "Edges", "The newest tick of each edge node in this range.", "No edge has ticked", [Query("A", newest)]
    )
    table = column(table, "Time", title="reported", unit="dateTimeFromNow")
    table = column(table, "tick_age_s", title="tick's age", unit="s")
    table = column(table, "alive", unit="bool_yes_no")
    ticks = (
        'SELECT max("tick_age_s") AS "age" FROM "pipeline" WHERE "part" = \'edge\' AND $timeFilter '
        'GROUP BY time($__interval), "name" fill(none)'
    )
    ages = lines(
        "Age of the edges' ticks",
        "A node ticks every 5 s and counts as dead after 15 s; its stations are then taken for offline.",
        "s",
        "No edge has ticked",
        Query("A", ticks, "time_series", "$tag_name"),
        steps=((None, "text"), (15, "red")),
    )
    return [table, ages.interval(_FINEST)]
