"""What all connections of this process share: the settings, the clock, the log, and who is connected."""

import os
from collections.abc import Set as AbstractSet
from time import monotonic
from typing import TYPE_CHECKING, Literal

from contracts.topics import REJECTED_KEY
from edge.core import Identity, StationCore, reject_record
from edge.handshake import Admission, HandshakeRequest, Refused, judge
from edge.settings import EdgeSettings
from edge.stations import Stations
from edge.ulid import ulid
from edge.writer import Writer
from ops.clock import Clock
from ops.group_commit import Closed, Full
from ops.metrics import edge as metrics

if TYPE_CHECKING:
    from edge.connection import Connection
    from edge.visitor import Visitor

NO_ROOM_S = 5.0
"""A partition that has had no room for so long gets no new stations, like one that has owed an answer for so long. A
moment's lack of room is a busy partition's, and its stations' to wait for."""


class Node:
    """One edge process, by its name. `behind`: partitions that answer too slowly (edge/hold.py), kept up to date."""

    def __init__(
        self, name: str, settings: EdgeSettings, clock: Clock, writer: Writer, behind: AbstractSet[int]
    ) -> None:
        self._behind = behind
        self.name, self.settings, self.clock, self.writer = name, settings, clock, writer
        self.policy, self.rules = settings.policy(), settings.rules()
        self.epoch = clock.started_us // 1000
        """The node's start, system time in milliseconds: a greater one ends what was opened under a lower one."""
        self.stations: Stations[Connection] = Stations(settings.takeovers_per_minute)
        self.visitors: dict[Visitor, None] = {}
        """Sockets in their handshake, oldest first."""
        self.draining = False
        self.queued_bytes = 0
        """Bytes of frames that wait for their turn."""

    @property
    def crowded(self) -> bool:
        """Whether so much waits that no station with a frame in the queue is read further."""
        return self.queued_bytes > self.settings.queue_bytes

    def admit(self, asked: HandshakeRequest) -> tuple[Admission, int]:
        """How the station may connect, and its partition. Raises Refused."""
        admission = judge(asked, self.rules)
        station = self._station(admission.identity)
        partition = self.writer.partition_of(station.encode())
        if (refused := self._why_not(admission.identity, station, partition)) is not None:
            raise refused
        return admission, partition

    def core(self, admission: Admission) -> StationCore:
        """The pure half of a new connection."""
        assert admission.version is not None  # noqa: S101 - the caller turned that one away
        return StationCore(
            identity=Identity(self.settings.tenant, admission.identity, self.settings.site, self.settings.time_zone),
            node=self.name,
            epoch=self.epoch,
            conn=ulid(self.clock.now_us() // 1000, os.urandom(10)),
            version=admission.version,
            policy=self.policy,
        )

    def reject(self, refused: Refused, path: str, remote: str, user_agent: str | None) -> None:
        """Count and record a handshake that came to nothing."""
        metrics.REFUSALS.labels(refused.code).inc()
        known = refused.identity is not None
        station = self._station(refused.identity) if refused.identity is not None else None
        key, value = reject_record(
            node=self.name,
            tenant=self.settings.tenant,
            station=station,
            site=self.settings.site if known else None,
            now_us=self.clock.now_us(),
            status=refused.status,
            reason=refused.code,
            path=path,
            remote=remote,
            user_agent=user_agent,
        )
        partition = 0 if key == REJECTED_KEY else self.writer.partition_of(key)
        # In such a state of the log nobody waits for this record, and thousands of them would be in the way of those
        # that somebody does wait for.
        if not self._trouble(partition):
            try:
                self.writer.submit(partition, [(key, value)], None)
            except (Full, Closed):
                metrics.REJECTS_DROPPED.inc()
        else:
            metrics.REJECTS_DROPPED.inc()

    def _station(self, identity: str) -> str:
        return f"{self.settings.tenant}/{identity}"

    def _trouble(self, partition: int) -> Literal["", "away", "behind"]:
        """Why the log can have no more of this partition's stations now; "" where it can."""
        if self.writer.away(partition):
            return "away"
        # Each new connection leaves records that no bound counts, and that outlive it, where there is no room for them.
        behind = partition in self._behind or self.writer.without_room(partition) >= NO_ROOM_S
        return "behind" if behind else ""

    def _why_not(self, identity: str, station: str, partition: int) -> Refused | None:
        if self.draining:
            return Refused(503, "draining", "this node is shutting down", identity)
        if trouble := self._trouble(partition):
            return Refused(503, f"log-{trouble}", f"the log is {trouble}", identity)
        if self.stations.get(station) is None and len(self.stations) >= self.settings.max_connections:
            return Refused(503, "node-full", "this node is full", identity)
        if self.stations.contested(station, monotonic()):
            return Refused(409, "contested-identity", "another station connects with this identity", identity)
        return None
