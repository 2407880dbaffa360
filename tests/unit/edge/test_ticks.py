"""A node's sign of life: what it says, and that a stall does not make up for what was missed."""

import asyncio

import pytest

from contracts.topics import node_key
from edge import ticks
from paper import PARTITIONS, paper_edge


async def test_a_tick_goes_into_every_partition_and_says_who_ticks() -> None:
    async with paper_edge() as edge:
        await edge.connect()
        ticks.tick(edge.node, 7)
        assert [partition for partition, _, _ in edge.log.ticks] == list(range(PARTITIONS))
        _, key, tick = edge.log.ticks[0]
        assert key == node_key("here:9000") == b"\x00node/here:9000"
        assert (tick.kind, tick.node, tick.epoch, tick.log) == ("node", "here:9000", edge.node.epoch, 7)
        assert (tick.connections, tick.station) == (1, None)
        assert tick.clock is not None
        assert tick.clock.speed == 1.0


async def test_ticks_come_at_once_and_then_regularly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ticks, "EVERY_S", 0.1)
    async with paper_edge() as edge:
        ticking = asyncio.create_task(ticks.tick_for_ever(edge.node, 1))
        await asyncio.sleep(0)
        assert len(edge.log.ticks) == PARTITIONS
        await asyncio.sleep(0.55)
        ticking.cancel()
        assert 3 * PARTITIONS <= len(edge.log.ticks) <= 7 * PARTITIONS


async def test_the_last_tick_is_not_written_where_the_log_is_away() -> None:
    async with paper_edge() as edge:
        edge.log.aways = {0: 6.0, 2: 6.0}
        ticks.last_tick(edge.node, 1)
        assert [partition for partition, _ in edge.log.waiting] == [1, 3]


async def test_the_last_tick_waits_for_room_too() -> None:
    async with paper_edge() as edge:
        edge.log.capacity = 2
        ticks.last_tick(edge.node, 1)
        assert len(edge.log.waiting) == 2
        edge.log.answer_all()
        edge.node.writer.rooms()
        edge.log.answer_all()
        assert sorted(partition for partition, _, _ in edge.log.written) == [0, 1, 2, 3]
