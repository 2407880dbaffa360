"""Bad input has a clear answer: of stations, of settings, of the machine."""

import asyncio
import json
import os
import socket
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from websockets.exceptions import InvalidStatus

from edge_log import Row, exchanges, log_of, of_station
from edge_process import BOOT, Edge, call, close_code, start_edge
from parts.handles import Broker
from parts.processes import free_port

AT = "2026-11-24T06:00:00Z"


def stop_transaction(size: int) -> list[object]:
    """A StopTransaction after a night: so many bytes of transactionData, nearly."""
    entry = {"timestamp": AT, "sampledValue": [{"value": "1234567", "measurand": "Energy.Active.Import.Register"}]}
    data = [entry] * (size // len(json.dumps(entry)))
    return [
        2,
        "stop",
        "StopTransaction",
        {"transactionId": 7, "meterStop": 9, "timestamp": AT, "transactionData": data},
    ]


async def test_every_bad_input_of_a_station_has_its_answer(broker: Broker) -> None:
    with start_edge(broker, "--ping-after-s", "1", "--pong-within-s", "1") as edge:
        assert await status_of_path(edge, "/elsewhere/CP1") == 404
        assert await status_of_path(edge, "/ocpp/no%20blanks") == 404
        assert await status_of_path(edge, "/ocpp/" + "x" * 49) == 404
        assert b"HTTP/1.1 400" in await raw(edge, b"hello\r\n\r\n")

        async with edge.connect("CP-SOAP", "ocpp1.5") as station:
            assert station.subprotocol is None
            assert await close_code(station) == 1002

        async with edge.connect("CP-STOP") as station:
            night = stop_transaction(400_000)
            assert (await call(station, night))[:2] == [3, "stop"]

        huge = json.dumps([2, "huge", "DataTransfer", {"vendorId": "v", "data": "x" * 10_000_000}])
        async with edge.connect("CP-HUGE") as station:
            await station.send(huge)
            assert await close_code(station) == 1009
        assert resident_mb(edge) < 200

        async with edge.connect("CP-BINARY") as station:
            await station.send(b"\x00\xff")
            assert await close_code(station) == 1003

        assert await half_open(edge, "CP-HALF") == b""

        async with edge.connect("CP-TWICE") as old, edge.connect("CP-TWICE") as new:
            assert await close_code(old) == 1012
            assert (await call(new, BOOT))[0] == 3
            for _ in range(2):
                await edge.connect("CP-TWICE")
            with pytest.raises(InvalidStatus, match="409"):
                await edge.connect("CP-TWICE")

        rows = await asyncio.to_thread(log_of, broker, lambda rows: "contested-identity" in reasons(rows))
    assert reasons(rows) >= {"path", "identity", "not-http", "no-common-subprotocol", "oversized-frame"}
    (night_call,) = exchanges(of_station(rows, "CP-STOP"))
    assert json.loads(night_call[2]) == night
    (rejected,) = [record for record in of_station(rows, "CP-HUGE") if record.kind == "rejected"]
    assert (rejected.size, rejected.sha256) == (len(huge), sha256(huge.encode()).hexdigest())
    assert (rejected.id, rejected.action) == ("huge", "DataTransfer")
    codes = {name: of_station(rows, name)[-1].close_code for name in ("CP-HUGE", "CP-BINARY", "CP-HALF", "CP-STOP")}
    assert codes == {"CP-HUGE": 1009, "CP-BINARY": 1003, "CP-HALF": 1006, "CP-STOP": 1000}
    assert of_station(rows, "CP-BINARY")[1].frame_bytes() == b"\x00\xff"


def reasons(rows: list[Row]) -> set[str | None]:
    return {row.envelope.reason for row in rows if row.envelope.kind == "rejected"}


async def status_of_path(edge: Edge, path: str) -> int:
    request = (
        f"GET {path} HTTP/1.1\r\nHost: edge\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    return int((await raw(edge, request.encode())).split(b" ", 2)[1])


async def raw(edge: Edge, sent: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(sent)
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return answer


async def half_open(edge: Edge, identity: str) -> bytes:
    """A station that is there and never says anything: not even a pong. What comes after the edge let go of it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    request = (
        f"GET /{identity} HTTP/1.1\r\nHost: edge\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    writer.write(request.encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    assert await asyncio.wait_for(reader.readexactly(2), 60) == b"\x89\x00"  # a ping
    try:
        return await asyncio.wait_for(reader.read(), 60)
    except ConnectionResetError:
        return b""
    finally:
        writer.close()


def resident_mb(edge: Edge) -> float:
    pages = int(Path(f"/proc/{edge.service.process.pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    """`voltstream edge` with these arguments, which must end by itself."""
    command = [sys.executable, "-m", "voltstream", "edge", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("--listen", "nowhere"), "EDGE_LISTEN (--listen)"),
        (("--frame-limit", "9999999"), "EDGE_FRAME_LIMIT (--frame-limit)"),
        (("--identity-pattern", "["), "EDGE_IDENTITY_PATTERN (--identity-pattern)"),
        (("--id-tokens", "hmac"), "EDGE_ID_TOKEN_KEY (--id-token-key)"),
        (("--listen", "127.0.0.1:0", "--http", "127.0.0.1:1000000"), "EDGE_HTTP (--http)"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(arguments: tuple[str, ...], named: str) -> None:
    done = ended(*arguments)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert named in line


@pytest.mark.parametrize(("flag", "variable"), [("--listen", "EDGE_LISTEN"), ("--http", "EDGE_HTTP")])
def test_a_port_in_use_is_one_line_that_names_it(flag: str, variable: str) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as taken:
        addresses = {"--listen": "127.0.0.1:0", "--http": "127.0.0.1:0"}
        addresses[flag] = f"127.0.0.1:{taken.getsockname()[1]}"
        done = ended(*(word for pair in addresses.items() for word in pair))
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert variable in last
    assert "in use" in last


def test_another_partition_count_is_one_line_that_names_both(kafka: Broker) -> None:
    with start_edge(kafka):
        pass
    wrong = [*flags(kafka), "--partitions", str(kafka.partitions + 1)]
    done = ended(*wrong, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert "KAFKA_PARTITIONS" in last
    assert f"{kafka.partitions} partitions, not {kafka.partitions + 1}" in last


def test_a_frame_limit_that_the_topic_cannot_take_is_told_at_the_start(kafka: Broker) -> None:
    with start_edge(kafka):
        pass
    limit = ("--frame-limit", str(4 << 20))
    done = ended(*flags(kafka), *limit, "--listen", "127.0.0.1:0", "--http", "127.0.0.1:0")
    assert done.returncode == 2
    last = done.stderr.strip().splitlines()[-1]
    assert "EDGE_FRAME_LIMIT (--frame-limit)" in last
    assert "max.message.bytes" in last


async def test_a_larger_frame_limit_is_kept_where_the_topic_is_made_for_it(kafka: Broker) -> None:
    with start_edge(kafka, "--frame-limit", str(4 << 20)) as edge:
        async with edge.connect("CP1") as station:
            night = stop_transaction(3_900_000)
            assert (await call(station, night))[:2] == [3, "stop"]
            await station.send(json.dumps(night)[:-1])  # no JSON: its record holds it in base64
            await station.send(json.dumps(BOOT))
            assert json.loads(await station.recv())[0] == 4
            assert json.loads(await station.recv())[0] == 3


def flags(broker: Broker) -> list[str]:
    partitions = str(broker.partitions)
    return ["--bootstrap", broker.bootstrap, "--topic-prefix", broker.prefix, "--partitions", partitions]
