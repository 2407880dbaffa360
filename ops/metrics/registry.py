"""The registry of one service: what /metrics shows is declared on it, and nothing of the other services is."""

import platform
from importlib.metadata import PackageNotFoundError, version

import prometheus_client
from prometheus_client import CollectorRegistry, Gauge, GCCollector, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.registry import Collector

# When a counter was created says nothing that its value does not, and takes a line for each child.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

LOOP_LAG_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)
# Until a message or a record is dealt with, in real seconds: milliseconds when all is well, up to an outage's length.
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class ServiceRegistry(CollectorRegistry):
    """Holds what every process tells, Python's own metrics among them; a service's module adds its own."""

    def __init__(self, service: str) -> None:
        self.collectors: list[Collector] = []
        """In the order in which they were declared."""
        super().__init__(auto_describe=True)
        self.service = service
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self)
        build = Gauge(
            "voltstream_build_info", "1; the labels say what runs here.", ["version", "python"], registry=self
        )
        build.labels(_release(), platform.python_version()).set(1)
        # How late a timer of one second fires: the event loop is busy, or the process stood still.
        self.loop_lag = Histogram(
            f"voltstream_{service}_loop_lag_seconds",
            "Real seconds by which a timer was late.",
            buckets=LOOP_LAG_BUCKETS,
            registry=self,
        )

    def register(self, collector: Collector) -> None:
        super().register(collector)
        self.collectors.append(collector)


def _release() -> str:
    try:
        return version("voltstream")
    except PackageNotFoundError:  # run from a folder that is not installed
        return "unknown"
