"""The loop of a sink: poll, decode, write, dead letters, commit. An offset moves on only when all before it is settled.

One batch is under way at a time. While the store is away nothing is polled, so what Kafka sends fills one buffer a
partition and stops; the heartbeat goes on beside it.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from aiokafka import TopicPartition

from contracts.errors import RecordError
from contracts.topics import Name
from ops.health import Readiness
from ops.kafka import KafkaSettings
from ops.lag import LagMeter, Waiting
from ops.metrics import sink as metrics
from sinks.dead_letters import Dead, DeadLetters
from sinks.membership import SESSION_TIMEOUT_MS, Membership
from sinks.polling import Batch, Poller
from sinks.progress import Progress
from sinks.records import Received, Record, decode
from sinks.store import Store, StoreAwayError, StoreClosedError, StoreError

log = logging.getLogger(__name__)
T = TypeVar("T")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 10.0
CLOSED_PAUSE_S = 5.0  # between attempts while the store waits for an operator
WATCH_S = 0.2
MEASURE_S = 5.0


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
        progress: Progress,
    ) -> None:
        self._store, self._readiness, self._progress = store, readiness, progress
        self._membership = Membership()
        self._poller = Poller(
            kafka, group, self._membership, records=batch_records, linger_s=linger_s, skip_cut=skip_cut
        )
        self._dead_letters = DeadLetters(kafka, group, store.name)
        self._lag_meter = LagMeter(kafka, f"{group}-lag")

    async def run(self, stop: asyncio.Event, drain_s: float) -> None:
        """Until `stop`; the batch under way then has `drain_s` to end. Raises LogContradictionError.

        A sink whose store is not there does not join the group, and so takes no partitions from one that has it.
        """
        beside = [asyncio.create_task(self._watch()), asyncio.create_task(self._measure())]
        try:
            if await unless(stop, self._patiently(self._store.open)) and await unless(
                stop, self._poller.start(self._readiness)
            ):
                while not stop.is_set():
                    batch = await self._poller.poll(stop)
                    if batch.received:
                        await self._settle(batch, stop, drain_s)
        finally:
            for task in beside:
                task.cancel()
            await self._poller.stop()
            await self._dead_letters.close()
            await self._lag_meter.close()

    async def waiting(self) -> Mapping[TopicPartition, Waiting] | None:
        """What is not settled yet, by partition of ours; None where it is not known."""
        return await self._poller.waiting()

    def owns(self, topic: str, partition: int) -> bool:
        """Whether the partition of a topic (with its prefix) is ours."""
        return (topic, partition) in self._membership.assigned

    async def _settle(self, batch: Batch, stop: asyncio.Event, drain_s: float) -> None:
        """Deliver, unless a revocation ends it, or the drain time after a stop."""
        delivery = asyncio.create_task(self._deliver(batch))
        drain = asyncio.create_task(_after(stop, drain_s, delivery.cancel))
        try:
            if not await self._membership.deliver(delivery):
                self._readiness.clear("store")  # nothing of ours waits for it any more
        except asyncio.CancelledError:
            if not stop.is_set():
                raise
            log.warning("the last batch is not written; it will be read again", extra={"records": len(batch.received)})
        finally:
            drain.cancel()

    async def _deliver(self, batch: Batch) -> None:
        began = time.monotonic()
        records, dead = _decode(batch.received)
        if records:
            dead += await self._write(records)
        if dead:
            await self._dead_letters.send(dead)
        self._progress.batch_settled(records, received=len(batch.received), refused=len(dead))
        if await self._poller.commit(batch):
            self._progress.committed()
        metrics.BATCH_SECONDS.observe(time.monotonic() - began)

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
                self._progress.store_tried(up=True)
                return result
            except (StoreAwayError, StoreClosedError) as error:
                self._readiness.blocked("store", str(error))
                metrics.RETRIES.labels(error.code).inc()
                self._progress.store_tried(up=False)
                await asyncio.sleep(pause_s(error, attempt))
                attempt += 1

    async def _watch(self) -> None:
        """Tell readiness whether the group hears us."""
        while True:
            if not self._membership.joined:
                self._readiness.blocked("group", "the consumer group has given us no partitions yet")
            elif self._membership.silent_s > SESSION_TIMEOUT_MS / 1000:
                self._readiness.blocked("group", "the consumer group does not hear us")
            else:
                self._readiness.clear("group")
            await asyncio.sleep(WATCH_S)

    async def _measure(self) -> None:
        while True:
            await asyncio.sleep(MEASURE_S)
            waiting = await self.waiting()
            self._progress.measured(None if waiting is None else await self._lag_meter.measure(waiting))


def _decode(received: Sequence[tuple[Name, Received]]) -> tuple[list[Record], list[Dead]]:
    records, dead = [], []
    for name, one in received:
        try:
            if (record := decode(name, one)) is not None:
                records.append(record)
        except RecordError as error:
            dead.append(Dead(one, error.code, str(error)))
    return records, dead


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
