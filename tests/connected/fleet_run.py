"""A simulated fleet through the real pipeline into real InfluxDBs, and what the board Fleet says of it, twice.

The first time in the middle: as soon as stations are offline, faulted and charging at once the simulator is stopped
(SIGSTOP), so that what is true stays true while all is drained and asked. The second time when the fleet is done. The
clock runs twenty times as fast as the day; the day is a fixed one.
"""

import asyncio
import contextlib
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp
import msgspec
from confluent_kafka import Consumer, KafkaError, TopicPartition

from contracts.events import Alarm, Derived, Sample
from contracts.times import MINUTE, SECOND, from_rfc3339
from edge_log import Row as LogRow
from edge_log import log_of
from edge_process import start_edge
from grafana_queries import Range, read_board
from ops.clock import Clock
from parts.handles import Broker, Database
from parts.influx import Row
from parts.processes import spawn
from parts.service import start_service
from simulator import truth as truths
from simulator.truth import Truth
from voltstream.demo.drain import drained

BEGIN = "2026-03-10T08:00:00Z"
SPEED = 20.0
STATIONS, SECONDS = 30, 100
QUARTER = 15 * MINUTE
# A station with a wrong clock dates its states by it: what the board says of it is as wrong as its clock.
MISBEHAVIOURS = "offline-replay,power-loss-resume,abrupt-close,long-outage,meter-reset,kwh-registers,batched-readings"
PAUSE_WANTED = ("Offline", "Faulted", "Charging")

FLEET, PIPELINE = read_board("fleet"), read_board("pipeline")
NUMBERS = [panel["title"] for panel in PIPELINE.panels if panel["type"] == "stat"]

Answers = Mapping[tuple[str, str], list[Row]]
"""By a panel's title and a query's letter."""
Record = TypeVar("Record", bound=Derived)


@dataclass(frozen=True)
class Asked:
    """What a board's queries gave in one store, and the clock's time before and after, in microseconds."""

    within: Range
    before_us: int
    after_us: int
    answers: Answers
    charging: Mapping[str, float | None]
    """The number Charging with only one station chosen, by station."""
    pipeline: Mapping[str, float | None]
    """The numbers of Pipeline health, by panel, as soon as its ticks said what the board Fleet says."""

    def rows(self, panel: str, ref: str = "A") -> list[Row]:
        return self.answers[panel, ref]

    def number(self, panel: str) -> float | None:
        """As Board.number."""
        values = [value for row in self.rows(panel) for name, value in row.items() if name != "time"]
        value = values[0] if values else None
        assert value is None or isinstance(value, int | float)
        return value


@dataclass(frozen=True)
class FleetRun:
    """What was true, what was derived, and what the board said of it in each store."""

    truth: Truth
    paused_us: int
    """The clock's time when the simulator was stopped: what it knew by then it had said, or was about to."""
    resumed_us: int
    messages: list[LogRow]
    samples: list[Sample]
    alarms: dict[str, Alarm]
    """By their id, the newest version."""
    amid: Mapping[str, Asked]
    after: Mapping[str, Asked]


