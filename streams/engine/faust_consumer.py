"""Faust and aiokafka underneath the engine: every internal of theirs that we rely on stands in this file.

Kept of Faust: the app and its services, membership and rebalancing, agents (one event each per batch), the timer that
commits. Replaced: what is fetched and when, what counts as done, where to read on, tables, and the way it stops.
"""
# ruff: noqa: SLF001 - that is what this file is for

import asyncio
import logging
from collections.abc import AsyncIterable, Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

import faust
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.app.base import BootStrategy
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.engine.agent import Agent, Record
from streams.engine.observer import Observer, PartitionView
from streams.engine.ownership import Ownership
from streams.engine.partition import OwnedPartition
from streams.engine.settings import EngineSettings

log = logging.getLogger(__name__)
faust_log = logging.getLogger("faust")  # what Faust says of its services is not ours to say

_NOBODY = TP("", -1)  # keeps the set of fetchable partitions from being empty: aiokafka reads that as "all"
_FETCH_WAIT_MS = 50  # a partition that becomes fetchable waits for the fetch under way; Faust has it at 1500
_POLL_S = 1.0
_COMMIT_S = 5.0
_APPEND_TIME = 1  # of a record's timestamp_type


class Engine(Protocol):
    """Whom the worker reports to."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...

    def fail(self, error: BaseException) -> None: ...

    def waiting(self, reason: str) -> None: ...

    def ready(self) -> None: ...


class FaustWorker:
    """A Faust app around the agents."""

    def __init__(self, agents: Sequence[Agent], settings: EngineSettings, observer: Observer, engine: Engine) -> None:
        self.agents = {agent.source: agent for agent in agents}
        self.settings, self.observer, self.engine = settings, observer, engine
        self.app = _App(
            settings.group,
            broker=";".join(f"kafka://{server}" for server in _servers(settings)),
            store="memory://",
            key_serializer="raw",
            value_serializer="raw",
            topic_allow_declare=False,
            topic_disable_leader=True,
            web_enabled=False,
            broker_commit_interval=settings.commit_interval_s,
        )
        self.app.transport = _Transport(self)
        for agent in agents:
            topic = self.app.topic(agent.source, key_type=None, value_type=None)
            self.app.agent(topic, name=f"{settings.group}-{agent.name}")(self._hand_over)

    @property
    def consumer(self) -> "_Consumer":
        return cast("_Consumer", self.app.consumer)

    async def run(self) -> None:
        """Returns when the app has stopped; raises what it crashed of."""
        await self.app.start()
        await self.app.wait_until_stopped()
        if self.app.crash_reason is not None:
            raise self.app.crash_reason

    async def stop(self) -> None:
        await self.app.stop()

    def partitions(self) -> list[PartitionView]:
        return self.consumer.views() if self.app._consumer is not None else []

    async def _hand_over(self, stream: Any) -> None:
        """The Faust agent: partitions run beside each other, so it does not wait."""
        events: AsyncIterable[Any] = stream.noack().events()
        async for event in events:
            self.consumer.begin(event.message)


class _Boot(BootStrategy):
    enable_kafka_producer = False  # every partition has its own


class _App(faust.App):
    logger = faust_log
    BootStrategy = _Boot

    def _create_directories(self) -> None:
        """Nothing of ours is kept on disk."""


class _Thread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka's consumer and its heartbeats run."""

    logger = faust_log

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        settings = cast("_Transport", transport).worker.settings
        return AIOKafkaConsumer(
            **settings.client,
            group_id=settings.group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            check_crcs=settings.check_crcs,
            partition_assignment_strategy=(StickyPartitionAssignor,),  # Faust's round robin moves most partitions
            max_poll_records=settings.batch_records,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            session_timeout_ms=int(settings.session_timeout_s * 1000),
            heartbeat_interval_ms=int(settings.heartbeat_s * 1000),
            rebalance_timeout_ms=int(settings.rebalance_timeout_s * 1000),
        )

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """Said once, where the process ends; mode prints a trace here."""

    async def seek_each(self, offsets: Mapping[TopicPartition, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, offset in offsets.items():
            try:
                consumer.seek(tp, offset)
            except IllegalStateError:  # reassigned meanwhile: perform_seek follows
                log.debug("no longer assigned", extra={"topic": tp.topic, "partition": tp.partition})

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        consumer = self._ensure_consumer()
        starts = await consumer.beginning_offsets([tp])
        ends = await consumer.end_offsets([tp])
        return starts[tp], ends[tp]

    async def commit_each(self, offsets: Mapping[TopicPartition, int]) -> None:
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        await consumer.commit({tp: OffsetAndMetadata(offset, "") for tp, offset in offsets.items() if tp in assigned})

    def wake_fetch(self) -> None:
        """A partition that becomes fetchable does not wake a waiting fetch by itself."""
        fetcher = self._ensure_consumer()._fetcher
        for waiter in list(fetcher._fetch_waiters):
            fetcher._notify(waiter)


class _Delivery:
    """A batch on its way through Faust to its agent, or in progress."""

    __slots__ = ("message", "processing", "records")

    def __init__(self, message: Any, records: Sequence[Any]) -> None:
        self.message, self.records, self.processing = message, records, False


class _Consumer(driver.Consumer):
    """Fetches partitions that are loaded and idle, and lets at most one batch of each be in progress."""

    logger = faust_log
    _thread: _Thread

    def __init__(self, transport: "_Transport", *args: Any, **kwargs: Any) -> None:
        super().__init__(transport, *args, **kwargs)
        self._worker = transport.worker
        self._ownership: Ownership[OwnedPartition] = Ownership(self._own)
        self._fetchable = {_NOBODY}  # read by the consumer's thread while it waits
        self._deliveries: dict[TopicPartition, _Delivery] = {}  # at most one of a partition
        self._opening: dict[TopicPartition, asyncio.Task[None]] = {}
        self._processing: set[asyncio.Task[None]] = set()
        self._reported: dict[TopicPartition, int] = {}

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    def _own(self, tp: TopicPartition) -> OwnedPartition:
        worker = self._worker
        return OwnedPartition(worker.agents[tp.topic], tp.partition, worker.settings, worker.observer, self._bounds)

    async def _bounds(self, tp: TopicPartition) -> tuple[int, int]:
        bounds: tuple[int, int] = await self._thread.call_thread(self._thread.bounds, tp)
        return bounds

    def views(self) -> list[PartitionView]:
        """Where every owned partition stands."""
        return [
            PartitionView(
                topic=tp.topic,
                partition=tp.partition,
                loaded=partition.loaded,
                keys=partition.keys,
                next_offset=partition.next_offset if partition.loaded else None,
                end_offset=self._end_offset(tp),
            )
            for tp, partition in self._ownership.owned.items()
        ]

    def _end_offset(self, tp: TopicPartition) -> int | None:
        try:
            return self._thread._ensure_consumer().last_stable_offset(tp)  # type: ignore[no-any-return]
        except (IllegalStateError, AssertionError):  # not assigned at the moment
            return None

    # -- ownership: kept partitions keep their state and producer, new ones fence and load beside them

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._fetchable.intersection_update({_NOBODY})
        await super().on_partitions_revoked(revoked)  # stops the flow, and waits for what is in progress

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        StickyPartitionAssignor.on_generation_assignment(generation_id)  # aiokafka does not tell it
        self._fetchable.intersection_update({_NOBODY})
        mine = [TopicPartition(tp.topic, tp.partition) for tp in assigned if tp.topic in self._worker.agents]
        lost, gained = self._ownership.assign(mine, generation_id)
        self._deliveries = {tp: one for tp, one in self._deliveries.items() if one.processing}
        for partition in lost:
            self._deliveries.pop(partition.source, None)
            self._opening.pop(partition.source).cancel()
            self._worker.engine.spawn(partition.close())
        for partition in gained:
            self._opening[partition.source] = self._worker.engine.spawn(self._open(partition))
        self._worker.observer.rebalanced(len(mine) - len(gained), len(gained), len(lost))
        self._report_readiness()
        await super().on_partitions_assigned(assigned, generation_id)

    async def _open(self, partition: OwnedPartition) -> None:
        await partition.open()
        await self._seek_on([partition])
        self._make_fetchable(partition)
        self._report_readiness()

    def _report_readiness(self) -> None:
        owned = self._ownership.owned.values()
        if loading := sum(not partition.loaded for partition in owned):
            self._worker.engine.waiting(f"the state of {loading} of {len(owned)} partitions is being loaded")
        else:
            self._worker.engine.ready()

    async def _seek_on(self, partitions: Iterable[OwnedPartition]) -> None:
        await self._seek_to({partition.source: partition.next_offset for partition in partitions})

    async def _seek_to(self, offsets: Mapping[TopicPartition, int]) -> None:
        await self._thread.call_thread(self._thread.seek_each, offsets)

    async def perform_seek(self) -> None:
        """After every rebalance, before the flow resumes: where to read on is in the state, not in the group."""
        idle = [p for p in self._ownership.owned.values() if p.loaded and p.source not in self._deliveries]
        await self._seek_on(idle)
        for partition in idle:
            self._make_fetchable(partition)

    def _make_fetchable(self, partition: OwnedPartition) -> None:
        tp = partition.source
        if partition.loaded and tp not in self._deliveries and self._ownership.owned.get(tp) is partition:
            self._fetchable.add(tp)
            self._thread.thread_loop.call_soon_threadsafe(self._thread.wake_fetch)

    # -- fetching

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await asyncio.sleep(0)
                if not self.flow_active:
                    await self.wait(self.can_resume_flow.wait())
                generation = self.app.consumer_generation_id
                for tp, records in (await self._getmany(self._fetchable, _POLL_S)).items():
                    await self._deliver(TopicPartition(*tp), records, generation)
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise
        except Exception as error:  # noqa: BLE001 - the engine decides what it means
            if not self.app.should_stop:
                self._worker.engine.fail(error)

    async def _deliver(self, tp: TopicPartition, records: Sequence[Any], generation: int) -> None:
        owned = tp in self._ownership.owned and tp not in self._deliveries
        if not owned or not self.flow_active or generation != self.app.consumer_generation_id:
            await self._seek_to({tp: records[0].offset})  # what is taken and not delivered would count as read
            return
        self._fetchable.discard(tp)
        message = self._to_message(TP(*tp), records[0])  # the event of the whole batch
        self._deliveries[tp] = _Delivery(message, records)
        await self.wait_first(self.callback(message), self.suspend_flow.wait())

    # -- processing

    def begin(self, message: Any) -> None:
        """A batch has come through to its agent."""
        tp = TopicPartition(*message.tp)
        delivery = self._deliveries.get(tp)
        if delivery is None or delivery.message is not message or not self.flow_active:
            return  # a rebalance overtook it: it is fetched again
        delivery.processing = True
        task = self._worker.engine.spawn(self._process(self._ownership.owned[tp], delivery))
        self._processing.add(task)
        task.add_done_callback(self._processing.discard)

    async def _process(self, partition: OwnedPartition, delivery: _Delivery) -> None:
        began = self.loop.time()
        if await partition.process([_record(record) for record in delivery.records]):
            rest = began + self._worker.settings.pause_s - self.loop.time()
        else:
            await self._seek_on([partition])
            rest = 0.0
        delivery.processing = False
        self.loop.call_later(max(0.0, rest), self._release, partition, delivery)

    def _release(self, partition: OwnedPartition, delivery: _Delivery) -> None:
        if self._deliveries.get(partition.source) is delivery:
            del self._deliveries[partition.source]
            self._make_fetchable(partition)

    # -- acknowledging: done is what the state says, and the group's offsets tell lag monitors

    async def wait_empty(self) -> None:
        """On revocation and on stopping: batches in progress end, those on their way are dropped."""
        if self._processing:
            patience = self._worker.settings.shutdown_s / 2 if self.app.should_stop else None
            await asyncio.wait(set(self._processing), timeout=patience)
        await self.commit_and_end_transactions()

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - Faust's signature
        offsets = {
            tp: offset
            for tp, partition in self._ownership.owned.items()
            if (offset := partition.committable) is not None and offset != self._reported.get(tp)
        }
        if not offsets:
            return False
        try:
            await asyncio.wait_for(self._thread.call_thread(self._thread.commit_each, offsets), _COMMIT_S)
        except (KafkaError, TimeoutError) as error:  # the next one will do
            log.debug("offsets not committed", extra={"reason": repr(error)})
            return False
        self._reported.update(offsets)
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's detector of stuck streams counts acknowledgements, of which we make none."""

    # -- stopping

    def close(self) -> None:
        """Called on a rebalance while stopping; Faust's closes aiokafka's client in the wrong loop, and hangs."""

    async def on_stop(self) -> None:
        await super().on_stop()
        for task in self._opening.values():
            task.cancel()
        await asyncio.gather(*(partition.close() for partition in self._ownership.owned.values()))


class _Transport(driver.Transport):
    Consumer = _Consumer

    def __init__(self, worker: FaustWorker) -> None:
        super().__init__(worker.app.conf.broker_consumer, worker.app)
        self.worker = worker


def _record(record: Any) -> Record:
    return Record(
        record.offset,
        record.timestamp,
        record.timestamp_type == _APPEND_TIME,
        record.key,
        record.value,
        record.partition,
        record.topic,
    )


def _servers(settings: EngineSettings) -> list[str]:
    servers = settings.client["bootstrap_servers"]
    return servers.split(",") if isinstance(servers, str) else list(cast("Iterable[str]", servers))
