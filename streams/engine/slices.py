"""Long work in slices of time, between which the event loop turns: a worker that is busy answers, as an idle one does.

A batch takes seconds where a worker has a quarter of a core. In one piece it would keep /readyz, and the answers of
Kafka to the other partitions' transactions, waiting for as long.
"""

import asyncio
import time
from collections.abc import Callable

from streams.engine.steps import Steps, T


class Slice:
    """How much longer one may compute before the loop must turn; real seconds."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._ends_at = clock() + seconds

    @property
    def over(self) -> bool:
        return self._clock() >= self._ends_at

    async def turn(self) -> None:
        """Let the event loop turn once, and begin the next slice."""
        await asyncio.sleep(0)
        self._ends_at = self._clock() + self._seconds


async def in_slices(steps: Steps[T], piece: Slice) -> T:
    """Take all steps; the loop turns after the one with which a slice is over."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        if piece.over:
            await piece.turn()
