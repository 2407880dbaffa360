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

    `every_s` is real, at every speed of the clock. What could not be written is in the next point.
    """
    if not isinstance(store, PipelineStore):
        return
    told = Counts()
    try:
        while True:
            await asyncio.sleep(every_s)
            done, time_ms = progress.counts, clock.now_us() // 1000
            points = [_own(name, progress, told, time_ms)]
            try:
                if leading := leads():
                    points += await fleet.points(time_ms)
                else:
                    await fleet.close()
                await store.write_pipeline(points)
            except Exception as error:  # noqa: BLE001 - a StoreError, but whatever it is, the records go on
                metrics.PIPELINE_FAILURES.inc()
                log.debug("the report on the pipeline was not written", extra={"reason": repr(error)})
                continue
            told = done
            if leading:
                await fleet.written()
    finally:
        await fleet.close()


def _own(name: str, progress: Progress, told: Counts, time_ms: int) -> PipelinePoint:
    lag = total(progress.lags.values())
    return sink_point(
        name,
        progress.counts,
        told,
        lag_records=lag.records,
        lag_s=lag.seconds,
        store_up=progress.store_up,
        time_ms=time_ms,
    )
