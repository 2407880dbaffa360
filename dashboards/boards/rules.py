"""The alert rules of Pipeline health, as Grafana provisions them from a file. Pure.

Each asks InfluxDB for the last minutes (A), takes one number of each series (B) and compares it (C): an alert for each.
No query holds a `$`: provisioning would take it for a variable.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import yaml

from dashboards.boards.influxql import DATASOURCE_TYPE, DATASOURCE_UID
from dashboards.boards.pipeline import SINK_LATE_S, STREAMS_LATE_S
from dashboards.boards.pipeline import UID as BOARD_UID

FOLDER_TITLE = "Voltstream"
"""Of the boards and the rules; no board may have this title."""
RECEIVER = "Voltstream operators"
"""The contact point in provisioning/alerting/contact-points.yaml."""

_EXPRESSION = "__expr__"  # Grafana's name for the data source of B and C


@dataclass(frozen=True, slots=True)
class Rule:
    """Fires where `reducer` of a series is `gt` (or `lt`) `limit` for `lasts`; `no_data` where no series comes.

    `panel`: the number of the panel on the board that shows the same.
    """

    uid: str
    title: str
    influxql: str
    reducer: Literal["last", "max", "sum"]
    compare: Literal["gt", "lt"]
    limit: float
    lasts: str
    severity: Literal["critical", "warning"]
    panel: int
    summary: str
    description: str
    no_data: Literal["OK", "Alerting"] = "OK"


def _recent(field: str, part: str, minutes: int, by: Sequence[str] = ("name",)) -> str:
    tags = ", ".join(f'"{tag}"' for tag in by)
    return f'SELECT "{field}" FROM "pipeline" WHERE "part" = \'{part}\' AND time > now() - {minutes}m GROUP BY {tags}'


RULES = (
    Rule(
        uid="voltstream-no-sink",
        title="No sink reports",
        influxql='SELECT count("store_up") FROM "pipeline" WHERE "part" = \'sink\' AND time > now() - 2m',
        reducer="last",
        compare="lt",
        limit=1,
        lasts="0s",
        severity="critical",
        panel=1,
        summary="No sink has reported for two minutes",
        description="Nothing is being stored: no sink runs, or none reaches InfluxDB. Kafka keeps the records.",
        no_data="Alerting",
    ),
    Rule(
        uid="voltstream-kafka-silent",
        title="Nothing is heard of Kafka",
        # A sink tells of itself whatever Kafka does; what is told of all comes from Kafka, and would just be missing.
        influxql='SELECT count("lag_records") FROM "pipeline" WHERE "part" = \'streams\' AND time > now() - 3m',
        reducer="last",
        compare="lt",
        limit=1,
        lasts="0s",
        severity="critical",
        panel=3,
        summary="For three minutes no sink could tell how the stream workers do",
        description="Kafka does not answer, or no sink has joined its group. How late the stream workers are, which "
        "edges live and what was put aside is not known meanwhile.",
        no_data="Alerting",
    ),
    Rule(
        uid="voltstream-sink-silent",
        title="A sink is silent",
        # Minute by minute, with zeros: a sink whose points merely ended would have no series, and raise nothing. Over
        # three of them, as the one under way may be empty so far.
        influxql='SELECT moving_average(count("store_up"), 3) FROM "pipeline" WHERE "part" = \'sink\' '
        'AND time > now() - 1h GROUP BY time(1m), "name" fill(0)',
        reducer="last",
        compare="lt",
        limit=0.1,
        lasts="0s",
        severity="warning",
        panel=1,
        summary="{{ .Labels.name }} has not reported for two minutes",
        description="It reported within the last hour. It is gone, or does not reach InfluxDB; other sinks take its "
        "partitions over.",
    ),
    Rule(
        uid="voltstream-streams-late",
        title="Stream workers are late",
        influxql=_recent("lag_s", "streams", 5),
        reducer="last",
        compare="gt",
        limit=STREAMS_LATE_S,
        lasts="2m",
        severity="critical",
        panel=3,
        summary="{{ .Labels.name }} is more than a minute behind",
        description="Sessions and alarms come late. Start more stream workers, or see why they are slow or not ready.",
    ),
    Rule(
        uid="voltstream-sink-late",
        title="A sink is late",
        influxql=_recent("lag_s", "sink", 5),
        reducer="last",
        compare="gt",
        limit=SINK_LATE_S,
        lasts="5m",
        severity="warning",
        panel=4,
        summary="{{ .Labels.name }} is more than five minutes behind",
        description="The boards show what was. Start more sinks, or see why the store is slow.",
    ),
    Rule(
        uid="voltstream-dead-letters",
        title="Dead letters",
        influxql=_recent("dead_letters", "dead-letters", 10, ("name", "code")),
        reducer="sum",
        compare="gt",
        limit=0,
        lasts="0s",
        severity="warning",
        panel=5,
        summary="{{ .Labels.name }} put records aside: {{ .Labels.code }}",
        description="They are whole in the topic of dead letters, each with its reason.",
    ),
    Rule(
        uid="voltstream-edge-lost",
        title="An edge is lost",
        influxql=_recent("alive", "edge", 5),
        reducer="last",
        compare="lt",
        limit=1,
        lasts="30s",
        severity="critical",
        panel=7,
        summary="{{ .Labels.name }} does not tick any more",
        description="Its stations connect to another edge, or are offline. An edge that was taken away for good is "
        "forgotten after a while.",
    ),
)


def rules_file() -> dict[str, object]:
    """The provisioning file as data."""
    group = {
        "orgId": 1,
        "name": "Pipeline health",
        "folder": FOLDER_TITLE,
        "interval": "30s",
        "rules": [_provisioned(rule) for rule in RULES],
    }
    return {"apiVersion": 1, "groups": [group]}


def rules_yaml() -> str:
    """The provisioning file as text."""
    head = "# Written by `voltstream dashboards build` from dashboards/boards/rules.py.\n"
    return head + yaml.safe_dump(rules_file(), sort_keys=False, width=120)


def _provisioned(rule: Rule) -> dict[str, object]:
    query = {"refId": "A", "query": rule.influxql, "rawQuery": True, "resultFormat": "time_series"}
    reduce = {"refId": "B", "type": "reduce", "expression": "A", "reducer": rule.reducer}
    evaluator = {"type": rule.compare, "params": [rule.limit]}
    threshold = {"refId": "C", "type": "threshold", "expression": "B", "conditions": [{"evaluator": evaluator}]}
    return {
        "uid": rule.uid,
        "title": rule.title,
        "condition": "C",
        "data": [
            _step("A", DATASOURCE_UID, query),
            _step("B", _EXPRESSION, reduce),
            _step("C", _EXPRESSION, threshold),
        ],
        "dashboardUid": BOARD_UID,
        "panelId": rule.panel,
        "noDataState": rule.no_data,
        "execErrState": "Error",
        "for": rule.lasts,
        "labels": {"service": "voltstream", "severity": rule.severity},
        "annotations": {"summary": rule.summary, "description": rule.description},
        "notification_settings": {"receiver": RECEIVER},
    }


def _step(ref: str, datasource: str, model: Mapping[str, object]) -> dict[str, object]:
    kind = DATASOURCE_TYPE if datasource == DATASOURCE_UID else _EXPRESSION
    return {
        "refId": ref,
        "relativeTimeRange": {"from": 600, "to": 0},
        "datasourceUid": datasource,
        "model": {"datasource": {"type": kind, "uid": datasource}, **model},
    }
