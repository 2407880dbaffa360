"""Kafka away, one partition or more: who is closed, who is not, and what /readyz says."""

import asyncio
import json
from time import monotonic

import pytest
from websockets.exceptions import InvalidStatus

from contracts.envelope import decode
from edge import hold
from paper import BOOT, PARTITIONS, PaperEdge, close_code, paper_edge


def identity_in(edge: PaperEdge, partition: int, skip: int = 0) -> str:
    names = (f"CP{n}" for n in range(999) if edge.node.writer.partition_of(f"default/CP{n}".encode()) == partition)
    return [next(names) for _ in range(skip + 1)][-1]


async def test_a_partitions_stations_are_closed_when_it_owes_an_answer_for_too_long() -> None:
    async with paper_edge() as edge:
        here = await edge.connect(identity_in(edge, 1))
        there = await edge.connect(identity_in(edge, 2))
        edge.log.aways = {1: 19.9}
        edge.hold.changed(1, True)
        edge.hold.check(edge.node, monotonic())
        await asyncio.sleep(0.05)
        assert len(edge.node.stations) == 2
        edge.log.aways = {1: 20.1}
        edge.hold.check(edge.node, monotonic())
        assert await close_code(here) == 1013
        edge.log.prompt = True
        edge.log.answer_all()
        await there.send(BOOT)
        assert json.loads(await there.recv())[0] == 3


async def begin_to_close_five(edge: PaperEdge) -> None:
    """Five stations of partition 3, which is away for too long."""
    for number in range(5):
        await edge.connect(identity_in(edge, 3, number))
    edge.log.aways = {3: 25.0}
    edge.hold.changed(3, True)
    edge.hold.check(edge.node, monotonic())


async def test_they_are_closed_one_after_another_and_no_more_once_it_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "SPREAD_S", 1.0)
    async with paper_edge() as edge:
        await begin_to_close_five(edge)
        edge.hold.check(edge.node, monotonic())  # it is being closed already
        await asyncio.sleep(0.5)
        assert 1 <= len(edge.node.stations) <= 4
        edge.hold.changed(3, False)
        left = len(edge.node.stations)
        await asyncio.sleep(0.8)
        assert len(edge.node.stations) == left


async def test_nobody_is_closed_once_the_node_drains(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "SPREAD_S", 0.5)
    async with paper_edge() as edge:
        await begin_to_close_five(edge)
        await asyncio.sleep(0.05)
        left = len(edge.node.stations)
        assert 1 <= left <= 4
        edge.node.draining = True
        await asyncio.sleep(0.6)
        edge.hold.check(edge.node, monotonic())
        await asyncio.sleep(0.05)
        assert len(edge.node.stations) == left


async def test_a_partition_that_answers_too_slowly_is_like_one_that_is_away() -> None:
    async with paper_edge() as edge:
        here, there = await edge.connect(identity_in(edge, 1)), await edge.connect(identity_in(edge, 2))
        edge.log.ages = {1: 20.1, 2: 19.9}
        for now in (100.0, 119.9):
            edge.hold.check(edge.node, now)
        await asyncio.sleep(0.05)
        assert len(edge.node.stations) == 2
        edge.hold.check(edge.node, 120.1)
        assert await close_code(here) == 1013
        assert here.close_reason == "the log is behind"
        assert there.close_code is None
        with pytest.raises(InvalidStatus, match="503"):
            await edge.connect(identity_in(edge, 1))
        kinds = [decode(value).kind for _, submission in edge.log.waiting for _, value in submission.records]
        assert kinds == ["connected", "connected", "disconnected"]  # nobody waits for the record of the refusal
        edge.log.ages = {1: 1.0}
        edge.hold.check(edge.node, 121.0)
        await edge.connect(identity_in(edge, 1))


async def test_a_partition_that_is_back_has_time_to_catch_up() -> None:
    async with paper_edge() as edge:
        edge.log.aways = {1: 60.0}
        edge.hold.changed(1, True)
        for now in (100.0, 140.0):
            edge.hold.check(edge.node, now)
        edge.log.aways, edge.log.ages = {}, {1: 60.0}  # a backlog is old until it is gone
        edge.hold.changed(1, False)
        station = await edge.connect(identity_in(edge, 1))
        for now in (141.0, 160.9):
            edge.hold.check(edge.node, now)
        edge.log.ages = {1: 19.0}
        edge.hold.check(edge.node, 161.0)
        edge.log.ages = {1: 20.0}  # what was late before does not count any more
        edge.hold.check(edge.node, 162.0)
        await asyncio.sleep(0.05)
        assert station.close_code is None


async def test_waiting_for_room_is_being_late() -> None:
    async with paper_edge() as edge:
        edge.log.capacity = 0
        station = await edge.connect(identity_in(edge, 1))
        edge.hold.hold_max_s = 0.1
        edge.hold.check(edge.node, 100.0)
        await asyncio.sleep(0.15)
        for now in (101.0, 102.0):
            edge.hold.check(edge.node, now)
        assert await close_code(station) == 1013


async def test_the_node_is_ready_while_no_more_than_half_of_the_partitions_are_away() -> None:
    async with paper_edge() as edge:
        for partition in range(PARTITIONS // 2):
            edge.hold.changed(partition, True)
        assert edge.readiness.ready
        edge.hold.changed(PARTITIONS - 1, True)
        assert "kafka" in edge.readiness.reasons
        edge.hold.changed(0, False)
        assert edge.readiness.ready
