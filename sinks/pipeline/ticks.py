"""Which edge nodes live: the newest part of partition 0 of `messages`, into which every node ticks."""

import time

from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.topics import Name
from ops.clients import started, stop
from ops.kafka import KafkaSettings, consumer_options
from sinks.pipeline.nodes import Nodes
from sinks.pipeline.points import PipelinePoint
from sinks.pipeline.reading import read_to_end

LOOK_BACK_S = 120.0  # at most


class Ticks:
    """Reads on from the newest record that it has seen, also where that read was cut short."""

    def __init__(self, kafka: KafkaSettings, group: str) -> None:
        self._options = consumer_options(kafka, f"{group}-pipeline")
        self._partition = TopicPartition(kafka.topic(Name.MESSAGES), 0)
        self._consumer: AIOKafkaConsumer | None = None
        self._nodes = Nodes()
        self._newest_ms = 0
        """When the broker took that one."""

    async def points(self, time_ms: int) -> list[PipelinePoint]:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(**self._options)
            self._consumer = await started(consumer, consumer.stop)
            consumer.assign([self._partition])
        now_ms = time.time_ns() // 1_000_000
        since_ms = max(self._newest_ms, now_ms - round(LOOK_BACK_S * 1000))
        found = (await self._consumer.offsets_for_times({self._partition: since_ms}))[self._partition]
        if found is not None:  # else nothing came since
            self._consumer.seek(self._partition, found.offset)
            async for records in read_to_end(self._consumer, [self._partition]):
                for record in records:
                    self._nodes.take(record.key, record.value, record.timestamp)
                self._newest_ms = records[-1].timestamp
        return self._nodes.points(now_ms, time_ms)

    async def written(self) -> None:
        """Nothing is to be remembered."""

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop(consumer.stop)
