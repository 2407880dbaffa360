"""/healthz, /readyz and /metrics of a service, on a port of its own.

`/healthz` answers while the event loop turns. `/readyz` is 200 while nothing speaks against it, else 503 with every
reason. `/metrics` is Prometheus text of the service's own registry. A service may add routes of its own to the same
application.
"""

import asyncio
import errno
import logging
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from ops.loop_lag import measure_loop_lag
from ops.metrics.registry import ServiceRegistry
from ops.settings import Address, Settings

log = logging.getLogger(__name__)


class Readiness:
    """What speaks against being ready: part -> reason. A part is one word (`kafka`, `state`), a reason a sentence."""

    def __init__(self) -> None:
        self._reasons: dict[str, str] = {}

    @property
    def ready(self) -> bool:
        return not self._reasons

    @property
    def reasons(self) -> dict[str, str]:
        return dict(self._reasons)

    def blocked(self, part: str, reason: str) -> None:
        """`part` is not ready, and why. Logged when the reason changes, so it may be called as often as one likes."""
        if self._reasons.get(part) != reason:
            self._reasons[part] = reason
            log.warning("not ready", extra={"part": part, "reason": reason})

    def clear(self, part: str) -> None:
        """Nothing speaks against `part` any more."""
        if self._reasons.pop(part, None) is not None:
            log.info("ready again" if self._reasons else "ready", extra={"part": part})


def health_routes(readiness: Readiness, registry: CollectorRegistry) -> Iterable[web.RouteDef]:
    """The three routes every service has."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(_: web.Request) -> web.Response:
        return web.json_response(
            {"ready": readiness.ready, "reasons": readiness.reasons}, status=200 if readiness.ready else 503
        )

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", metrics)]


class HttpServer:
    """A service's own HTTP port, as an async context: `async with HttpServer(readiness, settings, REGISTRY): ...`

    While it serves it measures the event loop's lag, which is one of the registry's metrics.
    `settings` and `field` say which setting holds the address, so that a port in use is told by its variable's name.
    """

    def __init__(
        self,
        readiness: Readiness,
        settings: Settings,
        registry: ServiceRegistry,
        field: str = "http",
        routes: Iterable[web.AbstractRouteDef] = (),
    ) -> None:
        self.settings, self.field = settings, field
        self.app = web.Application()
        self.app.add_routes([*health_routes(readiness, registry), *routes])
        self.address: Address = getattr(settings, field)
        """Where it listens; once started, with the port that the system chose for port 0."""
        self._runner = web.AppRunner(self.app, access_log=None, shutdown_timeout=1.0)
        self._loop_lag = registry.loop_lag
        self._measuring: asyncio.Task[None]

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.address.host, self.address.port)
        try:
            await site.start()
        except OSError as error:
            await self._runner.cleanup()
            raise self.settings.wrong(self.field, why_not_listening(self.address, error)) from error
        host, port = self._runner.addresses[0][:2]
        self.address = Address(host, port)
        self._measuring = asyncio.create_task(measure_loop_lag(self._loop_lag))
        log.info("health and metrics", extra={"http": str(self.address)})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._measuring.cancel()
        await self._runner.cleanup()


def why_not_listening(address: Address, error: OSError) -> str:
    """What to tell the operator when a socket cannot be bound."""
    if error.errno == errno.EADDRINUSE:
        return f"{address} is in use by another process; a free address is wanted"
    return f"cannot listen on {address}: {error.strerror or error}"
