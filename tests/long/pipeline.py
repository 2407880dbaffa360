"""The whole pipeline on real Kafka and InfluxDB for a long run: its services, a fleet with its truth, and the verdict.

    with started(folder, clock, workers=2) as pipeline:
        fleet = pipeline.start_fleet("--stations", "200", "--seconds", "1800")
        while not fleet.ended:
            ...                              # kill pipeline.edge.service and start it again
        verdict = pipeline.verdict(incidents)

What was derived is read back from InfluxDB and compared as `voltstream demo` does it.
"""

import asyncio
import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import aiohttp
import msgspec

from ops.clock import Clock
from parts.influx import Influx, start_influx
from parts.kafka import Kafka, start_kafka
from parts.processes import Process, free_port, spawn
from parts.service import Service
from simulator import truth as truths
from simulator.incidents import Incident, with_incidents
from simulator.journal import Entry, read_journal
from simulator.truth import Truth
from voltstream.demo import store
from voltstream.demo.compare import DerivedAlarm, DerivedSession
from voltstream.demo.drain import drained
from voltstream.demo.report import dead_letters
from voltstream.demo.tail import Tail
from voltstream.demo.verdict import Verdict, judge

DATABASE = "run"
DRAIN_S = 600.0
_PREFIX = "ocpp."
_READY_S = 120.0
_COUNTERS = {
    "edge": "voltstream_edge_answered_total",
    "streams": "voltstream_streams_records_total",
    "sink": "voltstream_sink_records_total",
}


class Member:
    """A service of the pipeline, and its name in it."""

    def __init__(self, name: str, folder: Path, command: str, *flags: str, env: Mapping[str, str]) -> None:
        self.name = name
        home = folder / name
        home.mkdir()
        self.service = Service(home, command, flags, env)
        self.service.launch()

    def handled(self) -> int:
        """How many messages (an edge: CALLs) this process has handled since its start."""
        prefix = _COUNTERS[self.service.command]
        try:
            metrics = self.service.metrics()
        except OSError:  # it does not listen yet
            return 0
        return int(sum(value for name, value in metrics.items() if name.startswith(prefix)))

    def wait_ready(self) -> None:
        self.service.process.wait_until(self.service.ready, _READY_S)


class Fleet:
    """`voltstream simulate` against the edge, with its truth and its journal."""

    def __init__(self, folder: Path, target: str, flags: Iterable[str], env: Mapping[str, str]) -> None:
        self.truth_file, self.journal_file = folder / "truth.jsonl", folder / "journal.jsonl"
        command = [sys.executable, "-m", "voltstream", "simulate", "--target", target, *flags]
        command += ["--truth", str(self.truth_file), "--journal", str(self.journal_file)]
        self.process: Process = spawn(command, log=folder / "simulate.log", env=env, cwd=folder)

    @property
    def ended(self) -> bool:
        return not self.process.alive

    def truth(self) -> Truth:
        return truths.read(self.truth_file)

    def journal(self) -> list[Entry]:
        return read_journal(self.journal_file)


class Pipeline:
    """Everything that runs. `edge_port` is where its stations connect."""

    def __init__(self, folder: Path, kafka: Kafka, influx: Influx, clock: Clock, partitions: int, workers: int) -> None:
        self.folder, self.kafka, self.influx, self.clock, self.partitions = folder, kafka, influx, clock, partitions
        self.edge_port = free_port()
        self.env = {
            **clock.environment(),
            "KAFKA_BOOTSTRAP": kafka.bootstrap,
            "KAFKA_PARTITIONS": str(partitions),
            "KAFKA_TOPIC_PREFIX": _PREFIX,
        }
        listen = ("--listen", f"127.0.0.1:{self.edge_port}", "--node", "edge-1")
        where = ("--store", "influxdb", "--influx-url", influx.url, "--influx-bucket", DATABASE)
        self.edge = Member("edge", folder, "edge", *listen, env=self.env)
        self.workers = [Member(f"worker-{number + 1}", folder, "streams", env=self.env) for number in range(workers)]
        self.sink = Member("sink", folder, "sink", *where, env=self.env)
        self.tail: Tail | None = None
        self.alarms: list[DerivedAlarm] = []
        """What `verdict` has read back."""

    @property
    def members(self) -> list[Member]:
        return [self.edge, *self.workers, self.sink]

    def wait_ready(self) -> None:
        """Every service is ready, and the log is followed."""
        for member in self.members:
            member.wait_ready()
        self.tail = Tail(self.kafka.bootstrap, _PREFIX, self.partitions)
        self.tail.start()

    def start_fleet(self, *flags: str) -> Fleet:
        return Fleet(self.folder, f"ws://127.0.0.1:{self.edge_port}/ocpp", flags, self.env)

    @property
    def messages(self) -> int:
        """Frames on the log so far."""
        return 0 if self.tail is None else self.tail.messages

    def start_what_ended(self) -> list[str]:
        """Start again every service that has ended, as a supervisor would; which, and with what last line."""
        found = []
        for member in self.members:
            process = member.service.process
            if not process.alive:
                found.append(f"{member.name} ended with status {process.returncode}: {process.tail(1)}")
                member.service.launch()
        return found

    def verdict(self, fleet: Fleet, incidents: Iterable[Incident] = ()) -> tuple[Verdict, list[str]]:
        """When all is drained: what was derived against what was true; and why records are in the dead letters."""
        assert self.tail is not None
        sessions, self.alarms = asyncio.run(self._derived())
        self.tail.stop()
        found = judge(
            with_incidents(fleet.truth(), incidents),
            fleet.journal(),
            sessions,
            self.alarms,
            messages=self.tail.messages,
            recorded=self.tail.recorded,
            seen_ns=self.tail.seen_ns,
        )
        return found, dead_letters(self.tail.dead_letters)

    async def _derived(self) -> tuple[list[DerivedSession], list[DerivedAlarm]]:
        addresses = [member.service.http for member in (*self.workers, self.sink)]
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
            await drained(http, addresses, self.partitions, self._check, DRAIN_S)
            return await store.from_influx(http, self.influx.url, DATABASE)

    def _check(self) -> None:
        for line in self.start_what_ended():
            print(line, flush=True)

    def close(self) -> None:
        for member in self.members:
            member.service.kill()


@contextlib.contextmanager
def started(folder: Path, clock: Clock, *, partitions: int = 12, workers: int = 1) -> Iterator[Pipeline]:
    """All of it, ready; killed at the end. What the services write stays in `folder`. Raises PartMissing."""
    with start_kafka() as kafka, start_influx() as influx:
        pipeline = Pipeline(folder, kafka, influx, clock, partitions, workers)
        try:
            pipeline.wait_ready()
            yield pipeline
        finally:
            pipeline.close()


def tell(verdict: Verdict, letters: Iterable[str]) -> int:
    """Print it: the table, each difference, the summary as one JSON object; the exit status."""
    print(verdict.table)
    for line in letters:
        print(line)
    for alarm in verdict.uncertain:
        print(f"may be there: {alarm}")
    for difference in verdict.differences:
        print(f"DIFFERENCE {difference}")
    print(msgspec.json.encode(verdict.summary).decode())
    print("RIGHT" if not verdict.differences else f"WRONG: {len(verdict.differences)} differences", flush=True)
    return 1 if verdict.differences else 0
