"""Node ticks: a node's sign of life in every partition of the log (DESIGN.md, "Time is in the log")."""

import asyncio
from time import monotonic

from contracts.envelope import ClockSetting
from contracts.topics import node_key
from edge.core import tick_record
from edge.node import Node
from edge.outbox import Outbox

EVERY_S = 5.0
"""Real seconds at every speed of the clock: a stalled loop must not look like a dead node at speed 60."""


def tick(node: Node, log_epoch: int) -> None:
    """Submit a tick to every partition; it replaces one that still waits there."""
    key, value = _record(node, log_epoch)
    for partition in range(node.writer.partitions):
        node.writer.tick(partition, key, value)


def last_tick(node: Node, log_epoch: int) -> None:
    """A tick that is waited for when the log is closed, where the log is not away; if need be, for room first."""
    key, value = _record(node, log_epoch)
    for partition in range(node.writer.partitions):
        if not node.writer.away(partition):
            Outbox(node.writer, key, partition, None).put((value,), None)


async def tick_for_ever(node: Node, log_epoch: int) -> None:
    """Tick now and every five seconds, without drift."""
    due = monotonic()
    while True:
        tick(node, log_epoch)
        now = monotonic()
        due = max(due + EVERY_S, now)  # after a stall: one tick, not all that were missed
        await asyncio.sleep(due - now)


def _record(node: Node, log_epoch: int) -> tuple[bytes, bytes]:
    clock = node.clock
    value = tick_record(
        node=node.name,
        epoch=node.epoch,
        log=log_epoch,
        connections=len(node.stations),
        clock=ClockSetting(clock.origin_us, clock.anchor_us, clock.speed),
        now_us=clock.now_us(),
    )
    return node_key(node.name), value
