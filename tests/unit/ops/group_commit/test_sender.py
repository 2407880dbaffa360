"""The loop around a queue, over a lane whose answers are lost and refused at will (no broker does that on demand)."""

import asyncio
import random
from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import pytest
from aiokafka import TopicPartition, errors

from ops.group_commit import sender
from ops.group_commit.lane import UNSURE_ERRORS, Lane
from ops.group_commit.queue import UNSURE_STRIKES, PartitionQueue
from ops.group_commit.sender import PartitionSender
from ops.group_commit.submission import Submission

PARTITION = TopicPartition("t", 0)


class Luck(Lane):
    """Takes batches onto `log`; loses the question or the answer, each with the probability `trouble`."""

    def __init__(self, bad: frozenset[bytes] = frozenset(), trouble: float = 0.0) -> None:
        self.log: list[bytes] = []
        self.bad, self.trouble = bad, trouble
        self.led_by: int | None = 1
        self.refreshed = 0

    @property
    def started(self) -> bool:
        return True

    def leader(self, _partition: TopicPartition) -> int | None:
        return self.led_by

    def refresh(self) -> None:
        self.refreshed += 1

    async def send(self, _partition: TopicPartition, batch: Sequence[Submission]) -> None:
        await asyncio.sleep(0)
        values = [value for submission in batch for _, value in submission.records]
        luck = random.random()
        if luck < self.trouble:
            raise errors.RequestTimedOutError
        if self.bad.intersection(values):
            raise errors.MessageSizeTooLargeError
        self.log += values
        if luck < 2 * self.trouble:
            raise errors.RequestTimedOutError


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sender, "FIRST_PAUSE_S", 0.0)
    monkeypatch.setattr(sender, "LONGEST_PAUSE_S", 0.0)


@pytest.mark.parametrize("trouble", [0.0, 0.1, 0.3])
async def test_order_holds_through_lost_answers_refusals_and_failing_callbacks(trouble: float) -> None:
    count = 3000
    bad = frozenset(b"%d" % number for number in random.sample(range(count), 40))
    lane, queue = Luck(bad, trouble), PartitionQueue(1_000_000)
    refused: list[bytes] = []
    done: list[bytes] = []

    def instead(one: Submission, _error: Exception) -> Submission | None:
        value = one.records[0][1]
        refused.append(value)
        return Submission([(None, b"for " + value)], 50, one.at) if int(value) % 2 else None

    carrier = PartitionSender(PARTITION, queue, lane, lane, instead, lambda _p, _away: None)

    def released(value: bytes) -> None:
        done.append(value)
        if len(done) == 7:
            raise ValueError("the caller's fault")

    task = asyncio.create_task(carrier.run())
    for number in range(count):
        value = b"%d" % number
        queue.add(Submission([(None, value)], 50, 0.0, partial(released, value)))
        carrier.wake()
        if number % 50 == 0:
            await asyncio.sleep(0)
    async with asyncio.timeout(60):
        while queue.waiting:
            await asyncio.sleep(0)
    task.cancel()
    values = [b"%d" % number for number in range(count)]
    assert done == [value for value in values if value not in bad]
    log = [b"for " + value if value in bad else value for value in values if value not in bad or int(value) % 2]
    assert list(dict.fromkeys(lane.log)) == log
    assert sorted(refused) == sorted(bad)
    assert queue.records == queue.bytes == 0


@pytest.mark.parametrize(("linger_s", "batches"), [(0.0, [1, 1, 1]), (0.2, [3])])
async def test_a_batch_may_wait_for_more(linger_s: float, batches: list[int]) -> None:
    sent: list[int] = []

    class Counting(Luck):
        async def send(self, partition: TopicPartition, batch: Sequence[Submission]) -> None:
            sent.append(len(batch))
            await super().send(partition, batch)

    lane, queue = Counting(), PartitionQueue(1_000_000)
    carrier = PartitionSender(PARTITION, queue, lane, lane, lambda *_: None, lambda *_: None, linger_s)
    task = asyncio.create_task(carrier.run())
    for value in (b"1", b"2", b"3"):
        queue.add(Submission([(None, value)], 50, 0.0))
        carrier.wake()
        await asyncio.sleep(0.01)
    async with asyncio.timeout(60):
        while queue.waiting:
            await asyncio.sleep(0.01)
    task.cancel()
    assert (sent, lane.log) == (batches, [b"1", b"2", b"3"])


