"""The keyed state of a partition as a fold sees it for the length of one batch: objects, decoded when touched.

Reads are cached, writes are journalled so that they can be taken back record by record, and at the end every key that
really changed is encoded once. The committed bytes underneath are not touched.
"""

from collections.abc import Mapping
from typing import Final, Protocol

from streams.engine.errors import TooLargeError
from streams.engine.steps import Steps, finish


class Codec(Protocol):
    """The part of an agent that knows the state's bytes."""

    def decode(self, key: bytes, value: bytes) -> object: ...

    def encode(self, key: bytes, state: object) -> bytes: ...


class _Untouched:
    """Stands in the journal for a key that was neither read nor written before."""


_UNTOUCHED: Final = _Untouched()


class State:
    """A mapping of the agent's keys to immutable objects, over committed bytes."""

    __slots__ = ("_codec", "_committed", "_journal", "_limit", "_objects")

    def __init__(self, codec: Codec, committed: Mapping[bytes, bytes], limit: int | None = None) -> None:
        """`limit`: the bytes that a key and its value may have together."""
        self._codec = codec
        self._committed = committed
        self._limit = limit
        self._objects: dict[bytes, object] = {}  # every key touched; None where there is none (any more)
        self._journal: list[tuple[bytes, object]] = []  # (key, what stood in _objects before)

    def get(self, key: bytes) -> object | None:
        """The object under `key`, or None."""
        try:
            return self._objects[key]
        except KeyError:
            value = self._committed.get(key)
            found = self._objects[key] = None if value is None else self._codec.decode(key, value)
            return found

    def set(self, key: bytes, value: object) -> None:
        """Put an immutable object under `key`. None is no object: use `delete`."""
        if value is None:
            raise ValueError("None is no state: delete the key")
        before = self._objects.get(key, _UNTOUCHED)
        if before is not value:
            self._journal.append((key, before))
            self._objects[key] = value

    def delete(self, key: bytes) -> None:
        """Remove `key`; a tombstone is written if it stood on the state topic."""
        before = self._objects.get(key, _UNTOUCHED)
        if before is not None:
            self._journal.append((key, before))
            self._objects[key] = None

    def mark(self) -> int:
        """A point to which `undo` can return, until an earlier one is undone."""
        return len(self._journal)

    def undo(self, mark: int) -> list[bytes]:
        """Take back everything since `mark`. Gives the keys whose changes were taken back, each once."""
        undone: dict[bytes, None] = {}
        while len(self._journal) > mark:
            key, before = self._journal.pop()
            undone[key] = None
            if isinstance(before, _Untouched):
                del self._objects[key]
            else:
                self._objects[key] = before
        return list(undone)

    def changes(self, since: int = 0) -> dict[bytes, bytes | None]:
        """What must be written: key -> encoded value, or None for a tombstone, for keys set or deleted since a mark.

        Only those whose bytes differ from the committed ones. Raises what `encode` raises, and TooLargeError. A fold
        may ask as well, where one record changes what belongs to several.
        """
        return finish(self.changing(since))

    def changing(self, since: int = 0) -> Steps[dict[bytes, bytes | None]]:
        """`changes`, a key a step."""
        changed: dict[bytes, bytes | None] = {}
        for key in dict.fromkeys(key for key, _ in self._journal[since:]):
            value = self._objects[key]
            encoded = None if value is None else self._codec.encode(key, value)
            if encoded == self._committed.get(key):
                continue
            if encoded is not None and self._limit is not None and len(key) + len(encoded) > self._limit:
                raise TooLargeError(f"the state {key!r} would have {len(encoded)} bytes")
            changed[key] = encoded
            yield
        return changed
