"""Stations that charge at one edge or another, and what was derived of them; for runs with several edges on one log.

async with Station("A-01") as station:
    await station.charge_at(edge_a)       # connected, a session begun
    ...                                   # its readings go on by themselves; it notices when the edge is gone
    await station.move_to(edge_b)         # the session goes on there
    await station.stop()                  # the session is over; the station stays connected
"""

import asyncio
import contextlib
import json
import time
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from confluent_kafka import Consumer, TopicPartition
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from contracts.events import Alarm, Session, StationStatus
from contracts.times import rfc3339, rfc3339_ms
from contracts.topics import Name
from edge_process import Edge
from parts.handles import Broker

WH_A_READING = 100


class Station:
    """A 1.6 station with one connector and one session. Its times are the system's, its energy whole Wh."""

    def __init__(self, identity: str, *, reading_s: float = 5.0) -> None:
        self.identity, self.name = identity, f"default/{identity}"
        self.wh = 0
        self.started_at: str | None = None
        self.ended_at: str | None = None
        self._reading_s = reading_s
        self._transaction: int | None = None
        self._socket: ClientConnection | None = None
        self._charging: asyncio.Task[None] | None = None
        self._enough = asyncio.Event()
        self._calls = 0

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()

    @property
    def transaction(self) -> str:
        return str(self._transaction)

    async def charge_at(self, edge: Edge) -> None:
        """Connect, boot, begin a session; readings follow until the socket is gone."""
        await self._connect(edge)
        await self._call("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"})
        self.started_at = _now()
        start = {"connectorId": 1, "idTag": "TAG", "meterStart": 0, "timestamp": self.started_at}
        self._transaction = (await self._call("StartTransaction", start))["transactionId"]
        await self._call("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Charging"})
        self._charging = asyncio.create_task(self._read_for_ever())

    async def move_to(self, edge: Edge) -> None:
        """Whatever became of the old socket: go on at this edge."""
        await self._leave()
        await self._connect(edge)
        self._charging = asyncio.create_task(self._read_for_ever())

    async def stop(self) -> None:
        """End the session. The socket stays open."""
        await self._end_readings()
        self.ended_at = _now()
        stop = {"transactionId": self._transaction, "meterStop": self.wh, "timestamp": self.ended_at}
        await self._call("StopTransaction", stop)

    async def _connect(self, edge: Edge) -> None:
        self._socket = await edge.connect(self.identity)

    async def _read_for_ever(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            while not await self._is_enough():
                self.wh += WH_A_READING
                value = {"timestamp": _now(), "sampledValue": [{"value": str(self.wh)}]}
                payload = {"connectorId": 1, "transactionId": self._transaction, "meterValue": [value]}
                await self._call("MeterValues", payload)

    async def _is_enough(self) -> bool:
        """False after the time between two readings."""
        try:
            await asyncio.wait_for(self._enough.wait(), self._reading_s)
        except TimeoutError:
            return False
        return True

    async def _call(self, action: str, payload: dict[str, Any]) -> dict[str, Any]:
        """The answer's payload. Raises ConnectionClosed."""
        assert self._socket is not None
        self._calls += 1
        await self._socket.send(json.dumps([2, f"{self.identity}-{self._calls}", action, payload]))
        kind, _, *rest = json.loads(await asyncio.wait_for(self._socket.recv(), 60))
        assert kind == 3, rest
        answer: dict[str, Any] = rest[0]
        return answer

    async def _end_readings(self) -> None:
        """The one under way gets its answer first."""
        if self._charging is not None:
            self._enough.set()
            await self._charging
            self._enough.clear()

    async def _leave(self) -> None:
        await self._end_readings()
        if self._socket is not None:
            await self._socket.close()


def clock_off_by(us: int) -> dict[str, str]:
    """The settings of a clock at speed 1 that is wrong by so much."""
    now_us = time.time_ns() // 1000
    return {"CLOCK_ORIGIN": rfc3339(now_us + us), "CLOCK_ANCHOR": rfc3339(now_us), "CLOCK_SPEED": "1"}


def _now() -> str:
    return rfc3339_ms(time.time_ns() // 1000)


Event = TypeVar("Event", Alarm, Session)


def alarms(broker: Broker) -> list[Alarm]:
    """Every episode, as it was published last, in order of its time."""
    return sorted(_latest(broker, Name.ALARMS, Alarm), key=lambda alarm: (alarm.raised_at, alarm.alarm_key))


def sessions(broker: Broker) -> dict[str, Session]:
    """By station: its only session."""
    found = [one for one in _latest(broker, Name.SESSIONS, Session) if one.state != "void"]
    by_station = {one.station: one for one in found}
    assert len(by_station) == len(found), found
    return by_station


def station_statuses(broker: Broker) -> dict[str, list[StationStatus]]:
    """By station: all its own status records, in order."""
    found: dict[str, list[StationStatus]] = {}
    for key, value in _values(broker, Name.STATUS):
        if key.endswith(b"/0/0"):  # a connector's stands beside it
            status = msgspec.json.decode(value, type=StationStatus)
            found.setdefault(status.station, []).append(status)
    return found


def _latest(broker: Broker, name: Name, kind: type[Event]) -> list[Event]:
    latest: dict[bytes, Event] = {}
    for key, value in _values(broker, name):
        event = msgspec.json.decode(value, type=kind)
        known = latest.get(key)
        if known is None or (event.log, event.revision) >= (known.log, known.revision):
            latest[key] = event
    return list(latest.values())


def _values(broker: Broker, name: Name) -> list[tuple[bytes, bytes]]:
    """(key, value) of all that is committed there now, a partition after the other."""
    settings = {"bootstrap.servers": broker.bootstrap, "group.id": "t", "enable.auto.commit": False, "log_level": 2}
    consumer = Consumer({**settings, "isolation.level": "read_committed", "enable.partition.eof": True})
    found = []
    try:
        for number in range(broker.partitions):
            consumer.assign([TopicPartition(broker.prefix + name, number, 0)])
            while (message := consumer.poll(10)) is not None and message.error() is None:
                found.append((message.key() or b"", message.value() or b""))
            assert message is not None, "Kafka does not answer"
    finally:
        consumer.close()
    return found
