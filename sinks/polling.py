"""Batches of the derived topics, for one member of a consumer group. A log that was cut is not skipped in silence."""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from contracts.errors import LogContradictionError
from contracts.topics import Name
from ops.clients import within
from ops.health import Readiness
from ops.kafka import KafkaSettings, consumer_options
from ops.lag import Waiting
from sinks.membership import HEARTBEAT_INTERVAL_MS, SESSION_TIMEOUT_MS, Membership
from sinks.records import READ, Place, Received

log = logging.getLogger(__name__)

POLL_S = 0.5  # at most, before one looks whether to stop
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0  # between attempts to reach Kafka
LAG_S = 5.0  # that asking for the lag may take
FETCH_WAIT_MS = 50  # a partition that was just read waits for the fetch under way, which is for the others
BATCH_BYTES = 16 * 1024 * 1024  # of values that are gathered for one batch
_FOR_EVER_MS = 2**31 - 1

Offsets: TypeAlias = Mapping[TopicPartition, int]


@dataclass(slots=True)
class Batch:
    """What was polled for one delivery, and where each partition goes on after it."""

    received: list[tuple[Name, Received]] = field(default_factory=list)
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    size: int = 0
    oldest: dict[TopicPartition, Waiting] = field(default_factory=dict)
    """Of each partition, how many records it has here, and the first of them."""

    def add(self, name: Name, tp: TopicPartition, messages: Sequence[Any]) -> None:
        """Messages of aiokafka, in order, at least one."""
        for message in messages:
            place = Place(tp.topic, tp.partition, message.offset)
            self.received.append((name, Received(place, message.key, message.value, message.headers)))
            self.size += len(message.value or b"")
        before = self.oldest.get(tp, Waiting(0, messages[0].offset, messages[0].timestamp))
        self.oldest[tp] = before._replace(records=before.records + len(messages))
        self.offsets[tp] = messages[-1].offset + 1

    def clear(self) -> None:
        self.received.clear()
        self.offsets.clear()
        self.oldest.clear()
        self.size = 0


