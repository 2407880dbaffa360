"""Kafka away, or too slow: what becomes of the stations of such a partition of the log. Real seconds throughout.

A charger that stays connected and gets no answer spends its few retries in minutes and then drops the session; one that
is disconnected queues. So a partition's stations wait, and when it has owed an answer for `hold_max_s` their sockets
are closed, spread out, so that they do not come back all at once. While it is away, new ones are turned away at the
handshake. The stations of other partitions notice nothing.

A partition that does answer may be just as late: then stations give up, come back and ask again, and what they leave
behind makes it later still. Being late is no harm by itself, since after an outage the backlog is old until it is gone.
So a partition is behind when it is `hold_max_s` late and has not caught up within as long again. Its stations are
closed likewise, and until it has caught up it gets no new ones.
"""

import asyncio
import logging
import random
from collections.abc import Set as AbstractSet
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
        self._late_since: dict[int, float] = {}  # when it was first seen to be too late though it answers
        self._behind: set[int] = set()
        self._closing: dict[int, asyncio.Task[None]] = {}

    @property
    def behind(self) -> AbstractSet[int]:
        """Partitions that answer too slowly to have stations; always the same set, kept up to date."""
        return self._behind

    def changed(self, partition: int, away: bool) -> None:  # noqa: FBT001 - the shape of GroupCommit's on_away
        """A partition went away, or is back."""
        (self._away.add if away else self._away.discard)(partition)
        if 2 * len(self._away) > self._partitions:
            self._readiness.blocked("kafka", f"more than half of the {self._partitions} partitions are away")
        else:
            self._readiness.clear("kafka")

    def check(self, node: Node, now: float) -> None:
        """Begin to close the stations of partitions that are away or late for too long; `now` in monotonic seconds.

        Not while the node drains: that closes them all in its time, and counts the CALLs that are owed an answer until
        then. A station closed here would be missing from the count.
        """
        if node.draining:
            return
        for partition in range(self._partitions):
            late = node.writer.age(partition) >= self.hold_max_s
            self._judge(partition, now, late=late)
            if late and self._shut(partition) and partition not in self._closing:
                task = asyncio.create_task(self._close_stations(node, partition))
                self._closing[partition] = task
                task.add_done_callback(partial(self._closed, partition))

    def _judge(self, partition: int, now: float, *, late: bool) -> None:
        """Whether it is behind; that it is late while it is away is no evidence."""
        if not late:
            self._late_since.pop(partition, None)
            if partition in self._behind:
                self._behind.discard(partition)
                log.warning("the partition has caught up", extra={"partition": partition})
        elif partition not in self._away:
            since = self._late_since.setdefault(partition, now)
            if now - since >= self.hold_max_s and partition not in self._behind:
                self._behind.add(partition)
                log.warning("the partition is behind", extra={"partition": partition})

    def _shut(self, partition: int) -> bool:
        return partition in self._away or partition in self._behind

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
            if not self._shut(partition) or node.draining:
                return
            reason = "the log is away" if partition in self._away else "the log is behind"
            station.close(CloseCode.TRY_AGAIN_LATER, reason)