def run_fleet(broker: Broker, stores: Mapping[str, Database], folder: Path) -> FleetRun:
    """All of it, which takes three minutes."""
    began_us, system = from_rfc3339(BEGIN), Clock.system()
    clock = Clock(began_us, system.now_us(), SPEED, system.now_us())
    env = {**broker.env, **clock.environment()}
    with contextlib.ExitStack() as at_end:
        edge = at_end.enter_context(start_edge(broker, "--node", "edge-1", **clock.environment()))
        streams = at_end.enter_context(start_service("streams", env=env, folder=folder))
        sinks = [
            at_end.enter_context(start_service("sink", env={**env, **_sink(name, database)}))
            for name, database in stores.items()
        ]
        lagging = [streams.http, *(sink.http for sink in sinks)]

        def ask_all() -> dict[str, Asked]:
            asyncio.run(_drained(lagging, broker.partitions))
            return {name: ask(database, clock, began_us) for name, database in stores.items()}

        truth = folder / "truth.jsonl"
        command = [sys.executable, "-m", "voltstream", "simulate", "--target", f"ws://127.0.0.1:{edge.port}/ocpp"]
        command += ["--stations", str(STATIONS), "--seconds", str(SECONDS), "--misbehave", MISBEHAVIOURS]
        command += ["--readings", "60-120", "--mix", "1.6=3,2.0.1=1,2.1=1"]
        command += ["--truth", str(truth)]
        fleet = spawn(command, log=folder / "simulate.log", env=env, cwd=folder)
        first = next(iter(stores.values()))

        def interesting() -> bool:
            assert fleet.alive, "the fleet never did what the test wants to see: " + fleet.tail(20)
            within = Range(began_us // 1000, clock.now_us() // 1000)
            shown = {panel: FLEET.number(panel, first, within) or 0 for panel in ("Stations up", *PAUSE_WANTED)}
            return all(shown.values()) and shown["Stations up"] + shown["Offline"] == STATIONS

        try:
            until(interesting, SECONDS)
            fleet.pause()
            paused_us = clock.now_us()
            amid = ask_all()
            resumed_us = clock.now_us()
            fleet.resume()
            until(lambda: not fleet.alive, SECONDS + 60)
            assert fleet.returncode == 0, fleet.tail(20)
            # A quarter-hour under way is published once a minute, and whole when it is over.
            over_us = (clock.now_us() // QUARTER + 1) * QUARTER + 2 * MINUTE
            until(lambda: clock.now_us() > over_us, (over_us - clock.now_us()) / SECOND)
            after = ask_all()
        finally:
            fleet.kill()
        alarms: dict[str, Alarm] = {}
        for alarm in read_records(broker, "alarms", Alarm):
            known = alarms.setdefault(alarm.alarm_id, alarm)
            if alarm.revision > known.revision:
                alarms[alarm.alarm_id] = alarm
        samples = read_records(broker, "samples", Sample)
        return FleetRun(truths.read(truth), paused_us, resumed_us, log_of(broker), samples, alarms, amid, after)


def ask(database: Database, clock: Clock, began_us: int) -> Asked:
    """Every query of the board, up to now by the clock."""
    before_us = clock.now_us()
    within = Range(began_us // 1000, before_us // 1000)
    answers = {(each.panel, each.ref): FLEET.ask(each.panel, database, within, each.ref) for each in FLEET.targets()}
    stations = FLEET.options("station", database, within)
    charging = {each: FLEET.choosing(station=each).number("Charging", database, within) for each in stations}
    after_us = clock.now_us()
    up, numbers = FLEET.number("Stations up", database, within), dict[str, float | None]()

    def ticks_agree() -> bool:
        now = Range(began_us // 1000, clock.now_us() // 1000)
        numbers.update({panel: PIPELINE.number(panel, database, now) for panel in NUMBERS})
        return numbers["Connections"] == up and numbers["Sinks"] is not None

    until(ticks_agree, 60)
    return Asked(within, before_us, after_us, answers, charging, numbers)


def read_records(broker: Broker, name: str, record: type[Record]) -> list[Record]:
    """All committed records of a topic."""
    settings = {"bootstrap.servers": broker.bootstrap, "group.id": "test", "enable.auto.commit": False}
    consumer = Consumer({**settings, "enable.partition.eof": True, "isolation.level": "read_committed", "log_level": 2})
    decoder = msgspec.json.Decoder(record)
    found: list[Record] = []
    ended: set[int | None] = set()
    try:
        consumer.assign([TopicPartition(broker.prefix + name, number, 0) for number in range(broker.partitions)])
        while len(ended) < broker.partitions:
            message = consumer.poll(30)
            assert message is not None, f"{name} cannot be read to its end"
            error = message.error()
            if error is None:
                found.append(decoder.decode(message.value() or b""))
                continue
            assert error.code() == KafkaError._PARTITION_EOF, error
            ended.add(message.partition())
        return found
    finally:
        consumer.close()


def until(condition: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited for {seconds} s"
        time.sleep(0.1)


def _sink(name: str, database: Database) -> dict[str, str]:
    """The settings of the sink that writes to this store, as a group of its own."""
    api = {"SINK_INFLUX_API": "v2", "SINK_INFLUX_ORG": "voltstream"} if name == "influx2" else {}
    token = {"SINK_INFLUX_TOKEN": database.server.token} if database.server.token else {}
    where = {"SINK_STORE": "influxdb", "SINK_INFLUX_URL": database.url, "SINK_INFLUX_BUCKET": database.name}
    told = {"SINK_GROUP": f"{name}-{database.name}", "SINK_PIPELINE_S": "1"}
    return {**where, **api, **token, **told}


async def _drained(addresses: list[str], partitions: int) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as http:
        await drained(http, addresses, partitions, lambda: None, 120)
