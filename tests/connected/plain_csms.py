"""A CSMS for tests of the simulator: it answers as the specifications say, checks every CALL, and keeps it."""

import hashlib
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any

import jsonschema_rs
from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from contracts.times import rfc3339_ms
from ops.clock import Clock

logging.getLogger("websockets.server").setLevel(logging.CRITICAL)
_FOLDERS = {"ocpp1.6": "v16", "ocpp2.0.1": "v201", "ocpp2.1": "v21"}


@cache
def _validator(version: str, action: str) -> Any:
    folder = _FOLDERS[version]
    name = f"{action}.json" if folder == "v16" else f"{action}Request.json"
    schema = files("ocpp").joinpath(folder, "schemas", name).read_text(encoding="utf-8-sig")
    return jsonschema_rs.validator_for(json.loads(schema))


@dataclass(frozen=True)
class Received:
    """One CALL, on the station's so-manieth connection; `at_s`: when it came, on the monotonic clock."""

    station: str
    connection: int
    version: str
    id: str
    action: str
    payload: dict[str, Any]
    at_s: float = field(default_factory=time.monotonic)


@dataclass
class Csms:
    """What it heard, and how it behaves. `silent`: actions it never answers, `errors`: those it answers with an error.

    `refusals` holds the HTTP answers for the next handshakes; `clock` tells the time in answers.
    """

    port: int = 0
    clock: Clock = field(default_factory=Clock.system)
    received: list[Received] = field(default_factory=list)
    invalid: list[str] = field(default_factory=list)
    answers: list[list[Any]] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    errors: set[str] = field(default_factory=set)
    boots: list[str] = field(default_factory=list)
    refusals: list[tuple[HTTPStatus, dict[str, str]]] = field(default_factory=list)
    connections: dict[str, int] = field(default_factory=dict)
    open: dict[str, ServerConnection] = field(default_factory=dict)
    closed: list[tuple[str, int]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ocpp"

    def calls(self, action: str, station: str | None = None) -> list[Received]:
        return [one for one in self.received if one.action == action and station in (None, one.station)]

    def refuse(self, connection: ServerConnection, request: Request) -> Response | None:  # noqa: ARG002
        if not self.refusals:
            return None
        status, headers = self.refusals.pop(0)
        return Response(status.value, status.phrase, Headers({"Content-Length": "0", **headers}))

    async def talk(self, socket: ServerConnection) -> None:
        assert socket.request is not None
        station = socket.request.path.rpartition("/")[2]
        number = self.connections[station] = self.connections.get(station, 0) + 1
        self.open[station] = socket
        try:
            async for frame in socket:
                await self._take(socket, station, number, json.loads(frame))
        except ConnectionClosed:
            pass
        finally:
            self.closed.append((station, socket.close_code or 0))

    async def _take(self, socket: ServerConnection, station: str, number: int, frame: list[Any]) -> None:
        if frame[0] != 2:
            self.answers.append(frame)
            return
        _, unique_id, action, payload = frame
        version = str(socket.subprotocol)
        self.received.append(Received(station, number, version, unique_id, action, payload))
        for error in _validator(version, action).iter_errors(payload):
            self.invalid.append(f"{station} {action}: {error.message}")
        if action in self.silent:
            return
        if action in self.errors:
            await socket.send(json.dumps([4, unique_id, "InternalError", "", {}]))
            return
        await socket.send(json.dumps([3, unique_id, self._answer(station, action, payload)]))

    def _answer(self, station: str, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        match action:
            case "BootNotification":
                status = self.boots.pop(0) if self.boots else "Accepted"
                return {"status": status, "currentTime": rfc3339_ms(self.clock.now_us()), "interval": 300}
            case "StartTransaction":
                digest = hashlib.sha256(json.dumps([station, payload], sort_keys=True).encode()).digest()
                return {"transactionId": int.from_bytes(digest[:3]) + 1, "idTagInfo": {"status": "Accepted"}}
            case "Heartbeat":
                return {"currentTime": rfc3339_ms(self.clock.now_us())}
            case "DataTransfer":
                return {"status": "UnknownVendorId"}
            case _:
                return {}


@asynccontextmanager
async def plain_csms(port: int = 0, max_size: int | None = 512 * 1024) -> AsyncIterator[Csms]:
    """A CSMS on a free port of loopback."""
    csms = Csms()
    async with serve(
        csms.talk,
        "127.0.0.1",
        port,
        process_request=csms.refuse,
        subprotocols=["ocpp1.6", "ocpp2.0.1", "ocpp2.1"],  # type: ignore[list-item] # a NewType of str
        ping_interval=None,
        close_timeout=1,
        max_size=max_size,
    ) as server:
        csms.port = server.sockets[0].getsockname()[1]
        yield csms
