"""Settings of `voltstream dashboards push`."""

from typing import ClassVar

from pydantic import Field, SecretStr

from ops.settings import Settings, Url, settings_config


class DashboardsSettings(Settings):
    """Grafana, and the InfluxDB that it reads"""

    model_config = settings_config("DASHBOARDS_")
    without_flag: ClassVar[frozenset[str]] = frozenset({"grafana_token", "influx_token"})

    grafana_url: Url = Field(
        "http://127.0.0.1:3000", title="URL", description="Grafana's address, with its sub-path where it has one."
    )
    grafana_token: SecretStr = Field(SecretStr(""), description="A token of a service account whose role is Admin.")
    folder: str = Field("Voltstream", min_length=1, title="TITLE", description="The folder that the boards go to.")
    timeout_s: float = Field(10.0, gt=0, description="Seconds that a request to Grafana may take.")
    influx_url: Url = Field(
        "http://127.0.0.1:8086", title="URL", description="InfluxDB's address, as Grafana's server reaches it."
    )
    influx_database: str = Field("voltstream", min_length=1, title="NAME", description="Its bucket or database.")
    influx_token: SecretStr = Field(
        SecretStr(""), description="A token that may read it; with 1.8 user:password. Not given: Grafana keeps its own."
    )
