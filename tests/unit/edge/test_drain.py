"""SIGTERM: what is in flight is answered, and everybody is told to come back elsewhere."""

import asyncio
import json
from time import monotonic

import pytest

from edge.drain import drain
from paper import BOOT, HEARTBEAT, PaperEdge, close_code, paper_edge, until


async def ticking() -> None:
    await asyncio.Event().wait()


async def drained(edge: PaperEdge) -> int:
    return await drain(edge.node, asyncio.create_task(ticking()), 1)


async def test_a_call_in_flight_is_answered_before_the_close() -> None:
    async with paper_edge() as edge:
        busy, idle = await edge.connect("CP1"), await edge.connect("CP2")
        await busy.send(BOOT)
        await until(lambda: len(edge.log.waiting) == 3)
        draining = asyncio.create_task(drained(edge))
        assert await close_code(idle) == 1012
        edge.log.prompt = True
        while edge.log.waiting:
            edge.log.answer()
        assert json.loads(await busy.recv())[0] == 3
        assert await close_code(busy) == 1012
        assert await draining == 0
        assert [record.kind for record in edge.of("CP1")] == ["connected", "frame", "frame", "disconnected"]
        assert edge.of("CP1")[-1].close_code == 1012


async def test_all_calls_in_flight_are_answered_before_the_close() -> None:
    async with paper_edge() as edge:
        station = await edge.connect()
        for number in range(4):
            await station.send(f'[2,"{number}","Heartbeat",{{}}]')
        await until(lambda: [connection.calls_owed for connection in edge.node.stations] == [4])
        draining = asyncio.create_task(drained(edge))
        await asyncio.sleep(0.05)
        edge.log.prompt = True
        edge.log.answer_all()
        assert [json.loads(await station.recv())[:2] for _ in range(4)] == [[3, str(number)] for number in range(4)]
        assert await close_code(station) == 1012
        assert await draining == 0
        assert len([record for record in edge.of("CP1") if record.dir == "out"]) == 4


async def test_the_last_tick_says_that_nobody_is_connected() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        station = await edge.connect()
        assert await drained(edge) == 0
        ticks = [
            (partition, envelope.connections) for partition, _, envelope in edge.log.written if envelope.kind == "node"
        ]
        assert sorted(ticks) == [(partition, 0) for partition in range(4)]
        assert await close_code(station) == 1012


async def test_nobody_new_is_admitted_meanwhile() -> None:
    async with paper_edge(drain_s=2) as edge:
        station = await edge.connect()
        await station.send(HEARTBEAT)
        await until(lambda: len(edge.log.waiting) == 2)
        draining = asyncio.create_task(drained(edge))
        await asyncio.sleep(0)
        with pytest.raises(Exception, match="HTTP 503"):
            await edge.connect("CP2")
        edge.log.prompt = True
        while edge.log.waiting:
            edge.log.answer()
        assert await draining == 0


async def test_during_an_outage_it_ends_in_time_and_counts(caplog: pytest.LogCaptureFixture) -> None:
    async with paper_edge(drain_s=1.5) as edge:
        stations = [await edge.connect(f"CP{number}") for number in range(3)]
        for station in stations[:2]:
            await station.send(BOOT)
        for frame in (HEARTBEAT, '[3,"1",{}]', HEARTBEAT):  # an answer is owed to CALLs only
            await stations[0].send(frame)
        owed = {"default/CP0": 3, "default/CP1": 1, "default/CP2": 0}
        await until(lambda: {station.station: station.calls_owed for station in edge.node.stations} == owed)
        began = monotonic()
        assert await drained(edge) == 1
        assert monotonic() - began < 1.5
        (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert vars(line)["calls_unanswered"] == 4


async def test_a_call_is_counted_though_its_partition_is_held_for_too_long(caplog: pytest.LogCaptureFixture) -> None:
    async with paper_edge(drain_s=1.5) as edge:
        station = await edge.connect()
        await station.send(BOOT)
        await until(lambda: len(edge.log.waiting) == 2)
        (connection,) = edge.node.stations
        draining = asyncio.create_task(drained(edge))
        await asyncio.sleep(0.1)
        edge.log.aways = {connection.partition: 20.1}
        edge.hold.changed(connection.partition, True)
        edge.hold.check(edge.node, monotonic())
        assert await draining == 1
        (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert vars(line)["calls_unanswered"] == 1


async def test_what_waits_for_room_is_written_while_there_is_time() -> None:
    async with paper_edge() as edge:
        edge.log.capacity = 1
        stations = [await edge.connect(f"CP{number}") for number in range(3)]
        for station in stations:
            await station.send(BOOT)
        await until(lambda: sum(connection.calls_owed for connection in edge.node.stations) == 3)

        async def answering() -> None:
            while True:
                await asyncio.sleep(0.02)
                edge.log.answer()
                if len(edge.node.stations):  # as a round would, until all have left
                    edge.node.writer.rooms()

        slowly = asyncio.create_task(answering())
        assert await drained(edge) == 0
        slowly.cancel()
        for number in range(3):
            assert [record.kind for record in edge.of(f"CP{number}")] == [
                "connected",
                "frame",
                "frame",
                "disconnected",
            ]
        assert len([record for record in edge.records if record.kind == "node"]) == 4


async def test_what_never_finds_room_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    async with paper_edge(drain_s=1.0) as edge:
        edge.log.capacity = 1
        for number in range(3):
            await edge.connect(f"CP{number}")
        began = monotonic()
        assert await drained(edge) == 1
        assert monotonic() - began < 1.0
        (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
        assert vars(line)["unwritten"] == 3 * 2 + 4  # how each came and went; a tick a partition


async def test_an_edge_that_never_reached_kafka_has_nothing_to_lose() -> None:
    async with paper_edge() as edge:
        edge.node.writer.is_open = False
        assert await drained(edge) == 0


async def test_many_stations_leave_one_after_another() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        for number in range(60):
            await edge.connect(f"CP{number}")
        draining = asyncio.create_task(drained(edge))
        await asyncio.sleep(0.15)
        assert 0 < len(edge.node.stations) < 60
        assert await draining == 0
