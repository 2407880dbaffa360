"""The opening handshake over a real socket: what is answered, and what is recorded of it."""

import asyncio
import base64
import contextlib
import json
from collections.abc import Mapping

import pytest
from websockets.exceptions import InvalidStatus

from contracts.envelope import Envelope
from contracts.topics import REJECTED_KEY
from edge import node
from edge.rounds import go_round
from ops.metrics import edge as metrics
from paper import BOOT, PaperEdge, paper_edge, until

HEADERS = {
    "Host": "edge",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Protocol": "ocpp1.6",
}


def request(target: str = "/ocpp/CP1", changes: Mapping[str, str | None] | None = None, start: str = "GET") -> bytes:
    headers = {**HEADERS, **(changes or {})}
    lines = [
        f"{start} {target} HTTP/1.1",
        *(f"{name}: {value}" for name, value in headers.items() if value is not None),
    ]
    return "\r\n".join([*lines, "", ""]).encode("iso-8859-1")


CLOSE = b"\x88\x80\x00\x00\x00\x00"  # a client's: so that the edge ends the connection


def status(response: bytes) -> int:
    return int(response.split(b" ", 2)[1])


def the_reject(edge: PaperEdge) -> Envelope:
    (record,) = [record for record in edge.records if record.kind == "rejected"]
    return record


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Connection": None},
        {"Connection": "keep-alive, Upgrade"},
        {"connection": "upgrade", "Connection": None},
        {name.upper(): value for name, value in HEADERS.items()} | dict.fromkeys(HEADERS),
        {"Origin": "http://charger.local"},
        {"User-Agent": "Ladestation/1.0 (\xfc)"},
        {"Sec-WebSocket-Protocol": None, "SEC-WEBSOCKET-PROTOCOL": "ocpp1.6"},
        {"Sec-WebSocket-Protocol": "ocpp1.5,ocpp1.6"},
        {"Content-Length": "0"},
        {"Authorization": "Basic " + base64.b64encode(b"CP1:\xff\x00\xfe").decode()},
    ],
)
async def test_what_chargers_send_is_accepted(changes: dict[str, str | None]) -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        response = await edge.raw(request(changes=changes) + CLOSE)
        assert status(response) == 101
        assert b"Sec-WebSocket-Protocol: ocpp1.6\r\n" in response
        await until(lambda: len(edge.records) == 2)
        assert [record.kind for record in edge.records] == ["connected", "disconnected"]


async def test_without_a_subprotocol_it_is_1_6_and_none_is_named() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        response = await edge.raw(request(changes={"Sec-WebSocket-Protocol": None}) + CLOSE)
        assert status(response) == 101
        assert b"sec-websocket-protocol" not in response.lower()
        await until(lambda: edge.records)
        assert edge.records[0].proto == "ocpp1.6"


@pytest.mark.parametrize("offered", ["ocpp1.5", "ocpp2.0, soap"])
async def test_no_common_subprotocol_is_accepted_and_closed_at_once(offered: str) -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        response = await edge.raw(request(changes={"Sec-WebSocket-Protocol": offered}) + CLOSE)
        head, _, rest = response.partition(b"\r\n\r\n")
        assert status(response) == 101
        assert b"sec-websocket-protocol" not in head.lower()
        assert rest[:1] == b"\x88"  # a close frame
        await until(lambda: edge.records)
        assert (the_reject(edge).reason, the_reject(edge).station) == ("no-common-subprotocol", "default/CP1")
        assert len(edge.node.stations) == 0


