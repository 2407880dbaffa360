"""One way to Kafka: a producer that sends a batch once, and is replaced when it is stuck.

A connection that hangs, metadata that is not learnt: whatever it is, a lane through which nothing came for
`PATIENCE_S` gets a new producer. One whose producer cannot learn the leaders any more gets it at once: its other
partitions may go on for ever.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from aiokafka import TopicPartition, errors

from ops.group_commit.batch import record_batch
from ops.group_commit.producer import InvalidRecordError, Producer
from ops.group_commit.submission import Header, Submission

PATIENCE_S = 20.0

UNSURE_ERRORS = (errors.UnknownError, errors.CorruptRecordException)
"""Refusals that may be the broker's own trouble."""
CONTENT_ERRORS = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidTimestampError,
    InvalidRecordError,
    *UNSURE_ERRORS,
)
"""Kafka's refusals of what is in a batch. Every other error is the cluster's trouble, which passes."""


class Lane:
    """Sends to one topic. `options` are aiokafka's own: brokers, security, client id."""

    def __init__(self, topic: str, headers: Sequence[Header], max_batch_bytes: int, options: Mapping[str, Any]) -> None:
        self._topic, self._headers, self._max_batch_bytes, self._options = topic, headers, max_batch_bytes, options
        self._producer: Producer | None = None
        self._failing_since: float | None = None
        self._renewal: asyncio.Task[None] | None = None
        self.error: Exception | None = None
        """Why there is no new producer, where one could not be had."""

    @property
    def started(self) -> bool:
        """Whether it ever reached Kafka."""
        return self._producer is not None

    async def start(self, seconds: float) -> None:
        """Try to reach Kafka, for so long; where that fails, it goes on trying when something is to be sent."""
        self.refresh()
        if self._renewal is not None:
            await asyncio.wait([self._renewal], timeout=seconds)

    def leader(self, partition: TopicPartition) -> int | None:
        """The broker that leads the partition, as far as this lane knows."""
        return None if self._producer is None else self._producer.leader(partition)

    def refresh(self) -> None:
        """Learn the leaders anew, in the background; many calls are one."""
        now = monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if self._producer is not None and self._producer.learns and now - self._failing_since <= PATIENCE_S:
            self._producer.refresh()
        elif self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())

    async def send(self, partition: TopicPartition, batch: Sequence[Submission]) -> None:
        """Send these submissions once, as one batch. Raises one of CONTENT_ERRORS, or any other: the cluster's trouble.

        After an error the batch may be on the log or not.
        """
        try:
            leader = self.leader(partition)
            if self._producer is None or leader is None:
                raise errors.LeaderNotAvailableError("" if self.error is None else repr(self.error))
            records = record_batch(batch, self._headers, self._max_batch_bytes)
            await self._producer.send(leader, partition.partition, records)
        except CONTENT_ERRORS:
            self._failing_since = None  # an answer, too
            raise
        except Exception:
            self.refresh()
            raise
        self._failing_since = None

    async def close(self, seconds: float) -> None:
        """Stop the producer, and give its connections up where that takes longer than `seconds`."""
        if self._renewal is not None:
            self._renewal.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewal
        if self._producer is not None:
            await self._producer.stop(seconds)

    async def _renew(self) -> None:
        new = Producer(self._topic, self._options)
        unwanted: Producer | None = new
        try:
            async with asyncio.timeout(PATIENCE_S):
                await new.start()
            unwanted, self._producer, self._failing_since = self._producer, new, None
            self.error = None
        except asyncio.CancelledError:
            new.abandon()
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: tried again when something is to be sent
            self.error = error
        if unwanted is not None:
            await unwanted.stop(PATIENCE_S)
