"""A connection's records on their way to the log: in order, and kept where the log has no room for them."""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from edge.writer import Writer
from ops.group_commit import Closed, Full, TooLarge

Records = Sequence[tuple[bytes | None, bytes]]


class Owner(Protocol):
    """Who hears that Kafka will never take the records, and says what takes their place."""

    def not_taken(self, records: Records) -> Records: ...


_Unsent: TypeAlias = tuple[Records, Callable[[], None] | None, Owner | None]


class Outbox:
    """The way of one key's records. Nothing overtakes anything."""

    __slots__ = ("_key", "_owner", "_partition", "_unsent", "_writer")

    def __init__(self, writer: Writer, key: bytes, partition: int, owner: Owner | None) -> None:
        self._writer, self._key, self._partition, self._owner = writer, key, partition, owner
        self._unsent: deque[_Unsent] | None = None

    def put(self, values: Sequence[bytes], done: Callable[[], None] | None) -> None:
        """Submit them in one batch; `done()` when they are on the log. Where there is no room, when there is some."""
        key = self._key
        records = [(key, value) for value in values]
        if self._unsent:
            self._unsent.append((records, done, self._owner))
        elif (left := self._submit(records, done, self._owner)) is not None:
            self._unsent = deque([left])
            self._writer.wait(self._partition, self)

    def resume(self) -> bool:
        """There may be room: submit what waits; whether all of it was taken."""
        while self._unsent:
            if (left := self._submit(*self._unsent[0])) is not None:
                self._unsent[0] = left
                return False
            self._unsent.popleft()
        return True

    def _submit(self, records: Records, done: Callable[[], None] | None, owner: Owner | None) -> _Unsent | None:
        """What is left to submit, where there is no room: these records, or what takes their place."""
        try:
            self._writer.submit(self._partition, records, done, owner)
        except Full:
            return records, done, owner
        except TooLarge as error:
            self._writer.never(records, error)
            if owner is not None:  # what takes a place has none: it is not replaced in its turn
                return self._submit(owner.not_taken(records), None, None)
        except Closed:
            self._writer.unwritten += len(records)
        return None
