"""The stations connected to this node, and what happens when one comes twice. Pure.

The caller brings the time. A station that reconnects while its old socket still looks open takes over: the newer
connection wins (its old one is half-open as a rule). Two stations with one identity would take over from each other for
ever, so there is a limit.
"""

from collections import deque
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

WINDOW_S = 60.0


class Connected(Protocol):
    """A live connection, as far as it matters here."""

    @property
    def station(self) -> str: ...

    @property
    def partition(self) -> int: ...


C = TypeVar("C", bound=Connected)


class Stations(Generic[C]):
    """The newest live connection of each station (`tenant/identity`). Times are seconds of any steady clock."""

    def __init__(self, takeovers_per_minute: int) -> None:
        self.takeovers_per_minute = takeovers_per_minute
        self._live: dict[str, C] = {}
        self._takeovers: dict[str, deque[float]] = {}

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[C]:
        """Over a copy: connections may close meanwhile."""
        return iter(list(self._live.values()))

    def get(self, station: str) -> C | None:
        return self._live.get(station)

    def of_partition(self, partition: int) -> list[C]:
        return [connection for connection in self._live.values() if connection.partition == partition]

    def contested(self, station: str, now: float) -> bool:
        """Whether a newer connection must be refused: it would be one takeover too many within a minute."""
        if station not in self._live:
            return False
        recent = self._takeovers.get(station)
        if recent is None:
            return self.takeovers_per_minute < 1
        while recent and recent[0] <= now - WINDOW_S:
            recent.popleft()
        return len(recent) >= self.takeovers_per_minute

    def enter(self, connection: C, now: float) -> C | None:
        """The connection is the station's; the one it takes over from, where there was one."""
        displaced = self._live.get(connection.station)
        self._live[connection.station] = connection
        if displaced is not None:
            self._takeovers.setdefault(connection.station, deque(maxlen=self.takeovers_per_minute or 1)).append(now)
        return displaced

    def leave(self, connection: C) -> None:
        """The connection ended; nothing happens where another one has taken over."""
        if self._live.get(connection.station) is connection:
            del self._live[connection.station]

    def forget(self, now: float) -> None:
        """Drop what was remembered of takeovers that are over; called every now and then."""
        old = [station for station, recent in self._takeovers.items() if not recent or recent[-1] <= now - WINDOW_S]
        for station in old:
            del self._takeovers[station]
