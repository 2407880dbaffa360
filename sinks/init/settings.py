"""The settings of `voltstream sink init` that the sink itself has no use for."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, SecretStr

from ops.settings import Settings, settings_config


class SinkInitSettings(Settings):
    """What to make"""

    model_config = settings_config("SINK_INIT_")
    without_flag: ClassVar[frozenset[str]] = frozenset({"admin_token"})

    admin_token: SecretStr = Field(SecretStr(""), description="The administrator's token; with v1 user:password.")
    retention_days: int | None = Field(
        None,
        ge=0,
        le=100_000,
        title="N",
        description="Days to keep points, 0 for ever. Unset: for ever in a new bucket, as it is in one that is there.",
    )
    write_token_to: Path = Field(
        Path("influx-write-token"), title="FILE", description="Where to write the sinks' token; its folder must exist."
    )
    read_token_to: Path = Field(
        Path("influx-read-token"), title="FILE", description="Where to write Grafana's token; its folder must exist."
    )
    token_mode: Literal["0600", "0640"] = Field(
        "0600", description="Who may read the two files: their owner alone, or the group too."
    )
    wait_s: float = Field(60.0, ge=0, description="Real seconds to wait for InfluxDB.")
