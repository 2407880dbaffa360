"""Real Kafka and InfluxDB with our services beside them, started as a user starts them; a fleet to load them."""

import contextlib
import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from ops.clock import Clock, ClockSettings
from parts.influx import start_influx
from parts.kafka import start_kafka
from parts.processes import Process, free_port, spawn
from parts.service import Service
from tests.bench.edge.__main__ import load, load_generator
from tests.bench.machine import cpu_s

START_S = 120.0
DRAIN_S = 1800.0
PACED_S = 20
DATABASE = "sizing"


class Stack:
    """The services, none of them started. `edge_port` is where stations connect."""

    def __init__(self, folder: Path, bootstrap: str, influx_url: str, clock: Clock) -> None:
        self._folder = folder
        self._env = {**clock.environment(), "KAFKA_BOOTSTRAP": bootstrap}
        self._wsload = load_generator(folder)
        self.edge_port = free_port()
        listen = ("--listen", f"127.0.0.1:{self.edge_port}", "--node", "edge-1")
        store = ("--store", "influxdb", "--influx-url", influx_url, "--influx-bucket", DATABASE)
        self.edge = Service(folder, "edge", listen, self._env)
        self.streams = Service(folder, "streams", (), self._env)
        self.sink = Service(folder, "sink", store, self._env)
        self._others: list[Process] = []

    def started(self, service: Service) -> float:
        """Start a service, and wait until it is ready and has nothing left to do; its CPU so far, in seconds."""
        service.start(timeout=START_S)
        if service is not self.edge:
            self.wait_drained(service)
        return cpu_s(service.process.pid)

    def wait_drained(self, service: Service) -> None:
        """Return when a stream worker or a sink has caught up, but for the ticks of the last second."""
        service.process.wait_until(lambda: self._caught_up(service), DRAIN_S, every=0.1)

    def fleet(self, prefix: str, stations: int, seconds: float) -> Process:
        """`voltstream simulate`: stations that charge and behave, for so long."""
        flags = {"stations": stations, "seconds": seconds, "id-prefix": prefix, "misbehave": "none"}
        target = f"ws://127.0.0.1:{self.edge_port}/ocpp"
        command = [sys.executable, "-m", "voltstream", "simulate", "--target", target]
        command += [f"--{name}={value}" for name, value in flags.items()]
        return self._spawn(command, f"fleet-{prefix}")

    @contextlib.contextmanager
    def idle_stations(self, connections: int) -> Iterator[None]:
        """So many stations, connected, that say nothing."""
        options = {"port": self.edge_port, "n": connections, "mode": "idle", "hold": 600}
        command = [self._wsload, *(f"{name}={value}" for name, value in options.items())]
        process = self._spawn(command, "wsload")
        try:
            process.wait_until(lambda: self.edge.metrics()["voltstream_edge_connections"] >= connections, START_S)
            yield
        finally:
            process.kill()

    def paced_us(self, rate: int) -> float:
        """The edge's CPU a message in microseconds, with so many a second from as many stations."""
        options = {"port": self.edge_port, "n": rate, "pid": self.edge.process.pid, "mode": "paced", "rate": rate}
        return load(self._wsload, {**options, "warm": 3, "dur": PACED_S})["cpu_us"]

    def shown(self, service: Service, metric: str) -> float:
        """As `counted`, once it is more than nothing: a gauge that is set every few seconds."""
        service.process.wait_until(lambda: self.counted(service, metric) > 0, START_S)
        return self.counted(service, metric)

    def counted(self, service: Service, metric: str) -> float:
        """A metric of the service, summed over its labels."""
        found = service.metrics()
        return sum(value for name, value in found.items() if name.partition("{")[0] == metric)

    def close(self) -> None:
        for process in self._others:
            process.kill()
        for service in (self.edge, self.streams, self.sink):
            with contextlib.suppress(AssertionError):  # it was never started
                service.kill()

    def _caught_up(self, service: Service) -> bool:
        if not service.ready():
            return False
        with urllib.request.urlopen(f"http://{service.http}/lag", timeout=10) as answer:
            lag = json.load(answer)["lag"]
        return lag is not None and lag <= 12

    def _spawn(self, command: list[str], name: str) -> Process:
        process = spawn(command, log=self._folder / f"{name}.log", env=self._env, cwd=self._folder)
        self._others.append(process)
        return process


def wait_ended(process: Process, seconds: float) -> None:
    """Wait for a fleet's end. SystemExit with its last lines where it was not served as it should be."""
    try:
        status = process.wait(seconds)
    except subprocess.TimeoutExpired:
        status = -1
    if status:
        raise SystemExit(f"the fleet ended with {status}:\n{process.tail()}")


@contextlib.contextmanager
def started(folder: Path, speed: float) -> Iterator[Stack]:
    """An empty stack; everything is killed at the end. Raises PartMissing."""
    clock = Clock.from_settings(ClockSettings(origin=None, anchor=None, speed=speed))
    with start_kafka() as kafka, start_influx() as influx:
        stack = Stack(folder, kafka.bootstrap, influx.url, clock)
        try:
            yield stack
        finally:
            stack.close()
