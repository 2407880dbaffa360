"""What one sink alone tells for the whole pipeline: the owner of partition 0 of `alarms`.

Each reader has clients of its own, made when they are needed and given up when Kafka or the ownership goes away.
"""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

from ops.clients import within
from ops.kafka import KafkaSettings
from ops.metrics import sink as metrics
from sinks.pipeline.dead_letters import DeadLetterCounts
from sinks.pipeline.points import PipelinePoint
from sinks.pipeline.reading import Reader
from sinks.pipeline.streams_lag import StreamsLag
from sinks.pipeline.ticks import Ticks

log = logging.getLogger(__name__)

T = TypeVar("T")

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
        found: list[PipelinePoint] = []
        for reader in self._readers:
            if (points := await _tried(reader.points(time_ms), "a part of the pipeline is not known")) is not None:
                found += points
            else:
                metrics.PIPELINE_FAILURES.inc()
                await _tried(reader.close(), "a reader was not closed")
        return found

    async def written(self) -> None:
        """The points are in the store."""
        for reader in self._readers:
            await _tried(reader.written(), "what was told may be told again")

    async def close(self) -> None:
        """All at once: with Kafka away each takes its whole time, and a sink has little when it is stopped."""
        await asyncio.gather(*(_tried(reader.close(), "a reader was not closed") for reader in self._readers))


async def _tried(work: Coroutine[Any, Any, T], otherwise: str) -> T | None:
    """What comes of the work; None where it fails, or takes too long."""
    try:
        return await within(READ_S, work)
    except Exception as error:  # noqa: BLE001 - whatever it is, the records and the other readers go on
        log.debug(otherwise, extra={"reason": repr(error)})
        return None
