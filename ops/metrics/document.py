"""docs/metrics.md, from what is declared: name, type, labels, unit, meaning."""

from collections.abc import Iterable
from typing import NamedTuple

from prometheus_client.metrics import MetricWrapperBase

from ops.metrics import edge, live, sink, streams
from ops.metrics.registry import ServiceRegistry
from ops.metrics.tally import TallyCounter, TallyHistogram

SERVICES: dict[str, ServiceRegistry] = {
    "Edge": edge.REGISTRY,
    "Stream worker": streams.REGISTRY,
    "Sink": sink.REGISTRY,
    "Live page": live.REGISTRY,
}
PORTS = {"edge": 9101, "streams": 9102, "sink": 9103, "live": 9104}
_UNITS = ("seconds", "bytes")
_HEAD = """\
# Metrics

Written by `python -m ops.metrics` from ops/metrics/, where a comment at each one says more. Every service serves its
own at `/metrics` of its `--http` address, and Python's and the process's besides (`python_*`, `process_*`). A
histogram NAME is the series `NAME_bucket`, `NAME_sum` and `NAME_count`. No label can grow without bound: none is a
station's, and `action` is one that this version answers, or `other`.

[deploy/prometheus](../deploy/prometheus) has what Prometheus needs: whom to scrape, recording rules, alerts and their
tests.

Seconds are real ones, also where a demo's clock runs faster. Lag in seconds is the age of the oldest record that waits,
by the time at which the broker took it; latency is counted from a frame's receipt at the edge. A sink that reads an old
log anew therefore shows old latencies, rightly.
"""


class Declared(NamedTuple):
    """One metric of a service."""

    name: str
    type: str
    labels: tuple[str, ...]
    meaning: str

    @property
    def unit(self) -> str:
        """What the name ends in, or "" for a number of things."""
        return next((unit for unit in _UNITS if self.name.removesuffix("_total").endswith(f"_{unit}")), "")


def declared(registry: ServiceRegistry) -> list[Declared]:
    """The metrics of ours that a registry has, as they are declared."""
    found = []
    for collector in registry.collectors:
        if isinstance(collector, MetricWrapperBase | TallyCounter | TallyHistogram):
            (family,) = collector.describe()
            name = f"{family.name}_total" if family.type == "counter" else family.name
            found.append(Declared(name, family.type, _labels(collector), family.documentation))
    return found


def document() -> str:
    """The whole page."""
    parts = [_HEAD]
    for title, registry in SERVICES.items():
        parts.append(f"\n## {title} (port {PORTS[registry.service]})\n\n{_table(declared(registry))}")
    return "".join(parts)


def _table(metrics: Iterable[Declared]) -> str:
    rows = ["| name | type | labels | unit | meaning |", "|---|---|---|---|---|"]
    for one in metrics:
        labels = ", ".join(f"`{label}`" for label in one.labels)
        rows.append(f"| `{one.name}` | {one.type} | {labels} | {one.unit} | {one.meaning} |")
    return "\n".join(rows) + "\n"


def _labels(collector: MetricWrapperBase | TallyCounter | TallyHistogram) -> tuple[str, ...]:
    if isinstance(collector, MetricWrapperBase):
        return tuple(collector._labelnames)  # noqa: SLF001 - said nowhere else before there is a child
    return collector.label_names