@pytest.mark.parametrize(
    ("sent", "expected", "reason", "station"),
    [
        (request("/elsewhere/CP1"), 404, "path", None),
        (request("/ocpp/"), 404, "path", None),
        (request("/ocpp/CP%201"), 404, "identity", None),
        (request(changes={"Authorization": "Basic " + base64.b64encode(b"CP2:x").decode()}), 401, "credentials", "CP1"),
        (request(changes={"Upgrade": None}), 426, "not-websocket", "CP1"),
        (request(changes={"Sec-WebSocket-Key": None}), 400, "not-websocket", "CP1"),
        (request(changes={"Sec-WebSocket-Version": "8"}), 400, "not-websocket", "CP1"),
        (request(start="POST"), 405, "not-websocket", "CP1"),
        (b"GET /ocpp/CP1\r\n\r\n", 400, "not-http", None),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\n" * 10, 400, "not-http", None),
        (b"GET /ocpp/CP1 HTTP/1.1\r\nno colon\r\n\r\n", 400, "not-http", None),
        (b"GET /ocpp/" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n", 414, "not-http", None),
    ],
)
async def test_a_refused_handshake_has_a_clear_answer_and_leaves_a_record(
    sent: bytes, expected: int, reason: str, station: str | None
) -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        response = await edge.raw(sent)
        assert status(response) == expected
        await until(lambda: edge.records)
        ((partition, key, record),) = edge.log.written
        assert (record.kind, record.status, record.reason) == ("rejected", expected, reason)
        if station is None:
            assert (key, partition, record.station) == (REJECTED_KEY, 0, None)
        else:
            assert (key, record.station) == (f"default/{station}".encode(), f"default/{station}")
        assert (b"\r\nWWW-Authenticate: Basic" in response) == (expected == 401)


async def test_a_basic_password_stands_nowhere() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        secret = base64.b64encode(b"CP2:hunter2").decode()
        await edge.raw(request("/ocpp/CP1?password=hunter2", changes={"Authorization": f"Basic {secret}"}))
        await until(lambda: edge.records)
        assert "hunter2" not in str(edge.records)
        assert secret not in str(edge.records)


async def test_a_partition_that_is_away_turns_its_stations_away() -> None:
    async with paper_edge(retry_after_s=7) as edge:
        edge.log.prompt = True
        edge.log.aways = {edge.node.writer.partition_of(b"default/CP1"): 6.0}
        response = await edge.raw(request())
        assert status(response) == 503
        assert b"\r\nRetry-After: 7\r\n" in response
        other = next(f"CP{n}" for n in range(2, 99) if not edge.log.away(partition(edge, f"CP{n}")))
        station = await edge.connect(other)
        await station.send(BOOT)
        assert json.loads(await station.recv())[0] == 3
        assert not [record for record in edge.records if record.kind == "rejected"]  # nobody waits for it
        edge.log.aways = {}
        await edge.connect("CP1")


def partition(edge: PaperEdge, identity: str) -> int:
    return edge.node.writer.partition_of(f"default/{identity}".encode())


async def test_a_partition_that_stays_without_room_takes_nobody_new(monkeypatch: pytest.MonkeyPatch) -> None:
    async with paper_edge() as edge:
        edge.log.capacity = 1
        stations = [await edge.connect("CP1"), await edge.connect("CP1")]  # a moment's lack of room turns nobody away
        monkeypatch.setattr(node, "NO_ROOM_S", 0.1)
        await asyncio.sleep(0.15)
        before = metrics.REJECTS_DROPPED._value.get()
        response = await edge.raw(request("/CP1"))
        assert status(response) == 503
        assert b"Retry-After: 10\r\n" in response
        assert metrics.REJECTS_DROPPED._value.get() == before + 1
        assert stations[1].close_code is None  # nobody who is here is closed for it
        for _ in range(9):
            edge.log.answer()
            edge.node.writer.rooms()
        assert [record.kind for record in edge.of("CP1")] == ["connected", "disconnected", "connected"]
        await edge.connect("CP1")


async def test_before_kafka_was_reached_everybody_is_turned_away() -> None:
    async with paper_edge() as edge:
        edge.node.writer.is_open = False
        assert status(await edge.raw(request())) == 503
        edge.node.writer.is_open = True
        await edge.connect()


async def test_a_full_node_turns_new_stations_away() -> None:
    async with paper_edge(max_connections=2) as edge:
        edge.log.prompt = True
        await edge.connect("CP1")
        await edge.connect("CP2")
        assert status(await edge.raw(request("/CP3"))) == 503
        await until(lambda: len(edge.records) == 3)
        assert the_reject(edge).reason == "node-full"
        await edge.connect("CP2")  # a takeover needs no more room


async def test_two_stations_with_one_identity_end_with_409() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        stations = [await edge.connect("CP1") for _ in range(4)]
        with pytest.raises(InvalidStatus) as refused:
            await edge.connect("CP1")
        assert refused.value.response.status_code == 409
        await stations[-1].send(BOOT)
        assert json.loads(await stations[-1].recv())[0] == 3
        assert (the_reject(edge).reason, the_reject(edge).station) == ("contested-identity", "default/CP1")


async def test_a_station_in_a_hurry_sends_before_it_is_answered() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        boot = BOOT.encode()
        frame = b"\x81" + bytes([0x80 | len(boot)]) + bytes(4) + boot
        response = await edge.raw(request() + frame + frame + CLOSE)
        await until(lambda: len(edge.records) == 5)
        assert [record.dir for record in edge.records] == [None, "in", "out", "in", None]  # then it was gone
        assert status(response) == 101


async def test_a_handshake_in_pieces() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        for byte in request():
            writer.write(bytes([byte]))
            await asyncio.sleep(0)
        assert status(await reader.readuntil(b"\r\n\r\n")) == 101
        assert len(edge.node.stations) == 1
        assert not edge.node.visitors
        writer.close()


async def test_sockets_beyond_the_bound_are_given_up_and_counted() -> None:
    count = metrics.REFUSALS.labels("too-many-sockets")
    before = count._value.get()
    async with paper_edge(max_connections=1) as edge:
        sockets = [await asyncio.open_connection("127.0.0.1", edge.port) for _ in range(3)]
        await until(lambda: count._value.get() == before + 1)
        assert len(edge.node.visitors) == 2
        with contextlib.suppress(ConnectionError):
            assert await sockets[2][0].read() == b""
        for _, writer in sockets:
            writer.close()


async def test_a_slow_handshake_is_given_up() -> None:
    async with paper_edge(handshake_timeout_s=5) as edge:
        waiting = asyncio.create_task(edge.raw(b"GET /ocpp/CP1 HTTP/1.1\r\nHost:"))
        await until(lambda: edge.node.visitors)
        (visitor,) = edge.node.visitors
        go_round(edge.node, edge.hold, visitor.came_at + 4.9)
        assert edge.node.visitors
        go_round(edge.node, edge.hold, visitor.came_at + 5.1)
        assert not edge.node.visitors
        with contextlib.suppress(ConnectionError):
            assert await waiting == b""


async def test_a_probe_that_says_nothing_leaves_nothing() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        _, writer = await asyncio.open_connection("127.0.0.1", edge.port)
        await until(lambda: edge.node.visitors)
        writer.close()
        await until(lambda: not edge.node.visitors)
        assert not edge.records
