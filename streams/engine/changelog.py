"""The bytes of the state topic: whose a key is, the format number, and the fence.

key    NAME/key
value  format (1 byte), then the agent's bytes; a tombstone where the key was deleted
value of NAME/\\x00clock
       format (1 byte), log (4 bytes), offset (8 bytes), then the agent's bytes for that key, possibly none
"""

import struct

import msgspec

from streams.engine.agent import CLOCK_KEY
from streams.engine.errors import UnknownFormatError

_FENCE = struct.Struct(">BIq")


class Fence(msgspec.Struct, frozen=True):
    """The last record folded: the log's epoch and the offset in the source partition."""

    log: int
    offset: int


class Changelog:
    """How one agent's state stands on the state topic."""

    def __init__(self, name: str, format_number: int) -> None:
        if "/" in name or not name:
            raise ValueError(f"an agent's name has no slash and is not empty: {name!r}")
        self.name = name
        self.format = format_number
        self._prefix = f"{name}/".encode()
        self._lead = bytes((format_number,))

    def owns(self, key: bytes) -> bool:
        """Whether a key of the topic is this agent's."""
        return key.startswith(self._prefix)

    def key(self, key: bytes) -> bytes:
        """The topic's key for an agent's key."""
        return self._prefix + key

    def value(self, value: bytes | None) -> bytes | None:
        """The topic's value for an agent's value, or a tombstone."""
        return None if value is None else self._lead + value

    def clock(self, fence: Fence, value: bytes | None) -> bytes:
        """The value of the clock record: the fence, and what the agent keeps beside it."""
        return _FENCE.pack(self.format, fence.log, fence.offset) + (value or b"")


class Loading:
    """Collects one agent's state from the records of a state partition, in their order."""

    def __init__(self, changelog: Changelog) -> None:
        self.values: dict[bytes, bytes] = {}
        """The agent's key -> encoded state, without the format byte; the clock's without the fence."""
        self.fence: Fence | None = None
        self._changelog = changelog
        self._clock_key = changelog.key(CLOCK_KEY)

    def take(self, key: bytes | None, value: bytes | None) -> None:
        """One record of the state topic; other agents' are passed over. Raises UnknownFormatError."""
        if key is None or not self._changelog.owns(key):
            return
        own = key[len(self._changelog.key(b"")) :]
        if value is None:
            self.values.pop(own, None)
            return
        if value[:1] != bytes((self._changelog.format,)):
            found = value[0] if value else "no"
            raise UnknownFormatError(
                f"the state of {self._changelog.name} has format {found} where this version reads format "
                f"{self._changelog.format}: rebuild it with `voltstream replay`"
            )
        if key != self._clock_key:
            self.values[own] = value[1:]
            return
        _, log, offset = _FENCE.unpack_from(value)
        self.fence = Fence(log, offset)
        if rest := value[_FENCE.size :]:
            self.values[CLOCK_KEY] = rest
        else:
            self.values.pop(CLOCK_KEY, None)
