"""When a lane gets a new producer; over producers that reach their Kafka at once.

That real ones are replaced when their connections hang is seen in tests/connected/test_group_commit.py.
"""

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiokafka import TopicPartition

from ops.group_commit import lane
from ops.group_commit.lane import Lane
from ops.group_commit.submission import Submission

PARTITION = TopicPartition("t", 0)


class Reached:
    """Where a producer stands."""

    made: list["Reached"]

    def __init__(self, _topic: str, _options: Mapping[str, Any]) -> None:
        self.made.append(self)
        self.learns = True
        self.refreshed = 0
        self.stopped = False

    async def start(self) -> None:
        await asyncio.sleep(0)

    async def stop(self, _seconds: float) -> None:
        self.stopped = True

    def leader(self, _partition: TopicPartition) -> int:
        return 1

    def refresh(self) -> None:
        self.refreshed += 1

    def send(self, _broker: int, _partition: int, _batch: bytearray) -> asyncio.Future[None]:
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        answer.set_result(None)
        return answer


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def made(monkeypatch: pytest.MonkeyPatch) -> list[Reached]:
    """The producers, in the order in which the lane got them."""
    Reached.made = []
    monkeypatch.setattr(lane, "Producer", Reached)
    return Reached.made


async def started() -> Lane:
    new = Lane("t", [], 1000, {})
    await new.start(1.0)
    return new


async def test_a_producer_that_learns_is_told_to(made: list[Reached]) -> None:
    shared = await started()
    for _ in range(3):
        shared.refresh()
    await turns()
    assert [one.refreshed for one in made] == [3]


async def test_one_that_cannot_learn_any_more_is_replaced_although_others_are_answered(made: list[Reached]) -> None:
    shared = await started()
    made[0].learns = False
    await shared.send(PARTITION, [Submission([(None, b"v")], 50, 0.0)])
    for _ in range(3):
        shared.refresh()
    await turns()
    assert [(one.stopped, one.refreshed) for one in made] == [(True, 0), (False, 0)]
    shared.refresh()
    await turns()
    assert [one.refreshed for one in made] == [0, 1]


async def test_one_through_which_nothing_comes_is_replaced(
    made: list[Reached], monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = await started()
    shared.refresh()
    with monkeypatch.context() as impatient:
        impatient.setattr(lane, "PATIENCE_S", 0.0)
        await asyncio.sleep(0.01)
        shared.refresh()
    await turns()
    assert [one.refreshed for one in made] == [1, 0]
