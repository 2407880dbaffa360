"""The loop of a sink: poll, decode, write, dead letters, commit. An offset moves on only when all before it is settled.

One batch is under way at a time. While the store is away nothing is polled, so what Kafka sends fills one buffer a
partition and stops; the heartbeat goes on beside it.
"""

import asyncio
import logging
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from contracts.errors import LogContradictionError, RecordError
from contracts.topics import Name
from ops.health import Readiness
from ops.kafka import KafkaSettings, consumer_options
from ops.metrics import SINK_BATCH_SECONDS, SINK_RECORDS, SINK_RETRIES
from sinks.dead_letters import Dead, DeadLetters
from sinks.membership import HEARTBEAT_INTERVAL_MS, SESSION_TIMEOUT_MS, Membership
from sinks.records import READ, Place, Received, Record, decode
from sinks.store import Store, StoreAwayError, StoreClosedError, StoreError

log = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 30.0
CLOSED_PAUSE_S = 5.0  # between attempts while the store waits for an operator
POLL_S = 0.5
BATCH_BYTES = 16 * 1024 * 1024  # of values that are gathered for one batch
_FOR_EVER_MS = 2**31 - 1


@dataclass(slots=True)
class Batch:
    """What was polled for one delivery."""

    received: list[tuple[Name, Received]] = field(default_factory=list)
    offsets: dict[TopicPartition, int] = field(default_factory=dict)
    size: int = 0

    def clear(self) -> None:
        self.received.clear()
        self.offsets.clear()
        self.size = 0


