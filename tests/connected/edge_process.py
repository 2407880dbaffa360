"""`voltstream edge` as a process, and clients that are as bare as can be."""

import asyncio
import contextlib
import json
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from parts.handles import Broker
from parts.processes import accepts_connections, free_port
from parts.service import Service, start_service

BOOT = [2, "1", "BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}]


class Edge:
    """Running. `service` is its process."""

    def __init__(self, service: Service, port: int) -> None:
        self.service, self.port = service, port

    def url(self, identity: str) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp/{identity}"

    def connect(self, identity: str, version: str = "ocpp1.6") -> connect:
        """websockets' own client, to be entered or awaited; no pings of its own, no compression."""
        return connect(
            self.url(identity), subprotocols=[Subprotocol(version)], proxy=None, ping_interval=None, compression=None
        )

    async def status_of(self, identity: str) -> tuple[int, str | None]:
        """A handshake's HTTP status, and Retry-After."""
        try:
            async with self.connect(identity):
                return 101, None
        except InvalidStatus as refused:
            return refused.response.status_code, refused.response.headers.get("Retry-After")

    async def until_admitted(self, identity: str, timeout: float = 60) -> None:
        async with asyncio.timeout(timeout):
            while (await self.status_of(identity))[0] != 101:
                await asyncio.sleep(0.2)

    def readyz(self) -> int:
        try:
            with urllib.request.urlopen(f"http://{self.service.http}/readyz", timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            with error:
                return error.code

    def listens(self) -> bool:
        return accepts_connections(self.port)

    def log(self) -> str:
        """What it has written so far."""
        return self.service.log.read_text()


async def call(station: ClientConnection, frame: list[Any]) -> list[Any]:
    """Send a frame; the next message that comes back."""
    await station.send(json.dumps(frame))
    reply: list[Any] = json.loads(await asyncio.wait_for(station.recv(), 60))
    return reply


async def close_code(station: ClientConnection, timeout: float = 15) -> int | None:
    """The code with which the edge closes; what it sends before is passed over."""
    try:
        async with asyncio.timeout(timeout):
            while True:
                await station.recv()
    except ConnectionClosed:
        return station.close_code


@contextlib.contextmanager
def start_edge(broker: Broker, *arguments: str, **env: str) -> Iterator[Edge]:
    """An edge, ready, on a port of its own; killed at the end."""
    port = free_port()
    listen = ("--listen", f"127.0.0.1:{port}")
    with start_service("edge", *listen, *arguments, env={**broker.env, **env}) as service:
        try:
            yield Edge(service, port)
        except BaseException:
            print(service.process.tail(60))  # noqa: T201 - pytest shows it beside the failure
            raise


@contextlib.contextmanager
def launch_edge(broker: Broker, *arguments: str) -> Iterator[Edge]:
    """An edge that is not waited for."""
    with tempfile.TemporaryDirectory(prefix="voltstream-edge-", ignore_cleanup_errors=True) as folder:
        port = free_port()
        service = Service(Path(folder), "edge", ("--listen", f"127.0.0.1:{port}", *arguments), broker.env)
        service.launch()
        try:
            yield Edge(service, port)
        finally:
            service.kill()
