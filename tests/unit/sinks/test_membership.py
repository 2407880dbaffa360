"""The permit to write, and the end of a delivery at a revocation."""

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition

from sinks.membership import FRESH_S, Membership


class Coordinator:
    """As much of aiokafka's as a heartbeat needs; the real one is in tests/connected."""

    def __init__(self) -> None:
        self.heard, self.takes_s = True, 0.0

    async def _do_heartbeat(self) -> bool:
        await asyncio.sleep(self.takes_s)
        return self.heard


class Consumer:
    def __init__(self) -> None:
        self._coordinator: Any = Coordinator()


@pytest.fixture
def consumer() -> Consumer:
    return Consumer()


@pytest.fixture
def membership(consumer: Consumer) -> Membership:
    membership = Membership()
    membership.watch(consumer)
    return membership


async def test_there_is_no_permit_before_a_heartbeat(membership: Membership, consumer: Consumer) -> None:
    assert membership.silent_s > FRESH_S
    waiting = asyncio.create_task(membership.permit())
    await asyncio.sleep(0.1)
    assert not waiting.done()
    consumer._coordinator.heard = False
    await consumer._coordinator._do_heartbeat()
    await asyncio.sleep(0.1)
    assert not waiting.done()
    consumer._coordinator.heard = True
    await consumer._coordinator._do_heartbeat()
    await asyncio.wait_for(waiting, 5)


async def test_a_heartbeat_counts_from_when_it_was_sent(membership: Membership, consumer: Consumer) -> None:
    consumer._coordinator.takes_s = 0.2
    await consumer._coordinator._do_heartbeat()
    assert membership.silent_s >= 0.2


async def test_an_assignment_asks_at_once(membership: Membership) -> None:
    await membership.on_partitions_assigned([TopicPartition("t", 1)])
    await asyncio.wait_for(membership.permit(), 1)
    assert membership.assigned == {("t", 1)}


async def test_a_revocation_ends_the_delivery_before_it_returns(membership: Membership) -> None:
    ended = []

    async def deliver() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.05)  # a transaction that must end
            ended.append(1)

    delivering = asyncio.create_task(membership.deliver(asyncio.create_task(deliver())))
    await asyncio.sleep(0.01)
    await membership.on_partitions_revoked([TopicPartition("t", 1)])
    assert ended == [1]
    assert await delivering is False
    assert membership.assigned == frozenset()


async def test_what_a_delivery_raises_is_raised(membership: Membership) -> None:
    async def deliver() -> None:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        await membership.deliver(asyncio.create_task(deliver()))
    task = asyncio.create_task(asyncio.sleep(10))
    asyncio.get_running_loop().call_later(0.01, task.cancel)
    with pytest.raises(asyncio.CancelledError):
        await membership.deliver(task)
