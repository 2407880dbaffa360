"""How long answers took: a histogram whose buckets are one per cent wide, so that a run of any length fits. Pure."""

import math
from collections import Counter

import msgspec

_WIDTH = math.log(1.01)


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """From CALL to reply in real milliseconds. The percentiles are right to one per cent, the greatest exactly."""

    p50: float
    p90: float
    p99: float
    max: float


class Latencies:
    """Real times from a CALL to its reply."""

    def __init__(self) -> None:
        self._buckets: Counter[int] = Counter()
        self._greatest_ns = 0

    def add(self, latency_ns: int) -> None:
        self._buckets[math.ceil(math.log(max(latency_ns, 1)) / _WIDTH)] += 1
        self._greatest_ns = max(self._greatest_ns, latency_ns)

    def summary(self) -> Summary | None:
        """None where there was no reply."""
        if not self._buckets:
            return None
        p50, p90, p99 = (self._percentile_ms(share) for share in (0.5, 0.9, 0.99))
        return Summary(p50=p50, p90=p90, p99=p99, max=_ms(self._greatest_ns))

    def _percentile_ms(self, share: float) -> float:
        """What so great a share of the replies did not take longer than."""
        wanted, seen = share * self._buckets.total(), 0
        for bucket in sorted(self._buckets):
            seen += self._buckets[bucket]
            if seen >= wanted:
                return _ms(min(math.exp(bucket * _WIDTH), self._greatest_ns))
        raise AssertionError("the shares add up to 1")


def _ms(nanoseconds: float) -> float:
    return round(nanoseconds / 1_000_000, 3)
