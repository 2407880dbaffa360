"""What there is to know of a message that is too large to be kept: its size, its hash, its first bytes. Pure."""

from hashlib import sha256

HEAD_BYTES = 4096


class Oversized:
    """A message that is read to its end, but not kept. Feed it what arrives, in order."""

    __slots__ = ("_hash", "complete", "head", "size")

    def __init__(self) -> None:
        self.size = 0
        """Bytes seen: of the whole message, where its end was reached."""
        self.complete = False
        """Whether nothing more will be fed."""
        self.head = b""
        self._hash = sha256()

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        self.size += len(data)
        self._hash.update(data)
        if (room := HEAD_BYTES - len(self.head)) > 0:
            self.head += bytes(data[:room])

    @property
    def sha256(self) -> str:
        """Of the bytes seen so far, in hexadecimal digits."""
        return self._hash.hexdigest()
