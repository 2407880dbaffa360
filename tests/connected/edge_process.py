"""`voltstream edge` as a process, and a client that is as bare as can be."""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from parts.handles import Broker
from parts.processes import free_port
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

    def log(self) -> str:
        """What it has written so far."""
        return self.service.log.read_text()


async def call(station: ClientConnection, frame: list[Any]) -> list[Any]:
    """Send a frame; the next message that comes back."""
    await station.send(json.dumps(frame))
    reply: list[Any] = json.loads(await station.recv())
    return reply


@contextlib.contextmanager
def start_edge(broker: Broker, *arguments: str, **env: str) -> Iterator[Edge]:
    """An edge, ready, on a port of its own; killed at the end."""
    port = free_port()
    listen = ("--listen", f"127.0.0.1:{port}")
    with start_service("edge", *listen, *arguments, env={**broker.env, **env}) as service:
        yield Edge(service, port)
