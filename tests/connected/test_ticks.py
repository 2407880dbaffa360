"""The edge nodes' ticks, read from a partition that holds more than one look can take."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from contracts.envelope import ClockSetting
from contracts.topics import TOPICS, Name, node_key
from edge.records import tick_record
from ops.health import Readiness
from ops.kafka import KafkaSettings
from ops.topics import ensure_topics
from parts.handles import Broker
from sinks.pipeline import ticks
from sinks.pipeline.reading import read_to_end
from sinks.pipeline.ticks import Ticks


def tick(name: str) -> dict[str, bytes]:
    clock = ClockSetting(0, 0, 1.0)
    value = tick_record(node=name, epoch=1, log=1, connections=0, clock=clock, now_us=0)
    return {"key": node_key(name), "value": value}


async def test_a_look_that_was_cut_short_is_gone_on_with(kafka: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the start again it would never come to an end where a partition brings more than one look can read."""
    settings = KafkaSettings(bootstrap=kafka.bootstrap, topic_prefix=kafka.prefix, partitions=kafka.partitions)
    await ensure_topics(settings, Readiness(), [TOPICS[Name.MESSAGES]])
    topic = settings.topic(Name.MESSAGES)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    try:
        first = await producer.send_and_wait(topic, partition=0, **tick("a"))
        second = first
        while second.timestamp == first.timestamp:
            second = await producer.send_and_wait(topic, partition=0, **tick("b"))
        await producer.send_and_wait(topic, partition=0, **tick("c"))
    finally:
        await producer.stop()
    seen: list[int] = []

    async def cut_short(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> AsyncIterator[list[Any]]:
        async for records in read_to_end(consumer, partitions):
            for record in records:
                seen.append(record.timestamp)
                yield [record]
                if record.offset == second.offset:
                    raise TimeoutError

    reader = Ticks(settings, "test")
    monkeypatch.setattr(ticks, "read_to_end", cut_short)
    try:
        with pytest.raises(TimeoutError):
            await reader.points(1)
        assert seen[0] == first.timestamp
        await reader.close()
        seen.clear()
        second = second._replace(offset=-1)  # this time it is not cut short
        assert [dict(point.tags)["name"] for point in await reader.points(2)] == ["a", "b", "c"]
        assert min(seen) > first.timestamp
    finally:
        await reader.close()
