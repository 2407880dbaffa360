"""What is put on the log together, and why it may be turned away."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from contracts.errors import VoltstreamError

RECORD_OVERHEAD = 32
"""At most so many bytes of a record are neither key, value nor headers: varints, mostly."""
HEADER_OVERHEAD = 10
"""At most so many bytes of a header are neither key nor value."""
BATCH_OVERHEAD = 61
"""The header of a record batch."""

Record = tuple[bytes | None, bytes]
"""Key and value."""
Header = tuple[str, bytes]


class Full(VoltstreamError):
    """The partition's bound on waiting records or bytes is reached: the same again later."""

    code = "full"
    retriable = True


class TooLarge(VoltstreamError):
    """The records can never stand in one batch."""

    code = "too-large"


class Closed(VoltstreamError):
    """The producer was closed."""

    code = "closed"


@dataclass(slots=True, eq=False)
class Submission:
    """Records of one partition that go into one batch. Two are equal only if they are the same."""

    records: Sequence[Record]
    size: int
    """Bytes they take in a batch, at most."""
    at: float
    """When they were first submitted, on the monotonic clock."""
    done: Callable[[], None] | None = None
    """Called once all in-sync brokers have the records."""
    owner: object = None
    """Whatever the caller wants back where Kafka refuses the records."""
    name: str | None = None
    """Of a replaceable submission: a newer one of this name takes its place while it waits."""


def size_of(records: Sequence[Record], overhead: int) -> int:
    """Bytes that the records take in a batch, at most; `overhead` is that of one record. TypeError unless bytes."""
    size = 0
    for key, value in records:
        # Found out here, not while a batch is built: there it would stand for ever at the head of its partition.
        if type(value) is not bytes or not (key is None or type(key) is bytes):
            raise TypeError("keys and values of records are bytes")
        size += len(value) + overhead + (0 if key is None else len(key))
    return size
