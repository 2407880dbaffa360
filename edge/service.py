"""`voltstream edge`: listen, and run until a signal comes."""

import asyncio
import logging
import resource
import socket
from collections.abc import Sequence
from contextlib import suppress

from edge.connection import Connection
from edge.drain import drain
from edge.hold import Hold
from edge.node import Node
from edge.rounds import round_for_ever
from edge.settings import EdgeSettings
from edge.ticks import tick_for_ever
from edge.visitor import Visitor
from edge.writer import Writer
from ops.clock import Clock
from ops.group_commit import Submission
from ops.group_commit.submission import Record
from ops.health import HttpServer, Readiness, why_not_listening
from ops.kafka import KafkaSettings
from ops.metrics.edge import REGISTRY
from ops.service import stop_requested
from ops.settings import Address

__all__ = ["EdgeSettings", "run"]

log = logging.getLogger(__name__)

BACKLOG = 4096
"""After an outage a whole fleet knocks within a second."""
SPARE_FILES = 1000
"""Open files beside the stations': handshakes, Kafka, health."""


async def run(settings: EdgeSettings, kafka: KafkaSettings, clock: Clock) -> int:
    """The exit status. Raises ConfigurationError where a setting is wrong or does not fit the cluster."""
    stop, readiness = stop_requested(), Readiness()
    hold = Hold(readiness, kafka.partitions, settings.hold_max)
    writer = Writer(settings, kafka, refused, hold.changed)
    sock = _bound(settings)
    node = Node(settings.node or _name(sock), settings, clock, writer, hold.behind)
    _allow_sockets(settings.max_connections)
    readiness.blocked("log", f"Kafka at {kafka.bootstrap} was not reached yet")
    async with HttpServer(readiness, settings, REGISTRY):
        server = await asyncio.get_running_loop().create_server(lambda: Visitor(node), sock=sock, backlog=BACKLOG)
        log.info("listening", extra={"address": str(Address(*sock.getsockname()[:2])), "node": node.name})
        writing = asyncio.create_task(_write(node, readiness, kafka.log_epoch))
        rounds = asyncio.create_task(round_for_ever(node, hold))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({writing, rounds, stopping}, return_when=asyncio.FIRST_COMPLETED)
            server.close()
            if stopping.done():
                return await drain(node, writing, kafka.log_epoch)
            await (writing if writing.done() else rounds)  # raises: neither ends by itself
            return 1
        finally:
            server.close()
            for task in (writing, rounds, stopping):
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task
            await writer.close(0)


async def _write(node: Node, readiness: Readiness, log_epoch: int) -> None:
    await node.writer.open(readiness)
    readiness.clear("log")
    await tick_for_ever(node, log_epoch)


def refused(submission: Submission, error: Exception) -> Sequence[Record]:
    """Kafka will never take these records; they are in the dead letters. What takes their place."""
    log.error("Kafka refused records", extra={"bytes": submission.size, "error": repr(error)})
    return submission.owner.not_taken(submission.records) if isinstance(submission.owner, Connection) else ()


def _bound(settings: EdgeSettings) -> socket.socket:
    address = settings.listen
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    try:
        return socket.create_server((address.host, address.port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise settings.wrong("listen", why_not_listening(address, error)) from error


def _allow_sockets(connections: int) -> None:
    """Raise this process's own limit on open files, as far as the system lets it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    except (OSError, ValueError):
        allowed = soft
    if allowed < wanted:
        log.warning("fewer stations than set can connect", extra={"open_files": allowed, "wanted": wanted})


def _name(sock: socket.socket) -> str:
    return f"{socket.gethostname()}:{sock.getsockname()[1]}"
