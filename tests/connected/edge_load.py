"""Stations that keep their own list of what they were answered, and the verdict on the log.

Each sends one CALL after the other, comes back when its socket ends, and tries again when it is turned away.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from edge_log import Row, exchanges, of_station, without_gaps

AT = "2026-11-24T06:00:00Z"
READINGS = [{"timestamp": AT, "sampledValue": [{"value": str(wh), "unit": "Wh"} for wh in range(8)]}]
PAYLOADS: tuple[tuple[str, dict[str, object]], ...] = (
    ("Heartbeat", {}),
    ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Available"}),
    ("MeterValues", {"connectorId": 1, "meterValue": READINGS}),
    ("StartTransaction", {"connectorId": 1, "idTag": "A", "meterStart": 1, "timestamp": AT}),
    ("StopTransaction", {"transactionId": 1, "meterStop": 2, "timestamp": AT}),
)
PATIENCE_S = 30.0  # the usual time a charger waits for an answer


@dataclass
class Client:
    """One station. `answered`: unique id -> the reply's bytes."""

    identity: str
    think_s: float
    answered: dict[str, bytes] = field(default_factory=dict)
    sent: int = 0
    connections: int = 0
    ends: Counter[str] = field(default_factory=Counter)

    async def run(self, port: int) -> None:
        """For ever."""
        while True:
            try:
                await self._session(port)
            except (OSError, WebSocketException, TimeoutError) as error:
                self.ends[type(error).__name__] += 1
            await asyncio.sleep(random.uniform(0.1, 1.0))

    async def _session(self, port: int) -> None:
        url = f"ws://127.0.0.1:{port}/{self.identity}"
        async with connect(
            url,
            subprotocols=[Subprotocol("ocpp1.6")],
            proxy=None,
            ping_interval=None,
            compression=None,
            close_timeout=1,
        ) as socket:
            self.connections += 1
            while True:
                self.sent += 1
                action, payload = random.choice(PAYLOADS)
                await socket.send(json.dumps([2, f"m{self.sent}", action, payload]))
                reply = str(await asyncio.wait_for(socket.recv(), PATIENCE_S)).encode()
                assert json.loads(reply)[:2] == [3, f"m{self.sent}"]
                self.answered[f"m{self.sent}"] = reply
                await asyncio.sleep(random.uniform(0.5, 1.5) * self.think_s)


class Load:
    """`clients` stations against one port, while the context lasts."""

    def __init__(self, port: int, clients: int, think_s: float = 0.05) -> None:
        self.clients = [Client(f"CP{number:03d}", think_s) for number in range(clients)]
        self._port = port

    async def __aenter__(self) -> "Load":
        self._tasks = [asyncio.create_task(client.run(self._port)) for client in self.clients]
        return self

    async def __aexit__(self, *_: object) -> None:
        running = set(self._tasks)
        while running:  # again and again: wait_for of Python 3.11 drops a cancellation that meets a result
            for task in running:
                task.cancel()
            running = (await asyncio.wait(running, timeout=1))[1]
        for task in self._tasks:
            if not task.cancelled():
                raise AssertionError(task.exception())

    @property
    def answered(self) -> int:
        return sum(len(client.answered) for client in self.clients)

    @property
    def sent(self) -> int:
        return sum(client.sent for client in self.clients)

    async def until_answered(self, more: int, timeout: float = 120) -> None:
        """Until so many more CALLs are answered."""
        wanted = self.answered + more
        async with asyncio.timeout(timeout):
            while self.answered < wanted:
                await asyncio.sleep(0.1)

    async def until_all_answered(self, timeout: float = 120) -> None:
        """Until every station got an answer since now."""
        before = {client.identity: len(client.answered) for client in self.clients}
        async with asyncio.timeout(timeout):
            while any(len(client.answered) == before[client.identity] for client in self.clients):
                await asyncio.sleep(0.1)


def faults(clients: Iterable[Client], rows: list[Row]) -> list[str]:
    """What was answered and is not on the log with its reply, and connections with gaps; empty where all is well."""
    found = []
    for client in clients:
        records = of_station(rows, client.identity)
        if not without_gaps(records):
            found.append(f"{client.identity}: a gap in a connection's seq")
        on_log = {(unique_id, reply) for unique_id, _, _, reply in exchanges(records)}
        missing = [unique_id for unique_id, reply in client.answered.items() if (unique_id, reply) not in on_log]
        if missing:
            found.append(f"{client.identity}: answered and not on the log: {missing[:5]} ({len(missing)})")
    return found


def repeats(rows: list[Row]) -> int:
    """How many records stand on the log more than once."""
    numbered = [(row.envelope.conn, row.envelope.seq) for row in rows if row.envelope.conn is not None]
    return len(numbered) - len(set(numbered))
