"""`voltstream sink init`: set an InfluxDB up for the sinks and for Grafana."""

from collections.abc import Sequence

from ops.flags import load
from ops.logs import LogSettings
from ops.service import begin_log, guarded
from sinks.influx_settings import InfluxSettings
from sinks.init.run import set_up
from sinks.init.settings import SinkInitSettings
from sinks.service import SinkSettings

NAME = "sink init"
SUMMARY = "Make what the sinks and Grafana need in an InfluxDB: bucket, retention, a write and a read token."


def main(arguments: Sequence[str]) -> int:
    """Run it; the exit status."""
    return guarded(NAME, lambda: _main(arguments))


def _main(arguments: Sequence[str]) -> int:
    classes = (SinkInitSettings, InfluxSettings, LogSettings)
    loaded = load(f"voltstream {NAME}", SUMMARY, classes, arguments, relatives=(SinkSettings,))
    begin_log(loaded, "sink-init")
    for line in set_up(loaded[InfluxSettings], loaded[SinkInitSettings]):
        print(line, flush=True)
    return 0
