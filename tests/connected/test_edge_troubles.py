"""The edge and a Kafka that stops, dies or is not there yet; the edge itself terminated and killed."""

import asyncio
import base64
import contextlib
import json
import re
import signal
import time
from collections.abc import Iterator

import msgspec
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from contracts.envelope import decode
from contracts.events import DeadLetter
from contracts.topics import partition_of
from edge_load import Load, faults, repeats
from edge_log import exchanges, log_of, of_station, read_values, without_gaps
from edge_process import BOOT, Edge, call, close_code, launch_edge, start_edge
from parts.handles import Broker
from parts.kafka import Kafka, start_kafka

pytestmark = pytest.mark.timeout(180)

HEARTBEAT = json.dumps([2, "h", "Heartbeat", {}])


@pytest.fixture(scope="module")
def own_kafka(kafka_part: object) -> Iterator[Kafka]:
    """A broker that these tests may stop."""
    assert kafka_part
    with start_kafka() as kafka:
        yield kafka


@pytest.fixture
def broken(own_kafka: Kafka) -> Iterator[Kafka]:
    """The broker, to be broken; it runs again afterwards."""
    yield own_kafka
    own_kafka.resume()
    own_kafka.start_all()


@pytest.fixture
def own(broken: Kafka) -> Broker:
    return Broker("kafka", broken.bootstrap)


async def test_a_short_stop_is_waited_for(broken: Kafka, own: Broker) -> None:
    with start_edge(own) as edge:
        station = await edge.connect("CP1")
        assert (await call(station, BOOT))[2]["status"] == "Accepted"
        broken.pause()
        began = time.monotonic()
        await station.send(HEARTBEAT)
        assert await edge.status_of("CP2") == (101, None)
        assert edge.readyz() == 200
        neighbour = next(name for name in map("CP{}".format, range(2, 99)) if same_partition(own, "CP1", name))
        await until_turned_away(edge, neighbour)
        assert time.monotonic() - began > 4.9
        async with asyncio.timeout(60):  # now all others, too: each has a tick to write every five seconds
            while edge.readyz() != 503:
                await asyncio.sleep(0.1)
        await until_turned_away(edge, "CP3")
        broken.resume()
        assert json.loads(await asyncio.wait_for(station.recv(), 60))[:2] == [3, "h"]
        await edge.until_admitted("CP3")
        async with asyncio.timeout(60):
            while edge.readyz() != 200:
                await asyncio.sleep(0.1)
        await station.close()
        rows = await asyncio.to_thread(log_of, own, lambda rows: of_station(rows, "CP1")[-1].kind == "disconnected")
        assert [unique_id for unique_id, *_ in exchanges(of_station(rows, "CP1"))] == ["1", "h"]
        assert not [row for row in rows if row.envelope.status == 503]


def same_partition(broker: Broker, one: str, other: str) -> bool:
    return len({partition_of(f"default/{name}".encode(), broker.partitions) for name in (one, other)}) == 1


async def until_turned_away(edge: Edge, identity: str) -> None:
    async with asyncio.timeout(60):
        while (answer := await edge.status_of(identity)) == (101, None):
            await asyncio.sleep(0.1)
    assert answer == (503, "10")


async def test_stations_of_a_log_that_stays_away_are_closed_and_come_back(broken: Kafka, own: Broker) -> None:
    with start_edge(own, "--hold-max", "7") as edge:
        stations = [await edge.connect(f"CP{number}") for number in range(6)]
        await call(stations[0], BOOT)
        broken.pause()
        began = time.monotonic()
        await stations[1].send(HEARTBEAT)

        async def closed(station: ClientConnection) -> tuple[int | None, float]:
            return await close_code(station, 30), time.monotonic() - began

        ends = await asyncio.gather(*map(closed, stations))
        assert {code for code, _ in ends} == {1013}
        times = [seconds for _, seconds in ends]
        assert min(times) >= 6.5
        assert max(times) <= 7 + 5 + 5 + 2  # a partition's first tick after the stop; the spread; a busy machine
        broken.resume()
        await edge.until_admitted("CP1", 30)
        again = await edge.connect("CP1")
        assert (await call(again, [2, "h", "Heartbeat", {}]))[:2] == [3, "h"]
        rows = await asyncio.to_thread(log_of, own, lambda rows: len(exchanges(of_station(rows, "CP1"))) == 2)
        assert 1013 in [record.close_code for record in of_station(rows, "CP1")]


async def test_kafka_may_be_away_when_the_edge_starts(broken: Kafka, own: Broker) -> None:
    broken.kill()
    with launch_edge(own) as edge:
        async with asyncio.timeout(60):
            while not edge.listens():
                await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        assert edge.readyz() == 503
        assert (await edge.status_of("CP1"))[0] == 503
        await asyncio.to_thread(broken.start)
        await edge.until_admitted("CP1")
        assert edge.readyz() == 200
        station = await edge.connect("CP2")
        assert (await call(station, BOOT))[2]["status"] == "Accepted"
        assert edge.service.stop() == 0


