"""A connection's records on their way to the log: in order, and kept where the log has no room for them."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

from edge.writer import Writer
from ops.group_commit import Closed, Full, TooLarge

Records = Sequence[tuple[bytes | None, bytes]]


class Owner(Protocol):
    """Who hears that Kafka will never take the records."""

    def not_taken(self, records: Records) -> None: ...


class Outbox:
    """The way of one key's records. Nothing overtakes anything."""

    __slots__ = ("_key", "_owner", "_partition", "_unsent", "_writer")

    def __init__(self, writer: Writer, key: bytes, partition: int, owner: Owner) -> None:
        self._writer, self._key, self._partition, self._owner = writer, key, partition, owner
        self._unsent: deque[tuple[Records, Callable[[], None] | None]] | None = None

    def put(self, values: Sequence[bytes], done: Callable[[], None] | None) -> None:
        """Submit them in one batch; `done()` when they are on the log. Where there is no room, when there is some."""
        key = self._key
        records = [(key, value) for value in values]
        if self._unsent:
            self._unsent.append((records, done))
        elif not self._submit(records, done):
            self._unsent = deque([(records, done)])
            self._writer.wait(self._partition, self)

    def resume(self) -> bool:
        """There may be room: submit what waits; whether all of it was taken."""
        while self._unsent:
            if not self._submit(*self._unsent[0]):
                return False
            self._unsent.popleft()
        return True

    def _submit(self, records: Records, done: Callable[[], None] | None) -> bool:
        try:
            self._writer.submit(self._partition, records, done, self._owner)
        except Full:
            return False
        except TooLarge as error:
            self._writer.never(records, error)
            self._owner.not_taken(records)
        except Closed:
            self._writer.unwritten += len(records)
        return True
