"""Commits of a consumer whose group is just being joined anew."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError

from commit_load import create_topic
from parts.handles import Broker
from streams.engine.faust_consumer import commit_once

SLOW_MS = 4000
"""How long the second member takes to hear of a rebalance, and the first one waits to have joined."""


@contextlib.asynccontextmanager
async def member(broker: Broker, topic: str, heartbeat_ms: int) -> AsyncIterator[AIOKafkaConsumer]:
    options: dict[str, Any] = {"group_id": f"{topic}-group", "enable_auto_commit": False}
    times = {"heartbeat_interval_ms": heartbeat_ms, "session_timeout_ms": 30_000, "rebalance_timeout_ms": 30_000}
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker.bootstrap, **options, **times)
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def until(what: Any) -> None:
    async with asyncio.timeout(60):
        while not what():
            await asyncio.sleep(0.02)


async def test_it_is_refused_here_and_the_member_stays_who_it_is(kafka: Broker) -> None:
    topic = f"{kafka.prefix}commits"
    create_topic(kafka.bootstrap, topic, 2)
    async with member(kafka, topic, 200) as first, member(kafka, topic, SLOW_MS):
        coordinator = first._coordinator
        await until(lambda: coordinator.generation >= 2 and not coordinator._performed_join_prepare)
        offsets = dict.fromkeys(first.assignment(), 0)
        await commit_once(first, offsets)
        known_as, generation = coordinator.member_id, coordinator.generation

        coordinator.request_rejoin()
        await until(lambda: coordinator._performed_join_prepare)
        with pytest.raises(CommitFailedError, match="no member"):
            await commit_once(first, offsets)
        await until(lambda: not coordinator._performed_join_prepare)

        await asyncio.sleep(1)  # time to lose it again
        assert (coordinator.member_id, coordinator.generation) == (known_as, generation + 1)
