"""The age of the oldest record that waits, on both brokers."""

import asyncio
import time

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from contracts.topics import TOPICS, Name, partition_of
from derived import Log, sample
from ops.health import Readiness
from ops.kafka import KafkaSettings
from ops.lag import Lag, LagMeter, Waiting, total
from ops.topics import ensure_topics
from parts.handles import Broker
from parts.processes import free_port


def settings(broker: Broker) -> KafkaSettings:
    return KafkaSettings(
        bootstrap=broker.bootstrap,
        topic_prefix=broker.prefix,
        partitions=broker.partitions,
        check_crcs=broker.kind == "kafka",
    )


async def test_the_oldest_record_that_waits_says_how_late_one_is(broker: Broker) -> None:
    kafka = settings(broker)
    await ensure_topics(kafka, Readiness(), [TOPICS[Name.MESSAGES]])
    topic = kafka.topic(Name.MESSAGES)
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await producer.start()
    meter = LagMeter(kafka, "test")
    try:
        before = time.time()
        await producer.send_and_wait(topic, b"oldest", partition=1)
        after = time.time()
        await asyncio.sleep(1.2)
        await producer.send_and_wait(topic, b"newest", partition=1)
        idle, late, in_hand = (TopicPartition(topic, number) for number in range(3))
        waiting = {idle: Waiting(0, 0), late: Waiting(2, 0), in_hand: Waiting(1, 9, appended_ms=0)}
        lags = await meter.measure(waiting)
        now = time.time()
        assert (lags[idle], lags[late].records, lags[in_hand].records) == (Lag(0, 0.0), 2, 1)
        assert now - after - 0.5 <= (lags[late].seconds or 0) <= now - before + 0.5  # a broker's clock has milliseconds
        assert (lags[in_hand].seconds or 0) > 1e9
        again = await meter.measure({late: Waiting(1, 1)})
        assert (again[late].seconds or 0) < now - before
    finally:
        await meter.close()
        await producer.stop()


async def test_markers_of_transactions_are_nothing_that_waits(kafka: Broker) -> None:
    where = settings(kafka)
    await ensure_topics(where, Readiness(), [TOPICS[Name.SAMPLES]])
    Log(kafka, transactional=True).put(sample("default/A", 1, 0, power_import_w=1.0))
    tp = TopicPartition(where.topic(Name.SAMPLES), partition_of(b"default/A", kafka.partitions))
    meter = LagMeter(where, "test")
    try:
        assert await meter.measure({tp: Waiting(1, 1)}) == {tp: Lag(1, 0.0)}
        Log(kafka).put(sample("default/A", 2, 0, power_import_w=1.0))
        await asyncio.sleep(0.5)
        lag = (await meter.measure({tp: Waiting(2, 1)}))[tp]  # it stands where it stood, and now something waits
        assert (lag.seconds or 0) > 0.2
    finally:
        await meter.close()


async def test_a_meter_that_has_just_moved_on_is_closed_at_once(kafka: Broker) -> None:
    """aiokafka's consumer would wait for ever: its fetching loses one cancellation when the assignment changes."""
    where = settings(kafka)
    await ensure_topics(where, Readiness(), [TOPICS[Name.SAMPLES]])
    tp = TopicPartition(where.topic(Name.SAMPLES), 0)
    meter = LagMeter(where, "test")
    await meter.measure({tp: Waiting(1, 0)})
    assert meter._consumer is not None
    meter._consumer.unsubscribe()
    async with asyncio.timeout(60):
        await meter.close()


async def test_with_kafka_away_the_seconds_are_not_known() -> None:
    meter = LagMeter(KafkaSettings(bootstrap=f"127.0.0.1:{free_port()}"), "test")
    tp = TopicPartition("t", 0)
    assert await meter.measure({tp: Waiting(5, 1)}) == {tp: Lag(5, None)}
    await meter.close()


@pytest.mark.parametrize(
    ("lags", "wanted"),
    [
        ([], Lag(0, 0.0)),
        ([Lag(0, 0.0), Lag(3, 7.5)], Lag(3, 7.5)),
        ([Lag(2, None), Lag(3, 7.5)], Lag(5, 7.5)),
        ([Lag(2, None)], Lag(2, None)),
    ],
)
def test_all_partitions_together(lags: list[Lag], wanted: Lag) -> None:
    assert total(lags) == wanted
