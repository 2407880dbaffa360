"""The demo's settings."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from ops.settings import Settings, Url, settings_config
from simulator.service import Misbehaviours


class DemoSettings(Settings):
    """Demo"""

    model_config = settings_config("DEMO_")

    stations: int = Field(50, ge=1, le=5000, description="Simulated stations, of all three OCPP versions.")
    seconds: float = Field(120.0, gt=0, le=86_400, description="Real seconds that the fleet charges.")
    speed: float = Field(60.0, gt=0, le=3600, description="Clock seconds in one real second.")
    seed: int = Field(1, ge=0, description="The same seed, the same fleet.")
    misbehave: Misbehaviours = Field(
        ("all",),
        title="NAME,...",
        description="What stations do wrong: all, none, or names that voltstream simulate has.",
    )
    bootstrap: str | None = Field(
        None, title="HOST:PORT,...", description="A real Kafka; an embedded broker where not given."
    )
    partitions: int = Field(4, ge=1, description="Partitions of the demo's topics on a real Kafka.")
    influx: Url | None = Field(None, title="URL", description="A real InfluxDB 1.8; a DuckDB file where not given.")
    listen: Annotated[int, Field(ge=0, le=65535)] = Field(
        0, title="PORT", description="The live page's port on 127.0.0.1; a free one where 0."
    )
    json_only: bool = Field(default=False, description="Print the summary only: one JSON object.")
    datadir: Path | None = Field(
        None,
        title="DIR",
        description="Where store, truth and logs go; an earlier demo's are replaced. A temporary folder by default.",
    )
    keep: bool = Field(default=False, description="Keep the folder, and leave everything running until Ctrl-C.")

    @classmethod
    def flag(cls, field: str) -> str:
        """`--json`: pydantic keeps the name `json` for itself."""
        return "--json" if field == "json_only" else super().flag(field)
