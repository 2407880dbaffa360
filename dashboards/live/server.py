"""`voltstream live`: the page, and the stream of what changes. Kafka is read once, however many browsers look."""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import msgspec
from aiohttp import web
from pydantic import Field

from contracts.topics import TOPICS
from dashboards.live.feed import READ, Feed
from dashboards.live.hub import Hub
from dashboards.live.views import AlarmPage, StationView, Totals
from ops.clock import Clock
from ops.health import HttpServer, Readiness, why_not_listening
from ops.kafka import KafkaSettings
from ops.metrics import live as metrics
from ops.service import stop_requested
from ops.settings import Address, HostPort, Settings, settings_config
from ops.topics import ensure_topics

log = logging.getLogger(__name__)

_PAGE = Path(__file__).parent / "page"
_INDEX = "index.html"
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_PAGE_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
QUIET_S = 20.0  # without a record, not even a node's tick: something is wrong before us


class LiveSettings(Settings):
    """Live page"""

    model_config = settings_config("LIVE_")

    listen: HostPort = Field(Address("127.0.0.1", 8080), description="Where browsers find the page.")
    http: HostPort = Field(Address("127.0.0.1", 9104), description="Where to serve health and metrics.")
    hours: float = Field(24.0, gt=0, description="How far back sessions are read at the start, in real hours.")
    tick_ms: int = Field(1000, ge=100, le=60_000, description="Milliseconds between what browsers are sent.")


class Message(msgspec.Struct, frozen=True):
    """The data of one server-sent event; of a snapshot all stations, of a delta those that changed.

    `now` is the clock's time in milliseconds since 1970, `speed` how fast it runs. `rate` is messages a second,
    `rates` one count for each second of the last minute. `alarms` is their first page, null where none changed.
    """

    now: int
    speed: float
    caught_up: bool
    quiet_s: float
    totals: Totals
    rate: float
    rates: list[int]
    stations: list[StationView]
    alarms: AlarmPage | None


async def run(settings: LiveSettings, kafka: KafkaSettings, clock: Clock) -> int:
    """Until SIGTERM or SIGINT. Raises ConfigurationError."""
    stop, readiness = stop_requested(), Readiness()
    readiness.blocked("kafka", "not asked yet")
    live = Live(settings, kafka, clock, readiness)
    async with HttpServer(readiness, settings, metrics.REGISTRY), live.served():
        working = asyncio.create_task(live.work())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        working.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await working
    return 0


class Live:
    """The page's server."""

    def __init__(self, settings: LiveSettings, kafka: KafkaSettings, clock: Clock, readiness: Readiness) -> None:
        self._settings, self._kafka, self._clock, self._readiness = settings, kafka, clock, readiness
        self._feed = Feed(kafka, settings.hours, readiness)
        self._hub = Hub(f"{clock.system_us():x}", self._snapshot)
        self._files = _files()

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """Listen while the context lasts."""
        app = web.Application()
        app.add_routes([web.get(path, self._file) for path in self._files])
        app.add_routes([web.get("/events", self._events), web.get("/alarms", self._alarms)])
        app.on_response_prepare.append(_add_headers)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        address = self._settings.listen
        try:
            await web.TCPSite(runner, address.host, address.port).start()
        except OSError as error:
            raise self._settings.wrong("listen", why_not_listening(address, error)) from error
        else:
            host, port = runner.addresses[0][:2]
            log.info("the live page", extra={"url": f"http://{Address(host, port)}/"})
            yield
        finally:
            await runner.cleanup()

    async def work(self) -> None:
        """Read Kafka, and tell the browsers what changed."""
        await ensure_topics(self._kafka, self._readiness, [TOPICS[name] for name in READ])
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feed.run())
            tasks.create_task(self._tell())

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(self._settings.tick_ms / 1000)
            stations, alarms = self._feed.fleet.take_changes()
            self._hub.publish(self._message(stations, alarms))
            metrics.BROWSERS.set(self._hub.browsers)
            metrics.STATIONS.set(len(self._feed.fleet.stations()))

    def _snapshot(self) -> bytes:
        return self._message(self._feed.fleet.stations(), self._feed.fleet.alarms())

    def _message(self, stations: list[StationView], alarms: AlarmPage | None) -> bytes:
        feed, now_s = self._feed, time.monotonic()
        quiet_s = now_s - feed.heard_s
        message = Message(
            now=self._clock.now_us() // 1000,
            speed=self._clock.speed,
            caught_up=feed.caught_up,
            quiet_s=quiet_s if quiet_s > QUIET_S else 0.0,
            totals=feed.fleet.totals(),
            rate=feed.rates.mean(now_s),
            rates=feed.rates.past(now_s),
            stations=stations,
            alarms=alarms,
        )
        return msgspec.json.encode(message)

    async def _file(self, request: web.Request) -> web.Response:
        body, kind = self._files[request.path]
        return web.Response(body=body, content_type=kind, charset="utf-8")

    async def _alarms(self, request: web.Request) -> web.Response:
        """Any page of the alarms, as JSON: the stream carries the first one only."""
        number = request.query.get("page", "1")
        if not _PAGE_NUMBER.fullmatch(number):
            raise web.HTTPBadRequest(text="page wants a number from 1 on")
        body = msgspec.json.encode(self._feed.fleet.alarms(int(number)))
        return web.Response(body=body, content_type="application/json")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n")
        with contextlib.suppress(ConnectionError):  # the browser went away
            async for message in self._hub.stream(request.headers.get("Last-Event-ID")):
                await response.write(message)
        return response


def _files() -> dict[str, tuple[bytes, str]]:
    """By path, each of the page's files and its kind."""
    found = {path.name: (path.read_bytes(), _KINDS[path.suffix]) for path in _PAGE.iterdir() if path.suffix in _KINDS}
    return {"/" if name == _INDEX else f"/{name}": file for name, file in found.items()}


async def _add_headers(_: web.Request, response: web.StreamResponse) -> None:
    headers: Mapping[str, str] = _HEADERS
    response.headers.update(headers)
