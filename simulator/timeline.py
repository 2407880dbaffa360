"""What is going to happen to one station, in order of the shared clock. Pure."""

import heapq
import itertools
from collections.abc import Callable
from typing import NamedTuple

Action = Callable[[int], None]
"""What happens; it is told the time it was planned for, which is its time, however late it is played."""


class Event(NamedTuple):
    at_us: int
    number: int  # of two events at one time the one planned first comes first
    action: Action
    in_dark: bool


class Timeline:
    """Events to come. Those not `in_dark` wait until the station has power."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._numbers = itertools.count()

    def at(self, at_us: int, action: Action, *, in_dark: bool = False) -> None:
        heapq.heappush(self._events, Event(at_us, next(self._numbers), action, in_dark))

    @property
    def next_us(self) -> int | None:
        """When the next event is due."""
        return self._events[0].at_us if self._events else None

    def due(self, now_us: int) -> Event | None:
        """Take the next event if its time has come."""
        return heapq.heappop(self._events) if self._events and self._events[0].at_us <= now_us else None

    def clear(self) -> None:
        """Nothing of this will happen."""
        self._events.clear()
