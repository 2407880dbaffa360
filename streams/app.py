"""`voltstream streams`: settings, and the engine around the agents."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web
from pydantic import Field

from contracts.topics import DLQ_LIMIT, Name
from ops.clock import Clock
from ops.health import HttpServer, Readiness
from ops.kafka import KafkaSettings, client_options
from ops.lag import LagMeter
from ops.metrics.streams import REGISTRY
from ops.service import stop_requested
from ops.settings import Address, HostPort, Settings, settings_config
from ops.topics import ensure_topics
from streams.counting import Counting, show
from streams.engine.engine import Engine
from streams.engine.process import Ending, end
from streams.engine.settings import EngineSettings
from streams.messages import MessagesAgent

log = logging.getLogger(__name__)


class StreamsSettings(Settings):
    """Stream worker"""

    model_config = settings_config("STREAMS_")

    pause_ms: int = Field(
        100, ge=0, le=60_000, description="Milliseconds between two batches of a partition; 0 on the embedded broker."
    )
    batch_records: int = Field(1000, ge=1, le=100_000, description="Records of a partition that are folded at a time.")
    session_timeout_s: float = Field(10.0, ge=1, description="Seconds of silence after which a worker counts as dead.")
    http: HostPort = Field(Address("127.0.0.1", 9102), description="Where to serve health, metrics and the lag.")


async def run(settings: StreamsSettings, kafka: KafkaSettings, clock: Clock) -> int:
    """Until SIGTERM or SIGINT. Never returns: the engine ends the process, or replaces it."""
    stop, readiness = stop_requested(), Readiness()
    readiness.blocked("kafka", "not asked yet")
    ending = Ending()
    engines: list[Engine] = []
    async with HttpServer(readiness, settings, REGISTRY, routes=[web.get("/lag", _lag_route(engines))]):
        ensured = asyncio.create_task(ensure_topics(kafka, readiness))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({ensured, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if ensured.done():
            ensured.result()
            agents = [MessagesAgent(kafka.topic_prefix, kafka.log_epoch)]
            engines.append(Engine(agents, engine_settings(settings, kafka), readiness, Counting(clock)))
            gauges = asyncio.create_task(show(engines[0], LagMeter(kafka, "voltstream-streams-lag")))
            ending = await engines[0].run(stop)
            gauges.cancel()
        ensured.cancel()
    end(ending)


def engine_settings(settings: StreamsSettings, kafka: KafkaSettings) -> EngineSettings:
    """The engine's numbers."""
    return EngineSettings(
        group=f"{kafka.topic_prefix}streams",
        state_topic=kafka.topic(Name.STREAMS_STATE),
        log=kafka.log_epoch,
        client=client_options(kafka, "voltstream-streams"),
        check_crcs=kafka.check_crcs,
        pause_s=settings.pause_ms / 1000,
        batch_records=settings.batch_records,
        dead_letter_bytes=DLQ_LIMIT,
        session_timeout_s=settings.session_timeout_s,
        heartbeat_s=min(1.0, settings.session_timeout_s / 5),
    )


def _lag_route(engines: list[Engine]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def lag(_: web.Request) -> web.Response:
        """Records that wait for this worker, by topic/partition; null where that is not known yet."""
        views = engines[0].partitions() if engines else []
        partitions = {f"{view.topic}/{view.partition}": view.lag for view in views}
        known = [each for each in partitions.values() if each is not None]
        total = sum(known) if views and len(known) == len(views) else None
        return web.json_response({"lag": total, "partitions": partitions})

    return lag
