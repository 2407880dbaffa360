"""The node's way to the log: `messages`, and the dead letters of what Kafka refuses."""

import asyncio
import base64
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from time import monotonic
from typing import Protocol

import msgspec

from contracts import envelope, events, topics
from contracts.errors import ConfigurationError, RecordError
from contracts.topics import DLQ_LIMIT, FRAME_LIMIT, MESSAGES_LIMIT, TOPICS, Name, partition_of, schema_header
from edge.settings import EdgeSettings
from ops.group_commit import Closed, Full, GroupCommit, Submission, TooLarge
from ops.group_commit.commit import MAX_BATCH_BYTES
from ops.group_commit.submission import Record
from ops.health import Readiness
from ops.kafka import KafkaSettings, client_options
from ops.metrics import edge as metrics
from ops.topics import ensure_topics

log = logging.getLogger(__name__)

ENVELOPE_ROOM = 64 << 10
"""What a record may hold beside its frame: findings, mostly; and its reply's record."""
LATER_SHARE = 0.1
"""Of the time to close in: what each step at least leaves to those behind it."""


class Waiter(Protocol):
    """Something whose records were turned away."""

    def resume(self) -> bool:
        """Submit them again; whether all were taken."""


class Writer:
    """Records of this node's stations. To be created and used within one event loop.

    `on_refused(submission, error)` hears of what Kafka refuses for its content, once it is in the dead letters, and
    gives what takes its place.
    """

    def __init__(
        self,
        settings: EdgeSettings,
        kafka: KafkaSettings,
        on_refused: Callable[[Submission, Exception], Sequence[Record] | None],
        on_away: Callable[[int, bool], None],
    ) -> None:
        self.partitions = kafka.partitions
        self._settings, self._kafka, self._on_refused = settings, kafka, on_refused
        # A frame that is no JSON stands in its record in base64.
        record = settings.frame_limit * 4 // 3 + ENVELOPE_ROOM
        batch = max(MAX_BATCH_BYTES, record)
        self._topics = (
            _with_limit(Name.MESSAGES, max(MESSAGES_LIMIT, batch + MESSAGES_LIMIT - MAX_BATCH_BYTES)),
            _with_limit(Name.DLQ, max(DLQ_LIMIT, 2 * settings.frame_limit + ENVELOPE_ROOM)),
        )
        options = client_options(kafka, "voltstream-edge")
        self._commit = GroupCommit(
            options,
            kafka.topic(Name.MESSAGES),
            kafka.partitions,
            on_refused=self._refused,
            on_away=on_away,
            headers=[schema_header(Name.MESSAGES)],
            max_records=settings.in_flight_records,
            max_bytes=max(settings.in_flight_bytes, 2 * batch),
            max_batch_bytes=batch,
            linger_s=settings.linger_ms / 1000,
        )
        self._dead_letters = GroupCommit(
            options,
            kafka.topic(Name.DLQ),
            kafka.partitions,
            on_refused=_lost,
            headers=[schema_header(Name.DLQ)],
            max_batch_bytes=self._topics[1].max_message_bytes - (MESSAGES_LIMIT - MAX_BATCH_BYTES),
        )
        self._dead_letters_start: asyncio.Task[None] | None = None
        self._waiting: list[deque[tuple[float, Waiter]]] = [deque() for _ in range(kafka.partitions)]
        self.is_open = False
        """Whether the topics are there and records are taken."""
        self.unwritten = 0
        """Records that came when it was closed already."""
        self._closed = False
        self.submit = self._commit.submit
        """(partition, records, done, owner): as GroupCommit's. Raises Full, TooLarge, Closed."""

    async def open(self, readiness: Readiness) -> None:
        """Return when Kafka has the topics; with Kafka away, try for ever. Raises ConfigurationError."""
        try:
            await ensure_topics(self._kafka, readiness, self._topics)
        except ConfigurationError as error:
            if self._settings.frame_limit > FRAME_LIMIT and "max.message.bytes" in str(error):
                raise self._settings.wrong(
                    "frame_limit", f"{self._settings.frame_limit} is too much: {error}"
                ) from None
            raise
        await self._commit.start()
        self.is_open = True

    def partition_of(self, key: bytes) -> int:
        return partition_of(key, self.partitions)

    def away(self, partition: int) -> bool:
        """Whether the partition owes an answer for too long, or was never reached."""
        return not self.is_open or self._commit.away(partition)

    def away_count(self) -> int:
        return self._commit.away_count()

    def age(self, partition: int) -> float:
        """Real seconds for which its oldest record that is not on the log has waited; for room, too."""
        return max(self._commit.oldest_unacked_age(partition), self.without_room(partition))

    def without_room(self, partition: int) -> float:
        """Real seconds for which the first of those who wait for room has waited; 0 where nobody does."""
        waiting = self._waiting[partition]
        return monotonic() - waiting[0][0] if waiting else 0.0

    def tick(self, partition: int, key: bytes, value: bytes) -> None:
        """At most one tick waits for a partition."""
        self._commit.replace(partition, "tick", key, value)

    def wait(self, partition: int, waiter: Waiter) -> None:
        """Resume it, in its turn, when there is room again."""
        self._waiting[partition].append((monotonic(), waiter))

    def room(self, partition: int) -> None:
        """Something was acknowledged: resume those who wait, as many as there is room for."""
        waiting = self._waiting[partition]
        while waiting and waiting[0][1].resume():
            waiting.popleft()

    def rooms(self) -> None:
        """As `room`, for all partitions: for those whose last records had nobody to hear of their acknowledgement."""
        for partition in range(self.partitions):
            self.room(partition)

    def unacknowledged(self) -> int:
        return self._commit.unacknowledged()

    def waiting_bytes(self) -> int:
        return self._commit.waiting_bytes()

    async def close(self, deadline_s: float) -> int:
        """Flush for at most so many real seconds; how many submissions are left unacknowledged, dead letters too.

        One after another, since what comes first feeds the next: those who wait for room, the log, the dead letters of
        what Kafka refuses until then. Each may take what the ones before it left, and those leave it a share. A second
        time nothing happens.
        """
        if self._closed:
            return 0
        end = monotonic() + deadline_s
        room_until, log_until = end - 2 * LATER_SHARE * deadline_s, end - LATER_SHARE * deadline_s
        while any(self._waiting) and monotonic() < room_until:
            await asyncio.sleep(0.01)
            self.rooms()
        left = await self._commit.close(max(0.0, log_until - monotonic()))
        self.rooms()  # whoever waits still finds it closed, and is counted
        left += await self._close_dead_letters(end)
        self._closed = True
        return left

    async def _close_dead_letters(self, end: float) -> int:
        if self._dead_letters_start is not None:  # or it would begin to send behind the close
            await asyncio.wait([self._dead_letters_start], timeout=max(0.0, end - monotonic()))
            self._dead_letters_start.cancel()
        return await self._dead_letters.close(max(0.0, end - monotonic()))

    def never(self, records: Sequence[Record], error: Exception) -> None:
        """No batch can hold the records: they go to the dead letters, like those that Kafka refuses."""
        metrics.COMMIT_REFUSED.inc()
        log.error(
            "records are too large", extra={"bytes": sum(len(value) for _, value in records), "error": str(error)}
        )
        self._bury(records, error)

    def _bury(self, records: Sequence[Record], error: Exception) -> None:
        if self._dead_letters_start is None:  # most nodes never need it
            self._dead_letters_start = asyncio.create_task(self._dead_letters.start())
        for key, value in records:
            letter = _letter(self._kafka.topic(Name.MESSAGES), key, value, error)
            partition = 0 if key is None or key == topics.REJECTED_KEY else self.partition_of(key)
            try:
                try:
                    self._dead_letters.submit(partition, [(key, events.encode(letter))], None)
                except TooLarge:  # in base64 it is larger still: then at least that it was
                    letter = msgspec.structs.replace(letter, value=None)
                    self._dead_letters.submit(partition, [(key, events.encode(letter))], None)
            except (Full, TooLarge, Closed) as reason:  # there is no place left to keep it
                log.error("a dead letter is lost", extra={"bytes": len(value), "error": repr(reason)})

    def _refused(self, submission: Submission, error: Exception) -> Sequence[Record] | None:
        self._bury(submission.records, error)
        return self._on_refused(submission, error)


def _letter(topic: str, key: bytes | None, value: bytes, error: Exception) -> events.DeadLetter:
    conn = seq = None
    with suppress(RecordError):
        record = envelope.decode(value)
        conn, seq = record.conn, record.seq
    return events.DeadLetter(
        v=events.VERSION,
        part="edge",
        name=topic,
        code="refused",
        error=f"{type(error).__name__}: {error}",
        key=None if key is None else _base64(key),
        value=_base64(value),
        conn=conn,
        seq=seq,
    )


def _with_limit(name: Name, max_message_bytes: int) -> topics.Topic:
    topic = TOPICS[name]
    return topics.Topic(
        topic.name, topic.key, topic.cleanup, topic.retention_days, max_message_bytes, major=topic.major
    )


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _lost(submission: Submission, error: Exception) -> None:
    log.error("a dead letter was refused", extra={"bytes": submission.size, "error": repr(error)})
