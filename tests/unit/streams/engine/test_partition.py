"""What an owned partition says of its state."""

import asyncio

from aiokafka import TopicPartition

from streams.engine.observer import Observer
from streams.engine.partition import OwnedPartition
from streams.engine.settings import EngineSettings
from streams.messages import MessagesAgent


async def nowhere(_: TopicPartition) -> tuple[int, int]:
    return 0, 0


async def test_its_bytes_are_those_of_the_keys_and_states_that_it_holds() -> None:
    settings = EngineSettings(group="g", state_topic="s", log=1, client={"bootstrap_servers": "127.0.0.1:1"})
    partition = OwnedPartition(MessagesAgent(), 0, settings, Observer(), nowhere, asyncio.Lock())
    batches: list[dict[bytes, bytes | None]] = [
        {b"a": b"12", b"bb": b"3"},
        {b"a": b"1234"},
        {b"bb": None, b"gone": None, b"c": b""},
        {b"a": None},
    ]
    for number, changes in enumerate(batches):
        partition._remember(changes, number)
        assert partition.state_bytes == sum(len(key) + len(value) for key, value in partition._values.items())
    assert (partition.keys, partition.state_bytes) == (1, 1)
    await partition.close()
