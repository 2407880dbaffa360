"""What the engine asks of an agent: a source topic, keyed state, and a pure fold over both.

An agent sees no Kafka, no asyncio and no clock: records and immutable state objects come in, outputs go out. Time and
identity are in the records. The engine does the rest: it loads, folds, sends and acknowledges.
"""

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol, runtime_checkable

import msgspec

from streams.engine.state import State

CLOCK_KEY = b"\x00clock"
"""The agent's key under which the engine keeps its fence beside the agent's own object; written with every batch."""

DeadLetterCode = Literal["fold-error", "too-large"]


class Record(msgspec.Struct, frozen=True, gc=False):
    """One record of the source topic, as the log holds it."""

    offset: int
    timestamp_ms: int
    log_append: bool
    """Whether `timestamp_ms` is the broker's time of appending; otherwise it is the producer's word."""
    key: bytes | None
    value: bytes | None
    partition: int
    topic: str


class Output(msgspec.Struct, frozen=True):
    """One record to send, in the transaction of the batch that caused it."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None
    """None: the partition number of the source record, whatever the key."""


class PartitionFold(Protocol):
    """The fold over one partition. It may keep indexes of its own in memory, built from the states by `Agent.open`."""

    def fold(self, record: Record, state: State) -> Iterable[Output | None]:
        """Fold one record.

        Where that may take long (a tick is about every station of a node) it gives None between two steps: the engine
        may do something else before it asks for the next one.

        Whatever this raises sends the record to the dead letters, and what it changed in `state` is undone; only a
        `contracts.errors.LogContradictionError` ends the process, with its sentence, and nothing of the batch stays.
        """
        ...


@runtime_checkable
class IndexedFold(Protocol):
    """A fold that keeps something in memory beside the state: it is told when the engine takes changes back."""

    def undone(self, keys: Iterable[bytes], state: State) -> None:
        """The changes to these keys since the last good record are undone: bring the indexes back to `state`."""
        ...


class Agent(Protocol):
    """One per source topic."""

    @property
    def name(self) -> str:
        """Leads the agent's keys on the state topic: NAME/key. No slash in it."""
        ...

    @property
    def source(self) -> str:
        """The topic that is folded."""
        ...

    @property
    def format(self) -> int:
        """0-255, the first byte of every state value. A loader stops at any other: rebuild with `voltstream replay`."""
        ...

    def decode(self, key: bytes, value: bytes) -> object:
        """A state object, immutable, never None."""
        ...

    def encode(self, key: bytes, state: object) -> bytes:
        """The inverse of `decode`: equal objects give equal bytes, or unchanged states would be written again."""
        ...

    def open(self, partition: int, states: Mapping[bytes, bytes]) -> PartitionFold:
        """Begin a partition whose states are loaded: agent's key -> encoded value, without the format byte.

        Called in a thread of its own, since it may look at every state.
        """
        ...

    def dead_letter(self, record: Record, error: Exception, code: DeadLetterCode) -> Output:
        """The record of the dead-letter topic for a record that could not be handled."""
        ...
