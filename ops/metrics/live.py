"""The live page's metrics."""

from prometheus_client import Gauge

from ops.metrics.registry import ServiceRegistry

REGISTRY = ServiceRegistry("live")

# Browsers that hold a stream open.
BROWSERS = Gauge("voltstream_live_browsers", "Browsers that look.", registry=REGISTRY)
# Stations that the page knows.
STATIONS = Gauge("voltstream_live_stations", "Stations on the page.", registry=REGISTRY)
