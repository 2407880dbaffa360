"""What one sink alone tells for the whole pipeline: the owner of partition 0 of `alarms`.

Each reader has clients of its own, made when they are needed and given up when Kafka or the ownership goes away.
"""

import asyncio
import logging
from collections.abc import Sequence

from ops.kafka import KafkaSettings
from ops.metrics import sink as metrics
from sinks.pipeline.dead_letters import DeadLetterCounts
from sinks.pipeline.points import PipelinePoint
from sinks.pipeline.reading import Reader
from sinks.pipeline.streams_lag import StreamsLag
from sinks.pipeline.ticks import Ticks

log = logging.getLogger(__name__)

READ_S = 8.0  # that one reader may take


class Fleet:
    """The readers together."""

    def __init__(self, kafka: KafkaSettings, group: str) -> None:
        self._readers: Sequence[Reader] = (
            StreamsLag(kafka, group),
            DeadLetterCounts(kafka, group),
            Ticks(kafka, group),
        )

    async def points(self, time_ms: int) -> list[PipelinePoint]:
        """What could be found out now; a reader that fails is counted, and begins anew the next time."""
        found = []
        for reader in self._readers:
            try:
                async with asyncio.timeout(READ_S):
                    found += await reader.points(time_ms)
            except Exception as error:  # noqa: BLE001 - whatever it is, the records and the other readers go on
                metrics.PIPELINE_FAILURES.inc()
                log.debug("a part of the pipeline is not known", extra={"reason": repr(error)})
                await reader.close()
        return found

    async def written(self) -> None:
        """The points are in the store."""
        for reader in self._readers:
            try:
                async with asyncio.timeout(READ_S):
                    await reader.written()
            except Exception as error:  # noqa: BLE001 - as above
                log.debug("what was told may be told again", extra={"reason": repr(error)})

    async def close(self) -> None:
        for reader in self._readers:
            await reader.close()
