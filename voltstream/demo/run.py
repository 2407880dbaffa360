"""The demo's course: start everything, let the fleet charge, let the lag drain, compare, tell."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import aiohttp
import msgspec
from confluent_kafka import Producer

from contracts.times import SECOND
from ops.clock import Clock
from ops.flags import load
from ops.logs import LogSettings
from ops.service import EXIT_INTERRUPTED, begin_log, finish, guarded, stop_requested
from simulator import truth as truths
from simulator.journal import read_journal
from voltstream.demo import store
from voltstream.demo.children import Child, ChildDiedError, Children, free_addresses
from voltstream.demo.drain import drained
from voltstream.demo.folder import JOURNAL, STORE, TRUTH, run_folder
from voltstream.demo.report import Progress, dead_letters
from voltstream.demo.settings import DemoSettings
from voltstream.demo.tail import Tail
from voltstream.demo.verdict import judge

_EMBEDDED_PARTITIONS = 4  # librdkafka's in-process broker has no other number
_SERVICES = ("edge", "streams", "sink", "live")
_POLL_S = 0.25
_DRAIN_S = 300.0


def main(name: str, summary: str, arguments: Sequence[str]) -> int:
    """`voltstream demo`: 0 where everything derived equals the truth, 1 where anything differs or a process died."""
    return guarded(name, lambda: _main(name, summary, arguments))


def _main(name: str, summary: str, arguments: Sequence[str]) -> int:
    loaded = load(f"voltstream {name}", summary, (DemoSettings, LogSettings), arguments)
    begin_log(loaded, name)
    return finish(_run(loaded[DemoSettings]))


async def _run(settings: DemoSettings) -> int:
    with run_folder(settings) as folder, _broker(settings) as bootstrap:
        demo = Demo(settings, folder, bootstrap)
        stop = stop_requested(demo.say.close)
        try:
            return await demo.run(stop)
        except ChildDiedError as error:
            if stop.is_set():  # Ctrl-C in a terminal is heard by all of them
                return EXIT_INTERRUPTED
            print(f"\n{error}", file=sys.stderr)
            return 1
        finally:
            demo.children.stop()


@contextlib.contextmanager
def _broker(settings: DemoSettings) -> Iterator[str]:
    """A real Kafka's address, or the embedded broker's, which lives in this process."""
    if settings.bootstrap is not None:
        yield settings.bootstrap
        return
    owner = Producer({"bootstrap.servers": "ignored", "test.mock.num.brokers": 1, "log_level": 3})
    yield ",".join(f"{broker.host}:{broker.port}" for broker in owner.list_topics(timeout=10).brokers.values())
    del owner


class Demo:
    """One run."""

    def __init__(self, settings: DemoSettings, folder: Path, bootstrap: str) -> None:
        self.settings, self.folder, self.bootstrap = settings, folder, bootstrap
        self.say = Progress(quiet=settings.json_only)
        self.embedded = settings.bootstrap is None
        self.partitions = _EMBEDDED_PARTITIONS if self.embedded else settings.partitions
        # On a broker that outlives the run, each run has topics and a database of its own.
        self.prefix = "ocpp." if self.embedded else f"demo-{int(time.time())}."
        self.database = self.prefix.rstrip(".").replace("-", "_")
        self.listen, page, *http = free_addresses(2 + len(_SERVICES))
        self.page = f"127.0.0.1:{settings.listen}" if settings.listen else page
        self.addresses = dict(zip(_SERVICES, http, strict=True))
        system = Clock.system()
        # The run ends about now on its own clock, so that what it shows lies in the past of who looks at it.
        length_us = int(settings.seconds * settings.speed * SECOND)
        clock = Clock(system.now_us() - length_us, system.now_us(), settings.speed, system.now_us())
        environment = {
            **clock.environment(),
            "KAFKA_BOOTSTRAP": bootstrap,
            "KAFKA_PARTITIONS": str(self.partitions),
            "KAFKA_TOPIC_PREFIX": self.prefix,
            "KAFKA_CHECK_CRCS": str(not self.embedded).lower(),
        }
        self.children = Children(folder, environment)

    def start_services(self) -> None:
        """The same commands an operator starts."""
        at = self.addresses
        self.children.start("edge", "--listen", self.listen, "--http", at["edge"], "--node", "edge-1")
        self.children.start("streams", "--http", at["streams"], "--pause-ms", "0" if self.embedded else "100")
        if self.settings.influx is None:
            self.children.start("sink", "--http", at["sink"], "--duckdb-path", str(self.folder / STORE))
        else:
            where = ("--store", "influxdb", "--influx-url", self.settings.influx, "--influx-bucket", self.database)
            self.children.start("sink", "--http", at["sink"], *where)
        self.children.start("live", "--listen", self.page, "--http", at["live"])

    def start_fleet(self) -> Child:
        settings = self.settings
        return self.children.start(
            "simulate",
            "--target", f"ws://{self.listen}/ocpp",
            "--stations", str(settings.stations),
            "--seed", str(settings.seed),
            "--seconds", str(settings.seconds),
            "--misbehave", ",".join(settings.misbehave),
            "--truth", str(self.folder / TRUTH),
            "--journal", str(self.folder / JOURNAL),
            service=False,
        )  # fmt: skip

    async def run(self, stop: asyncio.Event) -> int:
        say = self.say
        async with _session() as http:
            say.line(f"starting edge, streams, sink and live page (logs in {self.folder})")
            self.start_services()
            await self.children.ready(http, self.addresses)
            tail = Tail(self.bootstrap, self.prefix, self.partitions)
            tail.start()
            say.line(f"live page: http://{self.page}/")
            fleet = self.start_fleet()
            try:
                if not await self._charge(fleet, say, tail, stop):
                    return EXIT_INTERRUPTED
                await self._drain(http, say)
            finally:
                fleet.stop(60.0)
                tail.stop()
            status = await self._tell(http, tail, say)
            if self.settings.keep:
                say.line(f"still running; the live page is at http://{self.page}/ (Ctrl-C ends)")
                if self.settings.influx is None:
                    sql = '{"sql": "SELECT * FROM sessions_latest LIMIT 5"}'
                    url = f"http://{self.addresses['sink']}/query"
                    say.line(f"ask the store: curl -H 'Content-Type: application/json' -d '{sql}' {url}")
                await stop.wait()
            return status

    async def _charge(self, fleet: Child, say: Progress, tail: Tail, stop: asyncio.Event) -> bool:
        """Until the fleet has stopped its sessions and gone home. False where we were asked to stop."""
        began = time.monotonic()
        while fleet.running and not stop.is_set():
            self.children.check()
            say.progress(time.monotonic() - began, self.settings.seconds, tail.messages)
            await asyncio.sleep(_POLL_S)
        if stop.is_set():
            return False
        if fleet.process.returncode != 0:
            raise fleet.died()
        return True

    async def _drain(self, http: aiohttp.ClientSession, say: Progress) -> None:
        """Until the stream worker and the sink have nothing left to do."""
        say.line("the fleet is done; draining")
        lagging = [self.addresses[name] for name in ("streams", "sink")]
        await drained(http, lagging, self.partitions, self.children.check, _DRAIN_S)

    async def _tell(self, http: aiohttp.ClientSession, tail: Tail, say: Progress) -> int:
        if self.settings.influx is None:
            sessions, alarms = await store.from_duckdb(http, self.addresses["sink"])
        else:
            sessions, alarms = await store.from_influx(http, self.settings.influx, self.database)
        verdict = judge(
            truths.read(self.folder / TRUTH),
            read_journal(self.folder / JOURNAL),
            sessions,
            alarms,
            messages=tail.messages,
            recorded=tail.recorded,
            seen_ns=tail.seen_ns,
        )
        say.line("")
        say.line(verdict.table)
        for line in dead_letters(tail.dead_letters):
            say.line(line)
        for difference in verdict.differences:
            print(difference, file=sys.stderr)
        print(msgspec.json.encode(verdict.summary).decode(), flush=True)
        return 1 if verdict.differences else 0


@contextlib.asynccontextmanager
async def _session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as http:
        yield http
