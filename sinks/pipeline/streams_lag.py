"""How far the stream workers are behind, all of them together."""

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from contracts.topics import Name
from ops.clients import started, stop
from ops.kafka import KafkaSettings, client_options, consumer_options
from ops.lag import LagMeter, Waiting, total
from sinks.pipeline.points import PipelinePoint, streams_point
from sinks.pipeline.reading import partitions_of


class StreamsLag:
    """From the offsets that the stream workers' group commits every 2 s, and the ends of `messages`."""

    def __init__(self, kafka: KafkaSettings, group: str) -> None:
        self._group = f"{kafka.topic_prefix}streams"
        self._partitions = partitions_of(kafka, Name.MESSAGES)
        self._client_id = f"{group}-pipeline"
        self._kafka = kafka
        self._meter = LagMeter(kafka, self._client_id)
        self._admin: AIOKafkaAdminClient | None = None
        self._consumer: AIOKafkaConsumer | None = None

    async def points(self, time_ms: int) -> list[PipelinePoint]:
        if self._admin is None:
            admin = AIOKafkaAdminClient(**client_options(self._kafka, self._client_id))
            self._admin = await started(admin, admin.close)
        if self._consumer is None:
            consumer = AIOKafkaConsumer(**consumer_options(self._kafka, self._client_id))
            self._consumer = await started(consumer, consumer.stop)
        committed = await self._admin.list_consumer_group_offsets(self._group, partitions=self._partitions)
        firsts = await self._consumer.beginning_offsets(self._partitions)
        ends = await self._consumer.end_offsets(self._partitions)
        waiting = {}
        for tp in self._partitions:
            offset = max(committed[tp].offset if tp in committed else -1, firsts[tp])  # -1: none was committed yet
            waiting[tp] = Waiting(max(ends[tp] - offset, 0), offset)
        lag = total((await self._meter.measure(waiting)).values())
        return [streams_point(self._group, lag_records=lag.records, lag_s=lag.seconds, time_ms=time_ms)]

    async def written(self) -> None:
        """Nothing is remembered."""

    async def close(self) -> None:
        admin, self._admin = self._admin, None
        consumer, self._consumer = self._consumer, None
        await self._meter.close()
        if admin is not None:
            await stop(admin.close)
        if consumer is not None:
            await stop(consumer.stop)
