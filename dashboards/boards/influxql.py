"""An InfluxQL query of a panel, and what all queries share: the data source and its time bounds. Pure.

The SDK has no model of InfluxDB's queries; this one is registered with it, so that a board that is read back drops a
key that Grafana's InfluxDB data source would not know.
"""

from dataclasses import dataclass
from typing import Any, Literal, Self

from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.runtime import DataqueryConfig, register_dataquery_variant
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models.common import DataSourceRef

DATASOURCE_TYPE = "influxdb"
DATASOURCE_UID = "voltstream-influxdb"

UNTIL_TO = "time <= ${__to}ms"
"""Up to the end of the board's range, from whenever: a state is written when it begins, maybe before the range does."""

Format = Literal["table", "time_series"]


@dataclass(frozen=True, slots=True)
class Query(Dataquery, Builder["Query"]):
    """One statement. `alias`: how its series are named, with `$tag_NAME` and `$col`."""

    ref: str
    influxql: str
    format: Format = "table"
    alias: str = ""

    def build(self) -> "Query":
        return self

    def to_json(self) -> dict[str, object]:
        payload: dict[str, object] = {
            "refId": self.ref,
            "datasource": datasource(),
            "query": self.influxql,
            "rawQuery": True,
            "resultFormat": self.format,
        }
        if self.alias:
            payload["alias"] = self.alias
        return payload

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        return cls(data["refId"], data["query"], data["resultFormat"], data.get("alias", ""))


def datasource() -> DataSourceRef:
    """The InfluxDB that the sinks write to, as provisioning and `push` name it."""
    return DataSourceRef(DATASOURCE_TYPE, DATASOURCE_UID)


def register() -> None:
    """Teach the SDK to read this query back."""
    register_dataquery_variant(DataqueryConfig(DATASOURCE_TYPE, Query.from_json))