class Poller:
    """A consumer of the derived topics. One batch is in hand at a time."""

    def __init__(
        self, kafka: KafkaSettings, group: str, membership: Membership, *, records: int, linger_s: float, skip_cut: bool
    ) -> None:
        self._group, self._membership, self._skip_cut = group, membership, skip_cut
        self._records, self._linger_s = records, linger_s
        self._names = {kafka.topic(name): name for name in READ}
        self._options: dict[str, Any] = {
            **consumer_options(kafka, group),
            "group_id": group,
            "auto_offset_reset": "none",
            "session_timeout_ms": SESSION_TIMEOUT_MS,
            "heartbeat_interval_ms": HEARTBEAT_INTERVAL_MS,
            "fetch_max_wait_ms": FETCH_WAIT_MS,
            # A store may be away for hours, and then nothing is polled; the heartbeat goes on beside it.
            "max_poll_interval_ms": _FOR_EVER_MS,
        }
        self._consumer: AIOKafkaConsumer = None
        self._in_hand = Batch()
        self._uncommitted: dict[TopicPartition, int] = {}
        self._generation = 0

    async def start(self, readiness: Readiness) -> None:
        """Join the group; with Kafka away, try for ever."""
        pause_s = FIRST_PAUSE_S
        while True:
            self._consumer = AIOKafkaConsumer(**self._options)
            try:
                await self._consumer.start()
                break
            except (KafkaError, OSError) as error:
                await self._consumer.stop()
                readiness.blocked("kafka", str(error))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        readiness.clear("kafka")
        self._membership.watch(self._consumer)
        self._consumer.subscribe(list(self._names), listener=self._membership)

    async def stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()

    async def poll(self, stop: asyncio.Event) -> Batch:
        """What comes within the linger time after the first record, up to the limits; perhaps nothing."""
        batch, deadline = Batch(), None
        self._in_hand = batch
        while not stop.is_set() and len(batch.received) < self._records and batch.size < BATCH_BYTES:
            left_s = POLL_S if deadline is None else deadline - time.monotonic()
            if left_s <= 0:
                break
            polled = await self._getmany(left_s, self._records - len(batch.received))
            if self._generation != self._membership.generation:
                # What was gathered or not yet committed is of partitions that were revoked.
                batch.clear()
                self._uncommitted.clear()
                self._generation, deadline = self._membership.generation, None
            for tp, messages in polled.items():
                batch.add(self._names[tp.topic], tp, messages)
            if deadline is None:
                if not batch.received:
                    break
                deadline = time.monotonic() + self._linger_s
        return batch

    async def commit(self, batch: Batch) -> bool:
        """Move the offsets behind the batch, which is settled; whether Kafka has them. A revocation must end this, too.

        What cannot be committed now is with the next batch; until then it would be read again, which changes nothing.
        """
        self._uncommitted.update(batch.offsets)
        batch.clear()
        try:
            await self._consumer.commit(self._uncommitted)
            self._uncommitted.clear()
            return True
        except (CommitFailedError, IllegalStateError) as error:  # a rebalance has begun
            log.info("offsets were not committed", extra={"reason": str(error)})
        except KafkaError as error:
            log.warning("offsets were not committed", extra={"reason": str(error)})
        return False

    async def waiting(self) -> Mapping[TopicPartition, Waiting] | None:
        """What is not settled yet, by partition of ours; None where it is not known.

        It is not before the group has given us any, within a rebalance, and while Kafka is away.
        """
        owned = [TopicPartition(*one) for one in self._membership.assigned]
        if not owned:
            return None
        try:
            ends, positions = await within(LAG_S, self._ends_and_positions(owned))
        except (KafkaError, TimeoutError):
            return None
        waiting = {}
        for tp in owned:
            in_hand = self._in_hand.oldest.get(tp, Waiting(0, positions[tp]))
            waiting[tp] = in_hand._replace(records=in_hand.records + max(ends[tp] - positions[tp], 0))
        return waiting

    async def _ends_and_positions(self, owned: Sequence[TopicPartition]) -> tuple[Offsets, Offsets]:
        ends: Offsets = await self._consumer.end_offsets(owned)
        return ends, {tp: await self._consumer.position(tp) for tp in owned}

    async def _getmany(self, seconds: float, most: int) -> Mapping[TopicPartition, Sequence[Any]]:
        try:
            polled: Mapping[TopicPartition, Sequence[Any]] = await self._consumer.getmany(
                timeout_ms=round(seconds * 1000), max_records=most
            )
            return polled
        except NoOffsetForPartitionError as error:  # the group has never read it
            with suppress(IllegalStateError):  # a rebalance has taken it away in the meantime
                await self._consumer.seek_to_beginning(error.args[0])
        except OffsetOutOfRangeError as error:
            with suppress(IllegalStateError):
                await self._out_of_range(error.args[0])
        except KafkaError as error:
            if not error.retriable:
                raise
            log.warning("polling failed", extra={"reason": str(error)})
            await asyncio.sleep(FIRST_PAUSE_S)
        return {}

    async def _out_of_range(self, wanted: Mapping[TopicPartition, int]) -> None:
        for tp, offset in wanted.items():
            first = (await self._consumer.beginning_offsets([tp]))[tp]
            end = (await self._consumer.end_offsets([tp]))[tp]
            where = f"{tp.topic}/{tp.partition}"
            if offset > end:
                raise LogContradictionError(
                    f"{where} ends at offset {end}, but group {self._group} has read up to {offset}: if the topics "
                    "were re-created, raise KAFKA_LOG_EPOCH and give SINK_GROUP a new name"
                )
            sentence = f"{where} was cut: its first record is {first}, and {offset} is not written yet"
            if not self._skip_cut:
                raise LogContradictionError(f"{sentence} (SINK_SKIP_CUT=true goes on without what is gone)")
            log.error("went on behind a gap", extra={"reason": sentence})
            self._consumer.seek(tp, first)
