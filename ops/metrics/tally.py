"""Counters and histograms for the hot path of one event loop: adding to a child is a plain addition, without a lock.

prometheus_client's own take 1 to 3 us a call, which at 25,000 messages a second is a tenth of a core. A child is
fetched once and kept; what it holds is turned into Prometheus' form when /metrics is asked.
"""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate
from typing import TypeVar

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

T = TypeVar("T")


class Count:
    """One child of a TallyCounter: add to `value`."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Distribution:
    """One child of a TallyHistogram."""

    __slots__ = ("_bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self._bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Observations by bucket, not accumulated; the last one is beyond all bounds."""
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self._bounds, value)] += 1
        self.total += value


class Children(dict[str, T]):
    """By one label's value; one that is missing is made. The values must be a bounded set: types, known actions."""

    def __init__(self, make: Callable[[str], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, value: str) -> T:
        child = self[value] = self._make(value)
        return child


class TallyCounter(Collector):
    """A counter by labels. `name` ends in `_total`."""

    def __init__(self, name: str, documentation: str, labels: Sequence[str] = (), *, registry: CollectorRegistry):
        self.name, self.documentation, self.label_names = name, documentation, tuple(labels)
        self._children: dict[tuple[str, ...], Count] = {}
        registry.register(self)

    def labels(self, *values: str) -> Count:
        """The child of these label values, made where it is missing: fetch it once."""
        return self._children.setdefault(values, Count())

    def describe(self) -> Iterable[CounterMetricFamily]:
        return [CounterMetricFamily(self.name, self.documentation, labels=self.label_names)]

    def collect(self) -> Iterable[CounterMetricFamily]:
        (family,) = self.describe()
        for values, child in self._children.items():
            family.add_metric(values, child.value)
        return [family]


class TallyHistogram(Collector):
    """A histogram by labels, with the upper bounds of its buckets in ascending order."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str] = (),
        *,
        buckets: Sequence[float],
        registry: CollectorRegistry,
    ):
        self.name, self.documentation, self.label_names = name, documentation, tuple(labels)
        self._bounds = tuple(map(float, buckets))
        self._children: dict[tuple[str, ...], Distribution] = {}
        registry.register(self)

    def labels(self, *values: str) -> Distribution:
        """The child of these label values, made where it is missing: fetch it once."""
        return self._children.setdefault(values, Distribution(self._bounds))

    def describe(self) -> Iterable[HistogramMetricFamily]:
        return [HistogramMetricFamily(self.name, self.documentation, labels=self.label_names)]

    def collect(self) -> Iterable[HistogramMetricFamily]:
        (family,) = self.describe()
        bounds = [*map(str, self._bounds), "+Inf"]
        for values, child in self._children.items():
            family.add_metric(values, list(zip(bounds, accumulate(child.counts), strict=True)), child.total)
        return [family]
