"""The edge nodes, by their ticks: who lives, and how many stations each has. Pure.

Times are the broker's: milliseconds since 1970 at which it took a tick. A node ticks every 5 real seconds, at every
speed of the clock.
"""

from typing import NamedTuple

from contracts.envelope import decode
from contracts.errors import RecordError
from contracts.topics import NODE_KEY
from sinks.pipeline.points import PipelinePoint, edge_point

DEAD_S = 15.0
"""As the stream workers judge it: three ticks are missing."""
FORGOTTEN_S = 3600.0
"""A node that was taken away for good is told of for so long."""
_KEY = NODE_KEY.encode()


class Tick(NamedTuple):
    """The newest one of a node."""

    at_ms: int
    connections: int


class Nodes:
    """What was read of partition 0 of `messages`, into which every node ticks."""

    def __init__(self) -> None:
        self._ticks: dict[str, Tick] = {}

    def take(self, key: bytes | None, value: bytes | None, at_ms: int) -> None:
        """Any record of the partition: what is no tick is passed over by its key, and never decoded."""
        if key is None or not key.startswith(_KEY):
            return
        try:
            tick = decode(value)
        except RecordError:  # the stream workers put it into the dead letters
            return
        before = self._ticks.get(tick.node)
        if before is None or before.at_ms <= at_ms:
            self._ticks[tick.node] = Tick(at_ms, tick.connections or 0)

    def points(self, now_ms: int, time_ms: int) -> list[PipelinePoint]:
        """One for each node, for `time_ms`; `now_ms` is the time by the broker's clock."""
        self._ticks = {name: tick for name, tick in self._ticks.items() if now_ms - tick.at_ms < FORGOTTEN_S * 1000}
        found = []
        for name, tick in sorted(self._ticks.items()):
            age_s = max(0.0, (now_ms - tick.at_ms) / 1000)
            point = edge_point(
                name, connections=tick.connections, tick_age_s=age_s, alive=age_s < DEAD_S, time_ms=time_ms
            )
            found.append(point)
        return found
