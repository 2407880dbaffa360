"""How many dead letters there are, by the part that wrote them and by code."""

from collections import Counter
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer

from contracts.topics import Name
from ops.clients import started, stop
from ops.kafka import KafkaSettings, consumer_options
from sinks.pipeline.points import PipelinePoint, dead_letters_point
from sinks.pipeline.reading import partitions_of, read_to_end


class _Letter(msgspec.Struct):
    """What is counted by; the rest of a dead letter is not decoded."""

    part: str
    code: str


class DeadLetterCounts:
    """Counts what comes to `dlq`. How far it has read stands in a group's offsets: the next owner goes on there."""

    def __init__(self, kafka: KafkaSettings, group: str) -> None:
        self._options: dict[str, Any] = {
            **consumer_options(kafka, f"{group}-pipeline"),
            "group_id": f"{group}-pipeline",
            "auto_offset_reset": "latest",  # what came before there was anybody to count it is not news
        }
        self._partitions = partitions_of(kafka, Name.DLQ)
        self._consumer: AIOKafkaConsumer | None = None
        self._counts: Counter[tuple[str, str]] = Counter()
        """Of what is not in the store yet."""
        self._decoder = msgspec.json.Decoder(_Letter)

    async def points(self, time_ms: int) -> list[PipelinePoint]:
        if self._consumer is None:
            self._counts.clear()  # it is read again
            consumer = AIOKafkaConsumer(**self._options)
            self._consumer = await started(consumer, consumer.stop)
            consumer.assign(self._partitions)
        async for records in read_to_end(self._consumer, self._partitions):
            for record in records:
                try:
                    letter = self._decoder.decode(record.value or b"")
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    continue  # nobody of ours wrote it
                self._counts[letter.part, letter.code] += 1
        return [dead_letters_point(part, code, count, time_ms) for (part, code), count in sorted(self._counts.items())]

    async def written(self) -> None:
        if self._consumer is not None:
            self._counts.clear()
            await self._consumer.commit({tp: await self._consumer.position(tp) for tp in self._partitions})

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop(consumer.stop)
