"""One partition of the log away: its stations are turned away and come back, all others notice nothing."""

import asyncio
import json
import time
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from websockets.asyncio.client import ClientConnection

from contracts.topics import TOPICS, Name, partition_of
from edge_process import BOOT, call, close_code, start_edge
from parts.handles import Broker
from parts.kafka import Kafka, start_kafka

pytestmark = pytest.mark.timeout(180)

LEADERS = ((3,), (1,), (2,), (1,))  # partition 0 lives on broker 3 alone


@pytest.fixture
def three_brokers(kafka_part: object) -> Iterator[Kafka]:
    assert kafka_part
    with start_kafka(brokers=3, min_insync_replicas=1) as kafka:
        yield kafka


async def test_the_stations_of_other_partitions_notice_nothing(three_brokers: Kafka) -> None:
    broker = Broker("kafka", three_brokers.bootstrap)
    create_topics(broker)
    with start_edge(broker, "--hold-max", "8") as edge:
        lost = await edge.connect(identity_in(0))
        kept = [await edge.connect(identity_in(partition)) for partition in (1, 2, 3)]
        for station in (lost, *kept):
            assert (await call(station, BOOT))[0] == 3
        three_brokers.kill(3)
        began = time.monotonic()
        await lost.send(json.dumps([2, "lost", "Heartbeat", {}]))
        closing = asyncio.create_task(close_code(lost, 30))
        slowest = await asyncio.gather(*(slowest_answer(station, 14) for station in kept))
        assert max(slowest) < 3.0, "an answer was held up by the partition that is away"
        assert (await edge.status_of(identity_in(0)))[0] == 503
        assert (await edge.status_of(identity_in(1, 1)))[0] == 101
        assert edge.readyz() == 200
        assert await closing == 1013
        assert time.monotonic() - began < 8 + 5 + 5 + 5
        await asyncio.to_thread(three_brokers.start, 3)
        await edge.until_admitted(identity_in(0))
        back = await edge.connect(identity_in(0))
        assert (await call(back, [2, "lost", "Heartbeat", {}]))[:2] == [3, "lost"]


async def slowest_answer(station: ClientConnection, seconds: float) -> float:
    """Of the heartbeats that are sent for so long, the longest time that one took."""
    slowest, end, number = 0.0, time.monotonic() + seconds, 0
    while time.monotonic() < end:
        number += 1
        began = time.monotonic()
        assert (await call(station, [2, f"n{number}", "Heartbeat", {}]))[:2] == [3, f"n{number}"]
        slowest = max(slowest, time.monotonic() - began)
        await asyncio.sleep(0.05)
    return slowest


def identity_in(partition: int, skip: int = 0) -> str:
    names = (f"CP{n}" for n in range(999) if partition_of(f"default/CP{n}".encode(), len(LEADERS)) == partition)
    return [next(names) for _ in range(skip + 1)][-1]


def create_topics(broker: Broker) -> None:
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    topics = [
        NewTopic(
            broker.prefix + name,
            len(LEADERS),
            replica_assignment=[list(replicas) for replicas in LEADERS],
            config=TOPICS[name].config(),
        )
        for name in (Name.MESSAGES, Name.DLQ)
    ]
    for created in admin.create_topics(topics).values():
        created.result(30)
