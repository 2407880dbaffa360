"""Set an InfluxDB up for the sinks and Grafana, whatever its version."""

from collections.abc import Iterator

from sinks.influx_settings import InfluxSettings
from sinks.init import influx1, influx2
from sinks.init.server import Server
from sinks.init.settings import SinkInitSettings


def set_up(influx: InfluxSettings, init: SinkInitSettings) -> Iterator[str]:
    """Wait for InfluxDB, then make what is missing: a sentence for each thing that is there then.

    Done twice it changes nothing. Raises ConfigurationError for what a setting must mend, and StoreError.
    """
    with Server(influx, init.admin_token.get_secret_value()) as server:
        server.wait(init.wait_s)
        yield from (influx1 if influx.influx_api == "v1" else influx2).set_up(server, influx, init)
