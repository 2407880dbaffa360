"""What the engine tells whoever counts: subclass what is of interest. Called on the event loop; must return at once."""

from collections.abc import Sequence

import msgspec

from streams.engine.agent import Output


class BatchReport(msgspec.Struct, frozen=True):
    """One committed batch."""

    topic: str
    partition: int
    records: int
    outputs: int
    states: int
    dead_letters: int
    fold_s: float
    commit_s: float
    sent: Sequence[Output]
    """The outputs and dead letters themselves."""


class PartitionView(msgspec.Struct, frozen=True):
    """Where an owned partition stands."""

    topic: str
    partition: int
    loaded: bool
    keys: int
    state_bytes: int
    """Of the keys and their encoded states."""
    since_commit_s: float
    """Real seconds since its last batch was committed, or since it was loaded."""
    next_offset: int | None
    """The next source offset to fold; None until it is loaded."""
    end_offset: int | None
    """The partition's end as last heard of; None before the first fetch."""

    @property
    def lag(self) -> int | None:
        """Records that wait; None while either end is not known."""
        if self.next_offset is None or self.end_offset is None:
            return None
        return max(0, self.end_offset - self.next_offset)


class Observer:
    """Hears everything and does nothing."""

    def loaded(self, topic: str, partition: int, keys: int, seconds: float) -> None:
        """A newly assigned partition's state is in memory."""

    def committed(self, batch: BatchReport) -> None:
        """A batch's transaction is on the log."""

    def read_again(self, topic: str, partition: int) -> None:
        """A batch began beyond the next offset and is fetched once more."""

    def rebalanced(self, kept: int, gained: int, lost: int) -> None:
        """A new generation of the group: partitions that stayed, came and went."""
