"""What is looked at every second: silent stations, slow handshakes, partitions that are away, gauges."""

import asyncio
from collections import Counter
from time import monotonic

from contracts.versions import Version
from edge.hold import Hold
from edge.node import Node
from edge.traffic import sum_up
from ops.metrics import edge as metrics

EVERY_S = 1.0
STALL_S = 5.0
"""A round that comes so late says that the process stood still: no station was heard, but none was silent."""


async def round_for_ever(node: Node, hold: Hold) -> None:
    """One timer for all connections: it costs less than one each, and nothing a message."""
    due = monotonic() + EVERY_S
    while True:
        await asyncio.sleep(due - monotonic())
        now = monotonic()
        go_round(node, hold, now, stalled=now - due >= STALL_S)
        due = now + EVERY_S


def go_round(node: Node, hold: Hold, now: float, *, stalled: bool = False) -> None:
    """One round; `now` in monotonic seconds."""
    for station in node.stations:
        if stalled:
            station.forgive(now)
        else:
            station.check(now)
    for visitor in list(node.visitors):
        if now - visitor.came_at < node.settings.handshake_timeout_s:
            break  # they stand in the order in which they came
        metrics.REFUSALS.labels("handshake-timeout").inc()
        visitor.give_up("it takes too long")
    hold.check(node, now)
    node.writer.rooms()
    node.stations.forget(now)
    _show(node)


def _show(node: Node) -> None:
    metrics.CONNECTIONS.set(len(node.stations))
    connected = Counter(station.version for station in node.stations)
    for version in Version:
        metrics.VERSIONS.labels(version).set(connected[version])
    metrics.QUEUED_BYTES.set(node.queued_bytes)
    metrics.IN_FLIGHT.set(node.writer.unacknowledged())
    metrics.IN_FLIGHT_BYTES.set(node.writer.waiting_bytes())
    metrics.PARTITIONS_AWAY.set(node.writer.away_count())
    sum_up()
    metrics.OLDEST_IN_FLIGHT_SECONDS.set(max(map(node.writer.age, range(node.writer.partitions))))
