"""Group commit: an acknowledgement of Kafka's releases everything that waited for it, in order.

One batch in flight a partition; what is submitted meanwhile is the next batch. No linger is needed: an idle edge sends
at once, a busy one sends bigger batches. After a failure they are smaller, and grow while answers are quick: a backlog
gets through a slow link, too.

The promise is at least once and in order. A batch is sent again until Kafka answers, before anything newer of its
partition, so a record may stand on the log twice, but first occurrences are never reordered and never have gaps. What
Kafka refuses for its content is halved until the bad submission stands alone; that one goes to `on_refused`, which may
put other records in its place, and all others go on.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any

from aiokafka import TopicPartition

from ops.group_commit.lane import Lane
from ops.group_commit.queue import PartitionQueue
from ops.group_commit.sender import PartitionSender
from ops.group_commit.submission import (
    BATCH_OVERHEAD,
    HEADER_OVERHEAD,
    RECORD_OVERHEAD,
    Closed,
    Full,
    Header,
    Record,
    Submission,
    TooLarge,
    size_of,
)

MAX_BATCH_BYTES = 1_000_000
"""Below the brokers' default max.message.bytes (1,048,588), which counts a batch, not a record."""
JUDGE_EVERY_S = 0.25
SHORTEST_STOP_S = 0.2
START_PATIENCE_S = 2.0


def _ignore(_partition: int, _away: bool) -> None:  # noqa: FBT001 - the shape of on_away
    pass


class GroupCommit:
    """The producer of one topic. To be created and used within one event loop.

    `options` are aiokafka's (ops.kafka.client_options). `on_refused(submission, error)` is called for what Kafka
    refuses for its content, and gives the records that take its place, if any; `on_away(partition, away)` when a
    partition has owed an answer for 5 real seconds, and when any record of it is acknowledged again. `max_records` and
    `max_bytes` bound what may wait, a partition; `linger_s` is how long a batch waits for more.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        topic: str,
        partitions: int,
        *,
        on_refused: Callable[[Submission, Exception], Sequence[Record] | None],
        on_away: Callable[[int, bool], None] = _ignore,
        headers: Sequence[Header] = (),
        max_records: int = 20_000,
        max_bytes: int = 32 << 20,
        max_batch_bytes: int = MAX_BATCH_BYTES,
        linger_s: float = 0.0,
    ) -> None:
        self.topic, self.max_records, self.max_bytes, self.max_batch_bytes = (
            topic,
            max_records,
            max_bytes,
            max_batch_bytes,
        )
        self._overhead = RECORD_OVERHEAD + sum(
            len(key.encode()) + len(value) + HEADER_OVERHEAD for key, value in headers
        )
        self._on_refused = on_refused
        self._main = Lane(topic, headers, max_batch_bytes, options)
        self._queues = [PartitionQueue(max_batch_bytes) for _ in range(partitions)]
        self._senders = [
            PartitionSender(
                TopicPartition(topic, number),
                queue,
                self._main,
                Lane(topic, headers, max_batch_bytes, options),
                self._refused,
                on_away,
                linger_s,
            )
            for number, queue in enumerate(self._queues)
        ]
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to send. With Kafka away this returns, too, and what is submitted waits for it."""
        await self._main.start(START_PATIENCE_S)
        self._tasks = [asyncio.create_task(sender.run()) for sender in self._senders]
        self._tasks.append(asyncio.create_task(self._judge()))

    def submit(
        self, partition: int, records: Sequence[Record], done: Callable[[], None] | None, owner: object = None
    ) -> None:
        """Put records on the log, in one batch; `done()` when all in-sync brokers have them.

        Raises Full (try again later), TooLarge (never), Closed, and TypeError where a key or value is not bytes.
        """
        queue, size = self._queues[partition], self._checked_size(records)
        if queue.records + len(records) > self.max_records or queue.bytes + size > self.max_bytes:
            raise Full(f"{self.topic}/{partition}: {queue.records} records ({queue.bytes} bytes) wait")
        queue.add(Submission(records, size, monotonic(), done, owner))
        self._senders[partition].wake()

    def replace(self, partition: int, name: str, key: bytes, value: bytes) -> None:
        """Put one record on the log in place of the one of this name that still waits for this partition.

        For node ticks: during an outage at most one waits (a second while one is being sent). It is no part of
        `unacknowledged` and not turned away by the bounds. Readers must take an old one after a newer one: a repeat of
        any record may be that, and so may one that was replaced after an attempt was given up, if it lands after all.
        Raises TooLarge, Closed, TypeError.
        """
        records = ((key, value),)
        self._queues[partition].replace(Submission(records, self._checked_size(records), monotonic(), name=name))
        self._senders[partition].wake()

    def away(self, partition: int) -> bool:
        """Whether the partition has owed an answer for 5 s, and none came since."""
        return self._senders[partition].away

    def away_count(self) -> int:
        """How many partitions are away."""
        return sum(sender.away for sender in self._senders)

    def oldest_unacked_age(self, partition: int) -> float:
        """Real seconds since the oldest unacknowledged record was first submitted; 0 where there is none."""
        return self._queues[partition].age(monotonic())

    def trouble(self, partition: int) -> str:
        """The cluster's trouble with this partition, in words; "" where there is none."""
        return self._senders[partition].trouble()

    def unacknowledged(self) -> int:
        """Submissions without an answer, ticks aside."""
        return sum(map(len, self._queues))

    def waiting_bytes(self) -> int:
        """Bytes that wait in memory, those in flight included."""
        return sum(queue.bytes for queue in self._queues)

    async def close(self, deadline_s: float) -> int:
        """Flush for at most `deadline_s` real seconds, then stop; how many submissions are left unacknowledged."""
        self._closing, end = True, monotonic() + deadline_s
        while self.unacknowledged() and monotonic() < end:  # noqa: ASYNC110 - once in a process's life
            await asyncio.sleep(0.01)
        left = self.unacknowledged()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        seconds = max(SHORTEST_STOP_S, end - monotonic())
        await asyncio.gather(*(lane.close(seconds) for lane in [self._main, *(one.own for one in self._senders)]))
        return left

    def _checked_size(self, records: Sequence[Record]) -> int:
        size = size_of(records, self._overhead)
        if size + BATCH_OVERHEAD > self.max_batch_bytes:
            raise TooLarge(f"{size} bytes in one batch of {self.max_batch_bytes}")
        if self._closing:
            raise Closed(self.topic)
        return size

    def _refused(self, culprit: Submission, error: Exception) -> Submission | None:
        """What takes its place: in order, and with its age. Nobody is asked to replace that in its turn."""
        records = self._on_refused(culprit, error)
        return Submission(records, size_of(records, self._overhead), culprit.at) if records else None

    async def _judge(self) -> None:
        while True:
            await asyncio.sleep(JUDGE_EVERY_S)
            for sender in self._senders:
                sender.judge()
