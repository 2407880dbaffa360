"""What a sink has done and what waits for it: kept in one place for /metrics and for the measurement `pipeline`."""

import time
from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition

from ops.ages import Ages
from ops.clock import Clock
from ops.lag import Lag
from ops.metrics import sink as metrics
from ops.metrics.tally import Children, Distribution
from sinks.pipeline.points import Counts
from sinks.records import Record


class Progress:
    """`lags` is what waits, by partition, or None where that is not known.

    `store_up` is whether the store took what it was last sent.
    """

    def __init__(self, store: str, clock: Clock) -> None:
        self.counts = Counts()
        self.store_up = False
        self.lags: Mapping[TopicPartition, Lag] | None = None
        self._store, self._clock = store, clock
        self._latency: Children[Distribution] = Children(metrics.LATENCY_SECONDS.labels)
        self._committed_at = time.monotonic()

    def store_tried(self, *, up: bool) -> None:
        """The store did, or did not, take what it was sent."""
        self.store_up = up
        metrics.STORE_UP.labels(self._store).set(up)

    def batch_settled(self, records: Sequence[Record], *, received: int, refused: int) -> None:
        """So many records were received; `records` of them were given to the store, which has all but the refused."""
        self.counts = Counts(self.counts.settled + received, self.counts.refused + refused)
        metrics.RECORDS.labels(self._store).inc(received)
        ages = Ages(self._clock)
        for record in records:
            if (age_s := ages.of(record.received.headers)) is not None:
                self._latency[record.name].observe(age_s)

    def committed(self) -> None:
        self._committed_at = time.monotonic()

    def measured(self, lags: Mapping[TopicPartition, Lag] | None) -> None:
        """What waits now, by partition; None where that is not known, and /metrics goes on showing what was."""
        metrics.SINCE_COMMIT_SECONDS.set(time.monotonic() - self._committed_at)
        self.lags = lags
        if lags is None:
            return
        metrics.LAG.set(sum(lag.records for lag in lags.values()))
        metrics.LAG_RECORDS.clear()  # partitions that went to another sink
        metrics.LAG_SECONDS.clear()
        for tp, lag in lags.items():
            metrics.LAG_RECORDS.labels(tp.topic, tp.partition).set(lag.records)
            if lag.seconds is not None:
                metrics.LAG_SECONDS.labels(tp.topic, tp.partition).set(lag.seconds)
