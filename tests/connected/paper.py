"""An edge whose log is a sheet of paper: real sockets, a real writer, and a Kafka that answers when it is told to.

async with paper_edge(queue_frames=2) as edge:
    station = await edge.connect("CP1")
    await station.send(HEARTBEAT)
    await edge.log.answer_all()
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from contracts.envelope import Envelope, decode
from edge.hold import Hold
from edge.node import Node
from edge.service import refused
from edge.settings import EdgeSettings
from edge.visitor import Visitor
from edge.writer import Writer
from ops.clock import Clock
from ops.group_commit import Closed, Full, Submission, TooLarge
from ops.group_commit.submission import Record
from ops.health import Readiness
from ops.kafka import KafkaSettings

BOOT = '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
HEARTBEAT = '[2,"2","Heartbeat",{}]'
PARTITIONS = 4


@dataclass
class PaperCommit:
    """Stands where the group commit stands."""

    prompt: bool = False
    """Answer at once."""
    capacity: int = 1_000_000
    largest: int = 1_000_000
    """Bytes of the largest record."""
    aways: dict[int, float] = field(default_factory=dict)
    """Partition -> age of its oldest record, of those that are away."""
    ages: dict[int, float] = field(default_factory=dict)
    """Likewise, of those that answer."""
    waiting: list[tuple[int, Submission]] = field(default_factory=list)
    written: list[tuple[int, bytes | None, Envelope]] = field(default_factory=list)
    ticks: list[tuple[int, bytes, Envelope]] = field(default_factory=list)
    closed: bool = False

    def submit(
        self, partition: int, records: Sequence[Record], done: Callable[[], None] | None, owner: object = None
    ) -> None:
        if self.closed:
            raise Closed("paper")
        if any(len(value) > self.largest for _, value in records):
            raise TooLarge("paper")
        if len(self.waiting) >= self.capacity:
            raise Full("paper")
        self.waiting.append((partition, Submission(records, 0, 0.0, done, owner)))
        if self.prompt:
            asyncio.get_running_loop().call_soon(self.answer)

    def replace(self, partition: int, name: str, key: bytes, value: bytes) -> None:
        assert name == "tick"
        self.ticks.append((partition, key, decode(value)))

    def answer(self) -> None:
        """The oldest submission is on the log now."""
        if self.waiting:
            partition, submission = self.waiting.pop(0)
            self.written += [(partition, key, decode(value)) for key, value in submission.records]
            if submission.done is not None:
                submission.done()

    def answer_all(self) -> None:
        """What waits now is on the log; what comes of that waits for the next time."""
        for _ in range(len(self.waiting)):
            self.answer()

    def refuse(self) -> None:
        """Kafka takes the oldest submission never; what takes its place goes first."""
        partition, submission = self.waiting.pop(0)
        if instead := refused(submission, ValueError("paper")):
            self.waiting.insert(0, (partition, Submission(instead, 0, 0.0)))

    def away(self, partition: int) -> bool:
        return partition in self.aways

    def away_count(self) -> int:
        return len(self.aways)

    def oldest_unacked_age(self, partition: int) -> float:
        return self.aways.get(partition, 0.0) or self.ages.get(partition, 0.0)

    def unacknowledged(self) -> int:
        return len(self.waiting)

    def waiting_bytes(self) -> int:
        return sum(len(value) for _, submission in self.waiting for _, value in submission.records)

    async def close(self, deadline_s: float) -> int:
        assert deadline_s >= 0
        self.closed, end = True, monotonic() + deadline_s
        while self.waiting and monotonic() < end:
            if self.prompt:
                self.answer()
            await asyncio.sleep(0.005)
        return len(self.waiting)


class PaperEdge:
    """Listening. `records` is what stands on the log."""

    def __init__(self, settings: EdgeSettings) -> None:
        self.log = PaperCommit()
        self.readiness = Readiness()
        self.hold = Hold(self.readiness, PARTITIONS, settings.hold_max)
        kafka = KafkaSettings(partitions=PARTITIONS)
        writer = Writer(settings, kafka, refused, self.hold.changed)
        writer._commit, writer.submit, writer.is_open = self.log, self.log.submit, True  # type: ignore[assignment]
        self.node = Node("here:9000", settings, Clock.system(), writer, self.hold.behind)
        self.port = 0
        self.clients: list[ClientConnection] = []

    @property
    def records(self) -> list[Envelope]:
        return [envelope for _, _, envelope in self.log.written]

    def of(self, station: str) -> list[Envelope]:
        """The records of one station."""
        return [envelope for envelope in self.records if envelope.station == f"default/{station}"]

    async def connect(
        self, identity: str = "CP1", *subprotocols: str, compression: str | None = None
    ) -> ClientConnection:
        """A station, by websockets' own client."""
        offered = [Subprotocol(name) for name in subprotocols or ("ocpp1.6",)]
        uri = f"ws://127.0.0.1:{self.port}/ocpp/{identity}"
        station = await connect(
            uri, subprotocols=offered, compression=compression, proxy=None, ping_interval=None, max_size=None
        )
        self.clients.append(station)
        return station

    async def raw(self, text: str | bytes) -> bytes:
        """What a client gets that sends these bytes, until the edge closes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(text.encode() if isinstance(text, str) else text)
            return await asyncio.wait_for(reader.read(), 60)
        finally:
            writer.close()


@contextlib.asynccontextmanager
async def paper_edge(**settings: object) -> AsyncIterator[PaperEdge]:
    edge = PaperEdge(EdgeSettings.model_validate(settings))
    server = await asyncio.get_running_loop().create_server(lambda: Visitor(edge.node), "127.0.0.1", 0)
    edge.port = server.sockets[0].getsockname()[1]
    try:
        yield edge
    finally:
        server.close()
        for station in edge.node.stations:
            station.close(1001, "the test is over")
        for visitor in list(edge.node.visitors):
            visitor.give_up("the test is over")
        for client in edge.clients:
            client.transport.abort()
            await client.wait_closed()


async def until(true: Callable[[], object], timeout: float = 60.0) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(timeout):
        while not true():
            await asyncio.sleep(0.005)


async def close_code(station: ClientConnection) -> int | None:
    """The code with which the edge closes; replies before that are passed over."""
    with contextlib.suppress(ConnectionClosed):
        while True:
            await asyncio.wait_for(station.recv(), 60)
    return station.close_code