class Consumer:
    """Reads the derived topics as a member of `group` and keeps them in `store`."""

    def __init__(
        self,
        kafka: KafkaSettings,
        store: Store,
        readiness: Readiness,
        *,
        group: str,
        batch_records: int,
        linger_s: float,
        skip_cut: bool,
    ) -> None:
        self._store, self._readiness, self._group, self._skip_cut = store, readiness, group, skip_cut
        self._batch_records, self._linger_s = batch_records, linger_s
        self._names = {kafka.topic(name): name for name in READ}
        self._membership = Membership()
        self._dead_letters = DeadLetters(kafka, group, store.name)
        self._batch = Batch()
        self._uncommitted: dict[TopicPartition, int] = {}
        options: dict[str, Any] = {
            **consumer_options(kafka, group),
            "group_id": group,
            "auto_offset_reset": "none",  # a cut log must not be skipped in silence
            "session_timeout_ms": SESSION_TIMEOUT_MS,
            "heartbeat_interval_ms": HEARTBEAT_INTERVAL_MS,
            # A store may be away for hours, and then nothing is polled; a loop that hangs is seen by its heartbeat.
            "max_poll_interval_ms": _FOR_EVER_MS,
        }
        self._new_consumer: Callable[[], AIOKafkaConsumer] = lambda: AIOKafkaConsumer(**options)
        self._consumer: AIOKafkaConsumer = None

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Until `stop`; the batch under way then has `drain_s` to end. Raises LogContradictionError."""
        if not (await unless(stop, self._open_store()) and await unless(stop, self._start())):
            return
        watch = asyncio.create_task(self._watch())
        try:
            while not stop.is_set():
                self._batch = Batch()
                await self._poll(self._batch, stop)
                if self._batch.received:
                    await self._settle(self._batch, stop, drain_s)
        finally:
            watch.cancel()
            await self._consumer.stop()
            await self._dead_letters.close()

    async def lag(self) -> Mapping[str, int] | None:
        """Records that are not settled yet, by topic/partition of ours; None until the group has given us any."""
        owned = [TopicPartition(*one) for one in self._membership.assigned]
        if not owned:
            return None
        ends = await self._consumer.end_offsets(owned)
        in_hand = Counter((one.place.topic, one.place.partition) for _, one in self._batch.received)
        unread = {tp: max(ends[tp] - await self._consumer.position(tp), 0) for tp in owned}
        return {f"{tp.topic}/{tp.partition}": unread[tp] + in_hand[tp.topic, tp.partition] for tp in owned}

    # -- polling

    async def _open_store(self) -> None:
        """A store that is not there takes no partitions from a sink that has one."""
        await self._patiently(self._store.open)

    async def _start(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            self._consumer = self._new_consumer()
            try:
                await self._consumer.start()
                break
            except (KafkaError, OSError) as error:
                await self._consumer.stop()
                self._readiness.blocked("kafka", str(error))
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        self._membership.watch(self._consumer)
        self._consumer.subscribe(list(self._names), listener=self._membership)

    async def _poll(self, batch: Batch, stop: asyncio.Event) -> None:
        """Gather what comes within the linger time after the first record, up to the limits; perhaps nothing."""
        generation, deadline = self._membership.generation, None
        while not stop.is_set() and len(batch.received) < self._batch_records and batch.size < BATCH_BYTES:
            left_s = POLL_S if deadline is None else deadline - time.monotonic()
            if left_s <= 0:
                break
            polled = await self._getmany(left_s, self._batch_records - len(batch.received))
            if generation != self._membership.generation:  # gathered for the partitions of another time
                batch.clear()
                generation, deadline = self._membership.generation, None
            for tp, messages in polled.items():
                self._add(batch, tp, messages)
            if deadline is None:
                if not batch.received:
                    break
                deadline = time.monotonic() + self._linger_s

    def _add(self, batch: Batch, tp: TopicPartition, messages: Sequence[Any]) -> None:
        name = self._names[tp.topic]
        for message in messages:
            place = Place(tp.topic, tp.partition, message.offset)
            batch.received.append((name, Received(place, message.key, message.value, message.headers)))
            batch.size += len(message.value or b"")
        batch.offsets[tp] = messages[-1].offset + 1

    async def _getmany(self, seconds: float, most: int) -> Mapping[TopicPartition, Sequence[Any]]:
        try:
            polled: Mapping[TopicPartition, Sequence[Any]] = await self._consumer.getmany(
                timeout_ms=round(seconds * 1000), max_records=most
            )
            return polled
        except NoOffsetForPartitionError as error:  # a group that never read it
            await self._consumer.seek_to_beginning(error.args[0])
        except OffsetOutOfRangeError as error:
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
                sentence = (
                    f"{where} ends at offset {end}, but group {self._group} has read up to {offset}: if the topics"
                )
                sentence += " were re-created, raise KAFKA_LOG_EPOCH and give SINK_GROUP a new name"
                raise LogContradictionError(sentence)
            sentence = f"{where} was cut: its first record is {first}, and {offset} is not written yet"
            if not self._skip_cut:
                raise LogContradictionError(f"{sentence} (SINK_SKIP_CUT=true goes on without what is gone)")
            log.error("went on behind a gap", extra={"reason": sentence})
            self._consumer.seek(tp, first)

    # -- settling

    async def _settle(self, batch: Batch, stop: asyncio.Event, drain_s: float) -> None:
        """Deliver, unless a revocation ends it, or the drain time after a stop."""
        delivery = asyncio.create_task(self._deliver(batch))
        drain = asyncio.create_task(_after(stop, drain_s, delivery.cancel))
        try:
            if not await self._membership.deliver(delivery):
                self._uncommitted.clear()
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
            log.warning("the last batch is not written; it will be read again", extra={"records": len(batch.received)})
        finally:
            drain.cancel()

    async def _deliver(self, batch: Batch) -> None:
        began = time.monotonic()
        records, dead = self._decode(batch.received)
        if records:
            dead += await self._write(records)
        if dead:
            await self._dead_letters.send(dead)
        self._uncommitted.update(batch.offsets)
        await self._commit()
        SINK_RECORDS.labels(self._store.name).inc(len(batch.received))
        SINK_BATCH_SECONDS.observe(time.monotonic() - began)

    def _decode(self, received: Sequence[tuple[Name, Received]]) -> tuple[list[Record], list[Dead]]:
        records, dead = [], []
        for name, one in received:
            try:
                if (record := decode(name, one)) is not None:
                    records.append(record)
            except RecordError as error:
                dead.append(Dead(one, error.code, str(error)))
        return records, dead

    async def _write(self, records: Sequence[Record]) -> list[Dead]:
        refusals = await self._patiently(lambda: self._store.write(records, self._membership.permit))
        return [Dead(one.record.received, one.code, one.error, one.line) for one in refusals]

    async def _patiently(self, act: Callable[[], Awaitable[T]]) -> T:
        """Do it, as often as it takes the store to be there and willing."""
        attempt = 0
        while True:
            try:
                result = await act()
                self._readiness.clear("store")
                return result
            except (StoreAwayError, StoreClosedError) as error:
                self._readiness.blocked("store", str(error))
                SINK_RETRIES.labels(error.code).inc()
                await asyncio.sleep(pause_s(error, attempt))
                attempt += 1

    async def _commit(self) -> None:
        """What is not committed now is with the next batch; until then it would be read again, and change nothing."""
        try:
            await self._consumer.commit(self._uncommitted)
            self._uncommitted.clear()
        except (CommitFailedError, IllegalStateError) as error:  # a rebalance has begun
            log.info("offsets were not committed", extra={"reason": str(error)})
        except KafkaError as error:
            log.warning("offsets were not committed", extra={"reason": str(error)})

    async def _watch(self) -> None:
        """Tell readiness whether the group hears us."""
        while True:
            if not self._membership.joined:
                self._readiness.blocked("kafka", "the consumer group has not given us partitions yet")
            elif self._membership.silent_s > SESSION_TIMEOUT_MS / 1000:
                self._readiness.blocked("kafka", "the consumer group does not answer")
            else:
                self._readiness.clear("kafka")
            await asyncio.sleep(FIRST_PAUSE_S)


def pause_s(error: StoreError, attempt: int) -> float:
    """Seconds until the next attempt: what the store asks for, or growing; with jitter, and never less than asked."""
    if isinstance(error, StoreAwayError) and error.retry_after_s is not None:
        least = min(error.retry_after_s, 10 * LONGEST_PAUSE_S)
    elif isinstance(error, StoreClosedError):
        least = CLOSED_PAUSE_S
    else:
        least = min(FIRST_PAUSE_S * 2 ** min(attempt, 16), LONGEST_PAUSE_S) / 2
    return least * random.uniform(1, 2)  # noqa: S311 - sinks that lost one store must not return in step


async def unless(stop: asyncio.Event, work: Coroutine[Any, Any, None]) -> bool:
    """Do the work to its end; False where `stop` came first and ended it."""
    doing, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait([doing, stopping], return_when=asyncio.FIRST_COMPLETED)
        if doing.done():
            doing.result()
        return doing.done()
    finally:
        doing.cancel()
        stopping.cancel()
        await asyncio.wait([doing, stopping])


async def _after(stop: asyncio.Event, seconds: float, act: Callable[[], object]) -> None:
    await stop.wait()
    await asyncio.sleep(seconds)
    act()
