"""The stations' timers of one partition: an index over their links, by node, so that a tick finds what is due.

The index is a hint: what it names is looked up in the state before anything is done, and a station may stand in it
more than once.
"""

import heapq
from collections.abc import Iterable, Iterator

from streams.clock import Clock
from streams.links import Link


class Timers:
    """Node -> its stations' deadlines, and which stations it may hold."""

    def __init__(self) -> None:
        self._heaps: dict[str, list[tuple[int, str]]] = {}
        self._stations: dict[str, set[str]] = {}

    def put(self, station: str, link: Link) -> None:
        """Note a station's deadline and node."""
        self._stations.setdefault(link.node, set()).add(station)
        if link.deadline_us is not None:
            heapq.heappush(self._heaps.setdefault(link.node, []), (link.deadline_us, station))

    def stations(self, node: str) -> list[str]:
        """The stations a node may hold, in a fixed order."""
        return sorted(self._stations.get(node, ()))

    def forget(self, station: str, node: str) -> None:
        """The station is at another node now."""
        self._stations.get(node, set()).discard(station)

    def due(self, clock: Clock, names: Iterable[str]) -> Iterator[tuple[str, str, int]]:
        """(node, station, the node's time) of every deadline of these nodes that is over."""
        for name in names:
            heap = self._heaps.get(name)
            if not heap:
                continue
            now_us = clock.node_now(name)
            while heap and heap[0][0] <= now_us:
                yield name, heapq.heappop(heap)[1], now_us
