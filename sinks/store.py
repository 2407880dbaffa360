"""What a store must do, and how it says that it cannot.

StoreError
├── StoreAwayError       it does not answer, or not now: the same again later, for ever
├── StoreClosedError     it answers, and an operator must act (401, 403, 404): pause, say so, try again now and then
└── BatchRefusedError    it refuses what was sent; the batch is halved until the bad item stands alone
    └── BatchTooLargeError   it refuses the size only
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from contracts.errors import VoltstreamError
from sinks.records import Record

Permit = Callable[[], Awaitable[None]]
"""Awaited right before anything leaves for the store: returns while we surely own the partitions, else raises."""


class StoreError(VoltstreamError):
    """Base of what a store raises."""

    code = "store"


class StoreAwayError(StoreError):
    """The store does not answer, or says that it cannot now."""

    code = "store-away"
    retriable = True

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class StoreClosedError(StoreError):
    """The store turns us away until an operator changes something."""

    code = "store-closed"
    retriable = True


class BatchRefusedError(StoreError):
    """The store refuses the content of what was sent; nothing, or all that was good of it, is written."""

    code = "refused"


class BatchTooLargeError(BatchRefusedError):
    """The store refuses the size of what was sent."""

    code = "too-large"


class Refusal(NamedTuple):
    """A record that the store will never take; `line` is what was sent of it, where that is text of its own."""

    record: Record
    code: str
    error: str
    line: str | None = None


class Store(Protocol):
    """A place to keep what was derived. Everything it does is idempotent.

    What it is given was decoded, and its own time (`at`, `start`, `raised_at`, `point_at`) is a time. In whatever order
    and however often it is given them, it keeps every sample, and of each other identity (`sinks.records.identity`)
    the record with the greatest version. Void sessions, and the former points of a session that moved, are not shown
    as sessions: where an earlier version of them stands it is replaced or marked, so that a sum counts each kWh once.
    """

    @property
    def name(self) -> str:
        """One word, for the consumer group and the dead letters."""

    async def open(self) -> None:
        """Make ready, as often as it is called. Raises StoreAwayError, StoreClosedError."""

    async def write(self, records: Sequence[Record], permit: Permit) -> list[Refusal]:
        """Keep them, newest versions of each; returns when all are accepted but those returned.

        Raises StoreAwayError and StoreClosedError: then the same records are written again, from the first on.
        """

    async def close(self) -> None:
        """Let go of it."""