async def test_sigterm_answers_what_is_in_flight(broken: Kafka, own: Broker) -> None:
    with start_edge(own) as edge:
        stations = [await edge.connect(f"CP{number}") for number in range(10)]
        for station in stations:
            await call(station, BOOT)
        broken.pause()
        for station in stations[:5]:
            await station.send(HEARTBEAT)
            await station.send(HEARTBEAT.replace("h", "i", 1))
        await asyncio.sleep(0.5)
        edge.service.process.signal(signal.SIGTERM)
        assert [await close_code(station) for station in stations[5:]] == [1012] * 5
        broken.resume()
        for station in stations[:5]:
            assert json.loads(await asyncio.wait_for(station.recv(), 60))[:2] == [3, "h"]
            assert json.loads(await asyncio.wait_for(station.recv(), 60))[:2] == [3, "i"]
            assert await close_code(station) == 1012
        assert await asyncio.to_thread(edge.service.process.wait, 10) == 0
        rows = await asyncio.to_thread(log_of, own)
        for number in range(10):
            records = of_station(rows, f"CP{number}")
            assert records[-1].close_code == 1012
            assert len(exchanges(records)) == (3 if number < 5 else 1)
        last_ticks = {row.partition: row.envelope for row in rows if row.envelope.kind == "node"}
        assert [tick.connections for tick in last_ticks.values()] == [0] * own.partitions


async def test_sigterm_during_an_outage_ends_in_time_and_says_what_was_lost(broken: Kafka, own: Broker) -> None:
    with start_edge(own) as edge:
        stations = [await edge.connect(f"CP{number}") for number in range(4)]
        await call(stations[0], BOOT)
        broken.pause()
        for station in stations[:3]:
            await station.send(HEARTBEAT)
        await stations[0].send(json.dumps(BOOT))
        await asyncio.sleep(0.5)
        edge.service.process.signal(signal.SIGTERM)
        assert await asyncio.to_thread(edge.service.process.wait, 60) == 1
        (took_s,) = re.findall(r"stopped without the log .*seconds=([0-9.]+)", edge.log())
        assert float(took_s) <= 8.0  # EDGE_DRAIN_S, by the edge's own clock: how long it takes to end is the machine's
        assert "calls_unanswered=4" in edge.log()
        assert "Traceback" not in edge.log()


async def test_what_kafka_refuses_goes_to_the_dead_letters_and_its_connection_ends(own: Broker) -> None:
    long = json.dumps([2, "long", "DataTransfer", {"vendorId": "v", "data": "x" * 20_000}])
    with start_edge(own) as edge:
        await asyncio.to_thread(take_no_more_than, 10_000, own)
        good, bad = await edge.connect("CP-GOOD"), await edge.connect("CP-BAD")
        await call(bad, BOOT)
        with contextlib.suppress(ConnectionClosed):
            while True:  # the broker heeds the change when it comes to it
                await call(bad, json.loads(long))
        assert bad.close_code == 1013
        assert (await call(good, BOOT))[0] == 3
        await good.close()
        rows = await asyncio.to_thread(log_of, own, lambda rows: of_station(rows, "CP-BAD")[-1].kind == "disconnected")
        letters = await asyncio.to_thread(read_values, own, "dlq", 2)
    records = of_station(rows, "CP-BAD")
    assert without_gaps(records)
    assert [record.kind for record in records[-4:]] == ["frame", "rejected", "rejected", "disconnected"]
    assert (records[-3].reason, records[-3].size) == ("refused", len(long))
    letter = msgspec.json.decode(letters[0], type=DeadLetter)
    assert (letter.part, letter.code) == ("edge", "refused")
    assert decode(base64.b64decode(letter.value or "")).frame_bytes() == long.encode()


def take_no_more_than(limit: int, broker: Broker) -> None:
    """From now on the topic refuses larger batches, as an operator may have it."""
    topic = ConfigResource(ConfigResource.Type.TOPIC, f"{broker.prefix}messages")
    topic.add_incremental_config(
        ConfigEntry("max.message.bytes", str(limit), incremental_operation=AlterConfigOpType.SET)
    )
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    next(iter(admin.incremental_alter_configs([topic]).values())).result(10)


async def test_what_was_answered_is_on_the_log_when_edge_and_broker_are_killed(broken: Kafka, own: Broker) -> None:
    with start_edge(own) as edge:
        async with Load(edge.port, 40) as load:
            await load.until_answered(500)
            edge.service.kill()
            await asyncio.to_thread(edge.service.start)
            await load.until_answered(500)
            broken.kill()
            await asyncio.sleep(2)
            await asyncio.to_thread(broken.start)
            await load.until_all_answered()
            edge.service.kill()
            await asyncio.to_thread(edge.service.start)
            await load.until_answered(300)
        assert edge.service.stop() == 0
    rows = await asyncio.to_thread(log_of, own)
    assert load.answered > 1000
    assert faults(load.clients, rows) == [], f"{load.answered} answered of {load.sent}, {repeats(rows)} repeats"
