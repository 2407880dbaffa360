"""What the readers of the pipeline's state have in common."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.topics import Name
from ops.kafka import KafkaSettings
from sinks.pipeline.points import PipelinePoint

_POLL_MS, _POLL_RECORDS = 200, 2000


class Reader(Protocol):
    """One part of what is told. What it raises is counted, and it begins anew after `close`."""

    async def points(self, time_ms: int) -> list[PipelinePoint]: ...

    async def written(self) -> None:
        """The points are in the store."""

    async def close(self) -> None: ...


async def read_to_end(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> AsyncIterator[Sequence[Any]]:
    """The records of assigned partitions from where it stands up to where they end now, some at a time."""
    ends = await consumer.end_offsets(partitions)
    while any([await consumer.position(tp) < ends[tp] for tp in partitions]):
        polled: Mapping[TopicPartition, Sequence[Any]] = await consumer.getmany(
            *partitions, timeout_ms=_POLL_MS, max_records=_POLL_RECORDS
        )
        for records in polled.values():
            yield records
        await asyncio.sleep(0)  # the sink's own batches go on meanwhile


def partitions_of(kafka: KafkaSettings, name: Name) -> list[TopicPartition]:
    """All of a topic."""
    return [TopicPartition(kafka.topic(name), number) for number in range(kafka.partitions)]
