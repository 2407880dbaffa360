"""The engine's reports as metrics, and what is shown of the partitions owned."""

import asyncio
import logging

from aiokafka import TopicPartition

from ops.ages import Ages
from ops.clock import Clock
from ops.lag import LagMeter, Waiting
from ops.metrics import streams as metrics
from streams.engine.engine import Engine
from streams.engine.observer import BatchReport, Observer

log = logging.getLogger(__name__)

_SHOWN_EVERY_S = 5.0
_LATENCY = metrics.LATENCY_SECONDS.labels()


class Counting(Observer):
    """Counts what the engine reports. The clock is the one that the edges run on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def loaded(self, topic: str, partition: int, keys: int, seconds: float) -> None:
        metrics.LOAD_SECONDS.observe(seconds)
        log.info(
            "partition loaded",
            extra={"topic": topic, "partition": partition, "keys": keys, "seconds": round(seconds, 2)},
        )

    def committed(self, batch: BatchReport) -> None:
        metrics.RECORDS.labels(batch.topic).inc(batch.records)
        metrics.OUTPUTS.labels(batch.topic).inc(batch.outputs)
        metrics.DEAD_LETTERS.inc(batch.dead_letters)
        metrics.FOLD_SECONDS.observe(batch.fold_s)
        metrics.COMMIT_SECONDS.observe(batch.commit_s)
        ages = Ages(self._clock)
        for output in batch.sent:
            if (age_s := ages.of(output.headers)) is not None:  # a dead letter has no such time
                _LATENCY.observe(age_s)

    def rebalanced(self, kept: int, gained: int, lost: int) -> None:
        metrics.REBALANCES.inc()
        log.info("partitions assigned", extra={"kept": kept, "gained": gained, "lost": lost})


async def show(engine: Engine, meter: LagMeter) -> None:
    """Every few seconds, for ever: what is owned, remembered and waited for, by partition."""
    while True:
        views = engine.partitions()
        metrics.LAG.set(sum(view.lag or 0 for view in views))
        metrics.PARTITIONS.set(sum(view.loaded for view in views))
        metrics.KEYS.set(sum(view.keys for view in views))
        waiting = {
            TopicPartition(view.topic, view.partition): Waiting(view.lag, view.next_offset)
            for view in views
            if view.lag is not None and view.next_offset is not None
        }
        lags = await meter.measure(waiting)
        for gauge in (metrics.LAG_RECORDS, metrics.LAG_SECONDS, metrics.SINCE_COMMIT_SECONDS):
            gauge.clear()  # partitions that went to another worker
        metrics.STATE_KEYS.clear()
        metrics.STATE_BYTES.clear()
        for view in views:
            place = view.topic, view.partition
            metrics.STATE_KEYS.labels(*place).set(view.keys)
            metrics.STATE_BYTES.labels(*place).set(view.state_bytes)
            if view.loaded:
                metrics.SINCE_COMMIT_SECONDS.labels(*place).set(view.since_commit_s)
        for tp, lag in lags.items():
            metrics.LAG_RECORDS.labels(*tp).set(lag.records)
            if lag.seconds is not None:
                metrics.LAG_SECONDS.labels(*tp).set(lag.seconds)
        await asyncio.sleep(_SHOWN_EVERY_S)
