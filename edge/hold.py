"""Kafka away: what becomes of the stations whose partition of the log is gone. Real seconds throughout.

A charger that stays connected and gets no answer spends its few retries in minutes and then drops the session; one that
is disconnected queues. So a partition's stations wait, and when it has owed an answer for `hold_max_s` their sockets
are closed, spread out, so that they do not come back all at once. While it is away, new ones are turned away at the
handshake. The stations of other partitions notice nothing.
"""

import asyncio
import logging
import random
from functools import partial
from time import monotonic

from websockets.frames import CloseCode

from edge.node import Node
from ops.health import Readiness

log = logging.getLogger(__name__)

SPREAD_S = 5.0


class Hold:
    """Told of every change (`changed`), and asked every second or so to act (`check`)."""

    def __init__(self, readiness: Readiness, partitions: int, hold_max_s: float) -> None:
        self.hold_max_s = hold_max_s
        self._readiness, self._partitions = readiness, partitions
        self._away: set[int] = set()
        self._closing: dict[int, asyncio.Task[None]] = {}

    def changed(self, partition: int, away: bool) -> None:  # noqa: FBT001 - the shape of GroupCommit's on_away
        """A partition went away, or is back."""
        (self._away.add if away else self._away.discard)(partition)
        if 2 * len(self._away) > self._partitions:
            self._readiness.blocked("kafka", f"more than half of the {self._partitions} partitions are away")
        else:
            self._readiness.clear("kafka")

    def check(self, node: Node) -> None:
        """Begin to close the stations of partitions that are away for too long.

        Not while the node drains: that closes them all in its time, and counts the CALLs that are owed an answer until
        then. A station closed here would be missing from the count.
        """
        if node.draining:
            return
        for partition in self._away:
            if partition not in self._closing and node.writer.age(partition) >= self.hold_max_s:
                task = asyncio.create_task(self._close_stations(node, partition))
                self._closing[partition] = task
                task.add_done_callback(partial(self._closed, partition))

    def _closed(self, partition: int, _: asyncio.Task[None]) -> None:
        del self._closing[partition]

    async def _close_stations(self, node: Node, partition: int) -> None:
        stations = node.stations.of_partition(partition)
        random.shuffle(stations)
        if stations:
            log.warning("closing a partition's stations", extra={"partition": partition, "stations": len(stations)})
        began = monotonic()
        for number, station in enumerate(stations):
            await asyncio.sleep(began + SPREAD_S * number / len(stations) - monotonic())
            if partition not in self._away or node.draining:
                return
            station.close(CloseCode.TRY_AGAIN_LATER, "the log is away")
