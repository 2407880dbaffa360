"""What is looked at every second: silent stations, slow handshakes, partitions that are away, gauges."""

import asyncio
from time import monotonic

from edge.hold import Hold
from edge.node import Node
from ops import metrics

EVERY_S = 1.0
STALL_S = 5.0
"""A round that comes so late says that the process stood still: no station was heard, but none was silent."""


async def round_for_ever(node: Node, hold: Hold) -> None:
    """One timer for all connections: it costs less than one each, and nothing a message."""
    due = monotonic() + EVERY_S
    while True:
        await asyncio.sleep(due - monotonic())
        now = monotonic()
        metrics.EDGE_LOOP_LAG_SECONDS.observe(max(0.0, now - due))
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
        metrics.EDGE_REFUSALS.labels("handshake-timeout").inc()
        visitor.give_up("it takes too long")
    hold.check(node, now)
    node.writer.rooms()
    node.stations.forget(now)
    _show(node)


def _show(node: Node) -> None:
    metrics.EDGE_CONNECTIONS.set(len(node.stations))
    metrics.EDGE_QUEUED_BYTES.set(node.queued_bytes)
    metrics.EDGE_IN_FLIGHT.set(node.writer.unacknowledged())
    metrics.EDGE_IN_FLIGHT_BYTES.set(node.writer.waiting_bytes())
    metrics.EDGE_PARTITIONS_AWAY.set(node.writer.away_count())
    answered, node.answered = node.answered, 0  # counted plainly on the way: a Counter costs more than the reply does
    metrics.EDGE_ANSWERED.inc(answered)
