"""One stream of server-sent events for many browsers: each message is made once, and sent to all.

A browser that was away for a moment says the last id it saw and gets what it missed; one that was away for longer, or
comes anew, gets a snapshot. One that cannot keep up is let go: it comes back by itself.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable

REMEMBERED = 60  # messages that a browser may have missed
BEHIND = 30  # messages that may wait for a slow one


class Hub:
    """`snapshot` makes the data of a snapshot; `epoch` tells this process's ids from those of the one before."""

    def __init__(self, epoch: str, snapshot: Callable[[], bytes]) -> None:
        self._epoch, self._snapshot = epoch, snapshot
        self._number = 0
        self._past: deque[tuple[int, bytes]] = deque(maxlen=REMEMBERED)
        self._waiting: set[asyncio.Queue[bytes | None]] = set()
        self._made: tuple[int, bytes] = (-1, b"")

    @property
    def browsers(self) -> int:
        return len(self._waiting)

    def publish(self, data: bytes) -> None:
        """A delta, to all; `data` is one line of JSON."""
        self._number += 1
        message = self._message("delta", data)
        self._past.append((self._number, message))
        for queue in list(self._waiting):
            if queue.qsize() >= BEHIND:
                self._waiting.discard(queue)
                queue.put_nowait(None)
            else:
                queue.put_nowait(message)

    async def stream(self, last_id: str | None) -> AsyncGenerator[bytes, None]:
        """What a browser is to be sent, from now on, until it is too slow."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        for message in self._missed(last_id):
            queue.put_nowait(message)
        self._waiting.add(queue)
        try:
            while (queued := await queue.get()) is not None:
                yield queued
        finally:
            self._waiting.discard(queue)

    def _missed(self, last_id: str | None) -> list[bytes]:
        epoch, _, number = (last_id or "").rpartition("-")
        if epoch == self._epoch and number.isdecimal() and int(number) <= self._number:
            missed = [message for each, message in self._past if each > int(number)]
            if len(missed) == self._number - int(number):
                return missed
        if self._made[0] != self._number:
            self._made = self._number, self._message("snapshot", self._snapshot())
        return [self._made[1]]

    def _message(self, event: str, data: bytes) -> bytes:
        return b"id: %b-%d\nevent: %b\ndata: %b\n\n" % (self._epoch.encode(), self._number, event.encode(), data)
