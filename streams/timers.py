"""The stations' timers of one partition: an index over their links, by node, so that a tick finds what is due.

The index is a hint: what it names is looked up in the state before anything is done. Of every station with a deadline
something stands in it that is not later than the deadline; a deadline that moves on is found when that comes up, and
put again.
"""

import heapq
from collections.abc import Iterator

from streams.clock import Clock
from streams.links import Link


class Timers:
    """Node -> its stations' deadlines, and which stations have connections through it."""

    def __init__(self) -> None:
        self._heaps: dict[str, list[tuple[int, str]]] = {}
        self._times: dict[tuple[str, str], list[int]] = {}
        """(node, station) -> what stands in the heap of it, the earliest last."""
        self._stations: dict[str, set[str]] = {}

    def put(self, station: str, link: Link, before: Link | None = None) -> None:
        """Note a station's deadline, and its nodes as far as they are others than before."""
        nodes, former = _nodes(link), _nodes(before)
        if nodes != former:
            for node in set(former).difference(nodes):
                self._stations.get(node, set()).discard(station)
            for node in set(nodes).difference(former):
                self._stations.setdefault(node, set()).add(station)
        if link.deadline_us is None:
            return
        times = self._times.setdefault((link.node, station), [])
        if not times or link.deadline_us < times[-1]:
            times.append(link.deadline_us)
            heapq.heappush(self._heaps.setdefault(link.node, []), (link.deadline_us, station))

    def stations(self, node: str) -> list[str]:
        """The stations a node may hold, in a fixed order."""
        return sorted(self._stations.get(node, ()))

    def due(self, clock: Clock, node: str) -> Iterator[tuple[str, str, int]]:
        """(node, station, its time) of all that is over, of a node and of those that do not live.

        It is taken out: what is not over yet for its station must be put again.
        """
        for name in list(self._heaps):
            if name != node and clock.lives(name):
                continue
            heap, now_us = self._heaps[name], clock.node_now(name)
            while heap and heap[0][0] <= now_us:
                _, station = heapq.heappop(heap)
                times = self._times[name, station]
                times.pop()
                if not times:
                    del self._times[name, station]
                yield name, station, now_us


def _nodes(link: Link | None) -> list[str]:
    return [] if link is None else [conn.node for conn in link.open]
