"""One owned partition, as far as it goes without Kafka."""

import asyncio
import contextlib

from aiokafka import TopicPartition

from counting.fold import CountingAgent
from streams.engine.agent import Record
from streams.engine.observer import Observer
from streams.engine.partition import OwnedPartition
from streams.engine.settings import EngineSettings

SETTINGS = EngineSettings(group="g", state_topic="state", log=1, client={"bootstrap_servers": "127.0.0.1:1"})


async def _bounds(_: TopicPartition) -> tuple[int, int]:
    raise AssertionError("nothing is asked")


async def test_a_batch_whose_turn_did_not_come_before_a_rebalance_is_not_folded() -> None:
    turn, flowing = asyncio.Lock(), True
    partition = OwnedPartition(CountingAgent("source", "out", "dlq"), 0, SETTINGS, Observer(), _bounds, turn)
    async with contextlib.AsyncExitStack() as at_end:
        at_end.push_async_callback(partition.close)
        await turn.acquire()  # another partition folds
        batch = [Record(0, 0, True, b"key", b"value", 0, "source")]
        waiting = asyncio.create_task(partition.process(batch, lambda: flowing))
        await asyncio.sleep(0)
        flowing = False
        turn.release()
        assert await waiting is False  # not even opened, it could not fold
        assert (partition.next_offset, turn.locked()) == (0, False)
