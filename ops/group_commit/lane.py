# ruff: noqa: SLF001 - the one file that knows aiokafka's insides
"""One aiokafka producer that sends a batch once and is replaced when it is stuck.

Everything that we rely on inside aiokafka (0.14) stands in this file:

- its own retries hold all partitions of a broker back (backoff, metadata wait), so `_batch_ttl` is -1: a batch expires
  with its first failure, and the caller retries;
- it gives the broker as long to answer as it waits itself, and so never hears the answer "this partition timed out,
  the others are there": the broker gets a second less;
- a batch of a partition without a leader makes its sender spin on metadata, so it gets none;
- an unexpected exception kills its sender for good, `stop()` can hang, and a request that timed out takes its
  connection along: a lane through which nothing came for `PATIENCE_S` gets a new producer;
- it closes connections that were idle for nine minutes by itself, so a lane that is no longer used costs little.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from time import monotonic, time
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition, errors

from ops.group_commit.patience import Patience
from ops.group_commit.submission import Header, Submission

PATIENCE_S = 20.0
REQUEST_TIMEOUT_MS = 5000
BROKER_TIMEOUT_MS = 4000
"""How long a broker waits for its followers. Less than what makes a partition away: one with a dead follower must not
drag its companions in a request along."""

UNSURE_ERRORS = (errors.UnknownError, errors.CorruptRecordException)
"""Refusals that may be the broker's own trouble: code 87 (INVALID_RECORD) has no class and arrives as UnknownError, as
a real -1 does."""
CONTENT_ERRORS = (
    errors.MessageSizeTooLargeError,
    errors.RecordListTooLargeError,
    errors.InvalidTimestampError,
    *UNSURE_ERRORS,
)
"""Kafka's refusals of what is in a batch. Every other error is the cluster's trouble, which passes."""


class Lane:
    """Sends to one topic. `options` are aiokafka's own: brokers, security, client id."""

    def __init__(self, topic: str, headers: Sequence[Header], max_batch_bytes: int, options: Mapping[str, Any]) -> None:
        self._topic, self._headers = topic, list(headers)
        self._options = {
            **options,
            "acks": "all",
            "enable_idempotence": False,  # one refused batch would spoil an idempotent producer's partition for good
            "max_batch_size": max_batch_bytes,
            "request_timeout_ms": REQUEST_TIMEOUT_MS,
        }
        self._producer: AIOKafkaProducer | None = None
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
        if self._producer is None:
            return None
        leader: int | None = self._producer.client.cluster.leader_for_partition(partition)
        return None if leader == -1 else leader

    def refresh(self) -> None:
        """Learn the leaders anew, in the background; many calls are one."""
        now = monotonic()
        if self._failing_since is None:
            self._failing_since = now
        if self._producer is not None and now - self._failing_since <= PATIENCE_S:
            self._producer.client.force_metadata_update()
        elif self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())

    async def send(self, partition: TopicPartition, batch: Sequence[Submission]) -> None:
        """Send these submissions once, as one batch. Raises one of CONTENT_ERRORS, or any other: the cluster's trouble.

        After an error the batch may be on the log or not.
        """
        try:
            if self._producer is None or self.leader(partition) is None:
                raise errors.LeaderNotAvailableError("" if self.error is None else repr(self.error))
            builder = self._build(self._producer, batch)
            with Patience(PATIENCE_S):
                answer = await self._producer.send_batch(builder, partition.topic, partition=partition.partition)
                await _arrival(answer)
            answer.result()
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
            await _stop(self._producer, seconds)

    def _build(self, producer: AIOKafkaProducer, batch: Sequence[Submission]) -> Any:
        builder, headers = producer.create_batch(), self._headers
        wall_clock = time() - monotonic()
        for submission in batch:
            at_ms = int((wall_clock + submission.at) * 1000)  # the time of submission: a repeat is the same record
            for key, value in submission.records:
                # None means that it did not fit, and would be a lost record; our sizes are upper bounds.
                if builder.append(timestamp=at_ms, key=key, value=value, headers=headers) is None:
                    raise AssertionError("a record's size was underestimated")
        return builder

    async def _renew(self) -> None:
        new = AIOKafkaProducer(**self._options)
        new._message_accumulator._batch_ttl = -1
        new._sender._request_timeout_ms = BROKER_TIMEOUT_MS
        unwanted: AIOKafkaProducer | None = new
        try:
            async with asyncio.timeout(PATIENCE_S):
                await new.start()
                await new.partitions_for(self._topic)
            unwanted, self._producer, self._failing_since = self._producer, new, None
            self.error = None
        except asyncio.CancelledError:
            _abandon(new)
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is: tried again when something is to be sent
            self.error = error
        if unwanted is not None:
            await _stop(unwanted, PATIENCE_S)


def _arrival(answer: asyncio.Future[Any]) -> asyncio.Future[None]:
    """Done when the answer is. To give it up leaves the answer alone; what becomes of it then has been seen, or asyncio
    complains. (asyncio.wait does the same at several times the cost.)"""
    arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def look(answer: asyncio.Future[Any]) -> None:
        if not answer.cancelled():
            answer.exception()
        if not arrival.done():
            arrival.set_result(None)

    answer.add_done_callback(look)
    return arrival


async def _stop(producer: AIOKafkaProducer, seconds: float) -> None:
    """Stop a producer, for at most so long. What it still holds fails, and is sent again by another one."""
    accumulator = producer._message_accumulator
    accumulator.fail_all(errors.ProducerClosed())  # stop() would wait for it
    for batches in accumulator._batches.values():
        for batch in batches:
            batch._drain_waiter.exception()  # nobody else looks at it, and asyncio complains
    try:
        async with asyncio.timeout(seconds):
            await producer.stop()
    except asyncio.CancelledError:
        _abandon(producer)
        raise
    except Exception:  # noqa: BLE001 - it is of no use any more, whatever is wrong with it
        _abandon(producer)


def _abandon(producer: AIOKafkaProducer) -> None:
    """Drop the tasks and connections of a producer that does not stop."""
    producer._closed = True  # else it complains that nobody stopped it
    for task in (producer._sender.sender_task, producer.client._sync_task):
        if task is not None:
            task.cancel()
    for connection in producer.client._conns.values():
        if connection._writer is not None:
            connection._writer.transport.abort()  # close() alone would wait until a stopped broker reads
        connection.close()
