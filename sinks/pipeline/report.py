"""Writes the measurement `pipeline` every 15 s, beside the records and never in their way."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from ops.clock import Clock
from ops.metrics import sink as metrics
from sinks.pipeline.points import Counts, PipelinePoint, sink_point
from sinks.progress import Progress, total
from sinks.store import StoreError

log = logging.getLogger(__name__)


@runtime_checkable
class PipelineStore(Protocol):
    """A store that keeps these points. DuckDB does not: /metrics and /lag of the one sink say as much."""

    async def write_pipeline(self, points: Sequence[PipelinePoint]) -> None:
        """Write them all. Raises StoreError."""


class Report:
    """Of one sink, under its name; every so many real seconds, at every speed of the clock."""

    def __init__(self, store: PipelineStore, name: str, clock: Clock, progress: Progress, every_s: float) -> None:
        self._every_s = every_s
        self._store, self._name, self._clock, self._progress = store, name, clock, progress
        self._told = Counts()

    async def run(self) -> None:
        """For ever. What fails is counted, and what it would have said is in the next point."""
        while True:
            await asyncio.sleep(self._every_s)
            await self.tell()

    async def tell(self) -> None:
        """Write what is known now."""
        done = Counts(self._progress.settled, self._progress.refused)
        lag = total(self._progress.lags.values())
        time_ms = self._clock.now_us() // 1000
        own = sink_point(
            self._name,
            done,
            self._told,
            lag_records=lag.records,
            lag_s=lag.seconds,
            store_up=self._progress.store_up,
            time_ms=time_ms,
        )
        try:
            await self._store.write_pipeline([own])
            self._told = done
        except StoreError as error:
            metrics.PIPELINE_FAILURES.inc()
            log.debug("the report on the pipeline was not written", extra={"reason": str(error)})
