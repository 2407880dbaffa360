"""How far a reader is behind: in records, and in seconds since the broker took the oldest one that waits.

Records alone do not say it: a sink that was six minutes late once waited for ten of them.
"""

import contextlib
import time
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from ops.clients import started, stop, within
from ops.kafka import KafkaSettings, consumer_options

READ_S = 3.0  # that reading the oldest records may take
_POLL_MS = 200
_FETCH_BYTES = 64 * 1024  # of a partition; a larger batch comes whole, though alone


class Waiting(NamedTuple):
    """What a reader has not settled of a partition: so many records, the oldest of them at `offset` or behind it.

    `appended_ms` is when the broker took that one, in milliseconds since 1970, where the reader has it in hand.
    """

    records: int
    offset: int
    appended_ms: int | None = None


class Lag(NamedTuple):
    """`seconds` is the age of the oldest record that waits, in real seconds; None where that could not be found out."""

    records: int
    seconds: float | None


def total(lags: Collection[Lag]) -> Lag:
    """All partitions together: the records of all, and the age of the oldest; that is None where no age is known."""
    ages = [lag.seconds for lag in lags if lag.seconds is not None]
    seconds = max(ages) if ages else None if lags else 0.0
    return Lag(sum(lag.records for lag in lags), seconds)


class LagMeter:
    """Knows when the broker took the oldest record that waits: it reads that one record, by a consumer of its own."""

    def __init__(self, kafka: KafkaSettings, client_id: str) -> None:
        self._options = {**consumer_options(kafka, client_id), "max_partition_fetch_bytes": _FETCH_BYTES}
        self._consumer: AIOKafkaConsumer | None = None
        self._known: dict[TopicPartition, tuple[int, int]] = {}
        """(offset, append time) of the oldest record that waited last time."""

    async def measure(self, waiting: Mapping[TopicPartition, Waiting]) -> dict[TopicPartition, Lag]:
        """The lag of each partition. With Kafka away some have no seconds; nothing is raised."""
        asked = {tp: one.offset for tp, one in waiting.items() if one.records and one.appended_ms is None}
        self._known = {tp: known for tp, known in self._known.items() if asked.get(tp) == known[0]}
        nothing = {tp for tp, one in waiting.items() if not one.records}
        if unknown := {tp: offset for tp, offset in asked.items() if tp not in self._known}:
            # What was read until it fails is known.
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await within(READ_S, self._read(unknown, nothing))
        now_ms = time.time_ns() // 1_000_000
        return {
            tp: Lag(one.records, 0.0 if tp in nothing else self._seconds(tp, one, now_ms))
            for tp, one in waiting.items()
        }

    async def close(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop(consumer.stop)

    def _seconds(self, tp: TopicPartition, waiting: Waiting, now_ms: int) -> float | None:
        appended_ms = waiting.appended_ms
        if appended_ms is None and tp in self._known:
            appended_ms = self._known[tp][1]
        return None if appended_ms is None else max(0.0, (now_ms - appended_ms) / 1000)

    async def _read(self, offsets: Mapping[TopicPartition, int], nothing: set[TopicPartition]) -> None:
        """Learn the append time of the first record at or behind each offset; add to `nothing` where there is none."""
        consumer = await self._started()
        left = dict(offsets)
        ends = await consumer.end_offsets(list(left))
        consumer.assign(list(left))
        try:
            for tp, offset in left.items():
                consumer.seek(tp, offset)
            while left:
                polled: Mapping[TopicPartition, Any] = await consumer.getmany(*left, timeout_ms=_POLL_MS)
                for tp, records in polled.items():
                    self._known[tp] = left.pop(tp), records[0].timestamp
                for tp in list(left):
                    if await consumer.position(tp) >= ends[tp]:  # markers of transactions, and nothing else
                        nothing.add(tp)
                        del left[tp]
        finally:
            consumer.pause(*offsets)  # or it would go on to fetch

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(**self._options)
            self._consumer = await started(consumer, consumer.stop)
        return self._consumer
