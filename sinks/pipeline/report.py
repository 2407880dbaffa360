"""Writes the measurement `pipeline` every 15 s, beside the records and never in their way."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Protocol, runtime_checkable

from ops.clock import Clock
from ops.lag import total
from ops.metrics import sink as metrics
from sinks.pipeline.fleet import Fleet
from sinks.pipeline.points import Counts, PipelinePoint, sink_point
from sinks.progress import Progress
from sinks.store import Store

log = logging.getLogger(__name__)


@runtime_checkable
class PipelineStore(Protocol):
    """A store that keeps these points. DuckDB does not: /metrics and /lag of the one sink say as much."""

    async def write_pipeline(self, points: Sequence[PipelinePoint]) -> None:
        """Write them all. Raises StoreError."""


async def report_for_ever(
    store: Store,
    progress: Progress,
    fleet: Fleet,
    *,
    name: str,
    clock: Clock,
    leads: Callable[[], bool],
    every_s: float,
) -> None:
    """Report under the sink's name, and on all parts while it `leads()`; returns where the store keeps no such points.

    `every_s` is real, at every speed of the clock. What could not be written is in the next point. The two go on beside
    each other: with Kafka away the fleet's readers take their time, and the sink still tells of itself.
    """
    if isinstance(store, PipelineStore):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_report_own(store, progress, name, clock, every_s))
            tasks.create_task(_report_all(store, fleet, clock, leads, every_s))


async def _report_own(store: PipelineStore, progress: Progress, name: str, clock: Clock, every_s: float) -> None:
    told = Counts()
    while True:
        await asyncio.sleep(every_s)
        done = progress.counts
        if await _written(store, [_own(name, progress, told, clock.now_us() // 1000)]):
            told = done


async def _report_all(
    store: PipelineStore, fleet: Fleet, clock: Clock, leads: Callable[[], bool], every_s: float
) -> None:
    try:
        while True:
            await asyncio.sleep(every_s)
            if not leads():
                await fleet.close()
                continue
            points = await fleet.points(clock.now_us() // 1000)
            if points and leads() and await _written(store, points):
                await fleet.written()
    finally:
        await fleet.close()


async def _written(store: PipelineStore, points: Sequence[PipelinePoint]) -> bool:
    try:
        await store.write_pipeline(points)
    except Exception as error:  # noqa: BLE001 - a StoreError, but whatever it is, the records go on
        metrics.PIPELINE_FAILURES.inc()
        log.debug("the report on the pipeline was not written", extra={"reason": repr(error)})
        return False
    return True


def _own(name: str, progress: Progress, told: Counts, time_ms: int) -> PipelinePoint:
    lag = None if progress.lags is None else total(progress.lags.values())
    return sink_point(
        name,
        progress.counts,
        told,
        lag_records=None if lag is None else lag.records,
        lag_s=None if lag is None else lag.seconds,
        store_up=progress.store_up,
        time_ms=time_ms,
    )