async def test_a_partition_in_trouble_goes_on_alone_until_the_shared_lane_knows_its_leader() -> None:
    main, own, queue = Luck(trouble=1.0), Luck(), PartitionQueue(1_000_000)
    own.led_by = 2
    carrier = PartitionSender(PARTITION, queue, main, own, lambda _one, _error: None, lambda _p, _away: None)
    task = asyncio.create_task(carrier.run())

    async def carry(value: bytes) -> None:
        queue.add(Submission([(None, value)], 50, 0.0))
        carrier.wake()
        async with asyncio.timeout(60):
            while queue.waiting:
                await asyncio.sleep(0)

    await carry(b"1")
    await carry(b"2")
    assert own.log == [b"1", b"2"]
    assert carrier.troubled
    assert main.refreshed == 2
    main.trouble, main.led_by = 0.0, 2
    await carry(b"3")
    await carry(b"4")
    task.cancel()
    assert own.log == [b"1", b"2", b"3"]
    assert main.log == [b"4"]


@pytest.mark.parametrize(("quick_s", "takes"), [(60.0, [40, 20, 20, 40, 40]), (-1.0, [40, 20, 20, 20, 20])])
async def test_batches_grow_again_when_the_shared_lane_answers_quickly(
    monkeypatch: pytest.MonkeyPatch, quick_s: float, takes: list[int]
) -> None:
    """The second batch is answered quickly, too, but to a lane without companions."""
    monkeypatch.setattr(sender, "QUICK_S", quick_s)
    sent: list[int] = []

    class Counting(Luck):
        async def send(self, partition: TopicPartition, batch: Sequence[Submission]) -> None:
            sent.append(len(batch))
            await super().send(partition, batch)

    main, own, queue = Counting(trouble=1.0), Counting(), PartitionQueue(40_500)
    carrier = PartitionSender(PARTITION, queue, main, own, lambda *_: None, lambda *_: None)
    for number in range(140):
        queue.add(Submission([(None, b"%d" % number)], 1000, 0.0))
    task = asyncio.create_task(carrier.run())
    async with asyncio.timeout(60):
        while queue.waiting:
            await asyncio.sleep(0)
            if carrier.troubled:
                main.trouble = 0.0
    task.cancel()
    assert sent[: len(takes)] == takes


@pytest.mark.parametrize("error", UNSURE_ERRORS)
async def test_what_may_be_the_brokers_own_trouble_is_believed_only_when_it_lasts(
    monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """With pauses of a tenth: each trial comes later, and only one who failed all of them is out."""
    monkeypatch.setattr(sender, "STRIKE_PAUSE_S", 0.01)
    now = asyncio.get_running_loop().time
    trials: list[float] = []
    refused: list[bytes] = []

    class Hiccup(Luck):
        async def send(self, partition: TopicPartition, batch: Sequence[Submission]) -> None:
            if b"bad" in [value for one in batch for _, value in one.records]:
                trials.append(now())
                raise error
            if len(trials) < UNSURE_STRIKES - 1:
                trials.append(now())
                raise error
            await super().send(partition, batch)

    lane, queue = Hiccup(), PartitionQueue(1_000_000)
    carrier = PartitionSender(
        PARTITION, queue, lane, lane, lambda one, _error: refused.append(one.records[0][1]), lambda *_: None
    )
    task = asyncio.create_task(carrier.run())
    async with asyncio.timeout(60):
        for value in (b"good", b"bad", b"good, too"):
            queue.add(Submission([(None, value)], 50, 0.0))
            carrier.wake()
            while queue.waiting:
                await asyncio.sleep(0.01)
    task.cancel()
    assert (lane.log, refused) == ([b"good", b"good, too"], [b"bad"])
    pauses = [later - earlier for earlier, later in pairwise(trials[UNSURE_STRIKES - 1 :])]
    assert all(pause >= 0.0099 * 2**strike for strike, pause in enumerate(pauses))
    assert len(pauses) == UNSURE_STRIKES - 1


def test_a_hiccup_of_the_broker_is_outlasted_and_makes_no_partition_away() -> None:
    pauses = [sender.STRIKE_PAUSE_S * 2**strike for strike in range(UNSURE_STRIKES - 1)]
    assert sum(pauses) > sender.AWAY_S > pauses[-1]


async def test_away_after_five_seconds_without_an_answer_and_back_with_the_first() -> None:
    lane, queue, turns = Luck(trouble=1.0), PartitionQueue(1_000_000), []
    carrier = PartitionSender(
        PARTITION, queue, lane, lane, lambda _one, _error: None, lambda number, away: turns.append((number, away))
    )
    now = asyncio.get_running_loop().time()
    queue.add(Submission([(None, b"1")], 50, now - 4.5))
    carrier.judge()
    assert turns == []
    queue.add(Submission([(None, b"2")], 50, now))
    queue.waiting[0].at = now - 5.0
    carrier.judge()
    carrier.judge()
    assert turns == [(0, True)]
    lane.trouble = 0.0
    task = asyncio.create_task(carrier.run())
    async with asyncio.timeout(60):
        while carrier.away:
            await asyncio.sleep(0)
    task.cancel()
    assert turns == [(0, True), (0, False)]
