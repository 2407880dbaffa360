"""Which InfluxDB, and what in it: read by the sink and by `voltstream sink init`."""

from typing import Literal

from pydantic import Field

from ops.settings import Settings, Url, settings_config


class InfluxSettings(Settings):
    """InfluxDB"""

    model_config = settings_config("SINK_")

    influx_url: Url = Field("http://127.0.0.1:8086", title="URL", description="InfluxDB's address (1.8 or 2.x).")
    influx_api: Literal["v1", "v2"] = Field("v1", description="InfluxDB 1.8 (v1) or 2.x (v2).")
    influx_bucket: str = Field(
        "voltstream", title="NAME", description="The bucket; with v1 the database, or database/retention-policy."
    )
    influx_org: str = Field("-", title="NAME", description="The organisation (v2).")
    influx_timeout_s: float = Field(10.0, gt=0, description="Seconds that a request to InfluxDB may take.")
