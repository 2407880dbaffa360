"""`voltstream sink`: settings, and the parts put together."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Literal

from aiohttp import web
from pydantic import Field, SecretStr

from contracts.topics import TOPICS, Name
from ops.clock import Clock
from ops.files import check_writable
from ops.health import HttpServer, Readiness
from ops.kafka import KafkaSettings
from ops.metrics.sink import REGISTRY
from ops.service import stop_requested
from ops.settings import Address, HostPort
from ops.topics import ensure_topics
from sinks.consumer import Consumer, unless
from sinks.influx_settings import InfluxSettings
from sinks.pipeline.fleet import Fleet
from sinks.pipeline.report import report_for_ever
from sinks.progress import Progress
from sinks.records import READ
from sinks.store import Store

log = logging.getLogger(__name__)


NEEDED = (*READ, Name.DLQ, Name.MESSAGES)
"""The topics that a sink makes where they are missing; `messages` tells it of the edges and of the stream workers."""


class SinkSettings(InfluxSettings):
    """Sink"""

    store: Literal["duckdb", "influxdb"] = Field("duckdb", description="Where to write.")
    group: str | None = Field(
        None, title="NAME", description="The consumer group; the topics' prefix and sink-STORE by default."
    )
    name: str = Field(
        "", title="NAME", description="This sink's name in the measurement `pipeline`; host:port of --http by default."
    )
    pipeline_s: float = Field(
        15.0, ge=1, description="Real seconds between two points of the measurement `pipeline` (InfluxDB)."
    )
    batch_records: int = Field(5000, ge=1, le=100_000, description="Records that are written at a time, at most.")
    linger_ms: int = Field(250, ge=0, le=60_000, description="Milliseconds to gather a batch after its first record.")
    skip_cut: bool = Field(
        default=False, description="Go on where Kafka has deleted what was not written yet, instead of stopping."
    )
    drain_s: float = Field(8.0, ge=0, description="Seconds that the batch under way has when the process is stopped.")
    influx_token: SecretStr = Field(SecretStr(""), description="The token; with v1 user:password.")
    influx_create: bool = Field(default=True, description="Create the database where it is missing (v1).")
    duckdb_path: Path = Field(Path("voltstream.duckdb"), title="FILE", description="The DuckDB file; made if missing.")
    duckdb_memory_mb: int = Field(512, ge=64, description="Memory that DuckDB may use, in MB.")
    query_rows: int = Field(10_000, ge=1, description="Rows that POST /query gives at most (DuckDB).")
    query_s: float = Field(30.0, gt=0, description="Seconds that a query may take (DuckDB).")
    http: HostPort = Field(Address("127.0.0.1", 9103), description="Where to serve health, metrics and queries.")


async def run(settings: SinkSettings, kafka: KafkaSettings, clock: Clock) -> int:
    """Until SIGTERM or SIGINT. Raises ConfigurationError and LogContradictionError, each with a sentence."""
    stop, readiness = stop_requested(), Readiness()
    store, routes = store_of(settings)
    progress = Progress(store.name, clock)
    group = settings.group or f"{kafka.topic_prefix}sink-{settings.store}"
    consumer = Consumer(
        kafka,
        store,
        readiness,
        group=group,
        batch_records=settings.batch_records,
        linger_s=settings.linger_ms / 1000,
        skip_cut=settings.skip_cut,
        progress=progress,
    )
    readiness.blocked("kafka", "not asked yet")
    lag_route = web.get("/lag", _lag_route(consumer))
    async with HttpServer(readiness, settings, REGISTRY, routes=[lag_route, *routes]) as server:
        reporting = asyncio.create_task(
            report_for_ever(
                store,
                progress,
                Fleet(kafka, group),
                name=settings.name or f"{socket.gethostname()}:{server.address.port}",
                clock=clock,
                leads=lambda: consumer.owns(kafka.topic(Name.ALARMS), 0),
                every_s=settings.pipeline_s,
            )
        )
        try:
            if await unless(stop, ensure_topics(kafka, readiness, [TOPICS[name] for name in NEEDED])):
                await consumer.run(stop, settings.drain_s)
        finally:
            reporting.cancel()
            await asyncio.wait([reporting])
            await store.close()
    return 0


def store_of(settings: SinkSettings) -> tuple[Store, Sequence[web.RouteDef]]:
    """The store that the settings name, not opened, and what it serves over HTTP. The other's library is not loaded.

    Raises ConfigurationError where a file cannot be where it shall be.
    """
    if settings.store == "duckdb":
        from sinks.duckdb import DuckDb
        from sinks.query import query_routes

        try:
            check_writable(settings.duckdb_path)
        except ValueError as error:
            raise settings.wrong("duckdb_path", str(error)) from None
        database = DuckDb(settings.duckdb_path, settings.duckdb_memory_mb)
        return database, query_routes(database, most_rows=settings.query_rows, seconds=settings.query_s)
    from sinks.influx import InfluxDb
    from sinks.influx_client import Target

    creates = settings.influx_api == "v1" and settings.influx_create
    target = Target(
        url=settings.influx_url,
        bucket=settings.influx_bucket,
        org=settings.influx_org,
        token=settings.influx_token.get_secret_value(),
        database=settings.influx_bucket.split("/")[0] if creates else None,
        timeout_s=settings.influx_timeout_s,
    )
    return InfluxDb(target), ()


def _lag_route(consumer: Consumer) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def lag(_: web.Request) -> web.Response:
        """How many records are not settled yet, in all and by topic/partition; null where it is not known."""
        waiting = await consumer.waiting()
        if waiting is None:
            return web.json_response({"lag": None, "partitions": {}})
        partitions = {f"{tp.topic}/{tp.partition}": one.records for tp, one in waiting.items()}
        return web.json_response({"lag": sum(partitions.values()), "partitions": partitions})

    return lag
