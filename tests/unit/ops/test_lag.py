"""A meter whose client fails in ways that nobody asked for."""

import asyncio
from collections.abc import Mapping

from aiokafka import TopicPartition

from ops.kafka import KafkaSettings
from ops.lag import Lag, LagMeter, Waiting


class Cancelled(LagMeter):
    """As aiokafka's consumers are now and then, with Kafka away."""

    async def _read(self, offsets: Mapping[TopicPartition, int], nothing: set[TopicPartition]) -> None:
        raise asyncio.CancelledError(f"{len(offsets)} to read, {len(nothing)} without")


async def test_a_client_that_cancels_whoever_asks_costs_the_seconds_alone() -> None:
    tp = TopicPartition("t", 0)
    assert await Cancelled(KafkaSettings(), "test").measure({tp: Waiting(5, 1)}) == {tp: Lag(5, None)}
