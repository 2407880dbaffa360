"""Faust and aiokafka underneath the engine: every internal of theirs that we rely on stands in this file.

Kept of Faust: the app and its services, membership and rebalancing, agents (one event each per batch), the timer that
commits. Replaced: what is fetched and when, what counts as done, where to read on, tables, and the way it stops.
"""
# ruff: noqa: SLF001 - that is what this file is for

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from typing import Any, Protocol, cast

import faust
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.client import ConnectionGroup
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.protocol.group import LeaveGroupRequest
from aiokafka.structs import OffsetAndMetadata
from faust.app.base import BootStrategy
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from mode.threads import WorkerThread

from streams.engine.agent import Agent, Record
from streams.engine.deliveries import Deliveries, Delivery
from streams.engine.observer import Observer, PartitionView
from streams.engine.ownership import Ownership
from streams.engine.partition import OwnedPartition
from streams.engine.settings import EngineSettings

log = logging.getLogger(__name__)
faust_log = logging.getLogger("faust.services")
"""Of Faust's services that are subclassed here, which would otherwise log in our name."""

_FETCH_WAIT_MS = 50  # a partition that becomes fetchable waits for the fetch under way; Faust has it at 1500
_POLL_S = 1.0
_COMMIT_S = 5.0
_UNASSIGNED = (IllegalStateError, AssertionError, KeyError)  # what asking for a partition that just left may raise
_APPEND_TIME = 1  # of a record's timestamp_type


class Reports(Protocol):
    """To whom the consumer reports: the engine."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]: ...

    def fail(self, error: BaseException) -> None: ...

    def waiting(self, reason: str) -> None: ...

    def ready(self) -> None: ...


class _Boot(BootStrategy):
    enable_kafka_producer = False  # every partition has its own


class App(faust.App):
    """A Faust app that keeps nothing on disk and has no producer."""

    logger = faust_log
    BootStrategy = _Boot

    def _create_directories(self) -> None:
        pass


class Transport(driver.Transport):
    """Makes the consumer; carries what it needs to know."""

    def __init__(
        self, app: App, agents: Sequence[Agent], settings: EngineSettings, observer: Observer, reports: Reports
    ) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.agents = {agent.source: agent for agent in agents}
        self.settings, self.observer, self.reports = settings, observer, reports


class _QuietThread(WorkerThread):
    """Why it ended is said once, where the process ends; and the process does not wait for it."""

    def __init__(self, service: Any, **kwargs: Any) -> None:
        super().__init__(service, **kwargs)
        self.daemon = True

    def run(self) -> None:
        with contextlib.suppress(BaseException):
            super().run()


class _Thread(driver.AIOKafkaConsumerThread):
    """The thread in which aiokafka's consumer and its heartbeats run."""

    logger = faust_log
    Worker = _QuietThread

    def _create_worker_consumer(self, transport: driver.Transport) -> AIOKafkaConsumer:
        settings = cast("Transport", transport).settings
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
            max_poll_interval_ms=int(settings.idle_s * 1000),
        )

    def on_crash(self, msg: str, *fmt: Any, **kwargs: Any) -> None:
        """mode prints a trace here."""

    async def seek_each(self, offsets: Mapping[TopicPartition, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, offset in offsets.items():
            with contextlib.suppress(IllegalStateError):  # reassigned meanwhile: perform_seek follows
                consumer.seek(tp, offset)

    async def bounds(self, tp: TopicPartition) -> tuple[int, int]:
        consumer = self._ensure_consumer()
        starts = await consumer.beginning_offsets([tp])
        ends = await consumer.end_offsets([tp])
        return starts[tp], ends[tp]

    async def commit_each(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Raises KafkaError, TimeoutError."""
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        mine = {tp: offset for tp, offset in offsets.items() if tp in assigned}
        async with asyncio.timeout(_COMMIT_S):
            await commit_once(consumer, mine)

    def end_offset(self, tp: TopicPartition) -> int | None:
        """As the last fetch saw it; None before that, and while the partition is not assigned."""
        consumer = self._ensure_consumer()
        try:
            return cast("int | None", consumer.last_stable_offset(tp))
        except _UNASSIGNED:
            return None

    def answered_at(self) -> float | None:
        """When the newest answer to a fetch came, in seconds since 1970; None where none is waited for.

        aiokafka asks for more of a partition when all that it has of it is taken. Where records of every partition wait
        to be folded, it asks for nothing.
        """
        consumer = self._ensure_consumer()
        with contextlib.suppress(*_UNASSIGNED):
            assigned = consumer.assignment()
            if all(tp in consumer._fetcher._records for tp in assigned):
                return None
            answers = [at for tp in assigned if (at := consumer.last_poll_timestamp(tp))]
            return max(answers) / 1000 if answers else None
        return None

    async def leave_group(self) -> None:
        """Tell the coordinator at once, on a connection that no request to join holds until the others have joined."""
        coordinator = self._ensure_consumer()._coordinator
        if coordinator.coordinator_id is not None and coordinator.member_id:
            request = LeaveGroupRequest(coordinator.group_id, coordinator.member_id)
            await coordinator._client.send(coordinator.coordinator_id, request, group=ConnectionGroup.DEFAULT)

    def wake_fetch(self) -> None:
        """A partition that becomes fetchable does not wake a waiting fetch by itself."""
        fetcher = self._ensure_consumer()._fetcher
        for waiter in list(fetcher._fetch_waiters):
            fetcher._notify(waiter)


class Consumer(driver.Consumer):
    """Fetches partitions that are loaded and idle, and has their batches processed beside each other."""

    logger = faust_log
    transport: Transport
    _thread: _Thread

    def __init__(self, transport: Transport, *args: Any, **kwargs: Any) -> None:
        super().__init__(transport, *args, **kwargs)
        self._settings, self._observer, self._reports = transport.settings, transport.observer, transport.reports
        self._ownership: Ownership[OwnedPartition] = Ownership(self._own)
        self._deliveries: Deliveries[ConsumerRecord] = Deliveries()
        self._opening: dict[TopicPartition, asyncio.Task[None]] = {}
        self._processing: set[asyncio.Task[None]] = set()
        self._committed: dict[TopicPartition, int] = {}
        self._turn = asyncio.Lock()

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(
            self, loop=self.loop, thread_loop=type(self.loop)(), beacon=self.beacon
        )  # uvloop where we run on it

    def _own(self, tp: TopicPartition) -> OwnedPartition:
        agent = self.transport.agents[tp.topic]
        return OwnedPartition(agent, tp.partition, self._settings, self._observer, self._bounds, self._turn)

    async def _bounds(self, tp: TopicPartition) -> tuple[int, int]:
        return cast("tuple[int, int]", await self._thread.call_thread(self._thread.bounds, tp))

    def views(self) -> list[PartitionView]:
        """Where every owned partition stands."""
        return [
            PartitionView(
                topic=tp.topic,
                partition=tp.partition,
                loaded=partition.loaded,
                keys=partition.keys,
                state_bytes=partition.state_bytes,
                since_commit_s=partition.since_commit_s,
                next_offset=partition.next_offset if partition.loaded else None,
                end_offset=self._thread.end_offset(tp),
            )
            for tp, partition in self._ownership.owned.items()
        ]

    def answered_at(self) -> float | None:
        """When Kafka last answered a fetch; None where no answer is waited for."""
        return self._thread.answered_at()

    # -- ownership: kept partitions keep their state and producer, new ones fence and load beside them

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._deliveries.revoke()
        await super().on_partitions_revoked(revoked)  # stops the flow, and waits for what is in progress

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        StickyPartitionAssignor.on_generation_assignment(generation_id)  # aiokafka does not tell it
        mine = [TopicPartition(*tp) for tp in assigned if tp.topic in self.transport.agents]
        lost, gained = self._ownership.assign(mine, generation_id)
        self._deliveries.rebalance(partition.source for partition in lost)
        for partition in lost:
            self._opening.pop(partition.source).cancel()
            self._reports.spawn(partition.close())
        for partition in gained:
            self._opening[partition.source] = self._reports.spawn(self._open(partition))
        self._observer.rebalanced(len(mine) - len(gained), len(gained), len(lost))
        self._report()
        await super().on_partitions_assigned(assigned, generation_id)

    async def _open(self, partition: OwnedPartition) -> None:
        await partition.open()
        await self._seek_to({partition.source: partition.next_offset})
        self._offer(partition)
        self._report()

    def _report(self) -> None:
        if all(partition.loaded for partition in self._ownership.owned.values()):
            self._reports.ready()
        else:
            self._reports.waiting("the state of partitions that were assigned is being loaded")

    async def _seek_to(self, offsets: Mapping[TopicPartition, int]) -> None:
        await self._thread.call_thread(self._thread.seek_each, offsets)

    async def perform_seek(self) -> None:
        """After every rebalance, before the flow resumes: where to read on is in the state, not in the group."""
        idle = [one for one in self._ownership.owned.values() if one.loaded and self._deliveries.idle(one.source)]
        await self._seek_to({partition.source: partition.next_offset for partition in idle})
        for partition in idle:
            self._offer(partition)

    def _offer(self, partition: OwnedPartition) -> None:
        owned = self._ownership.owned.get(partition.source) is partition
        if owned and partition.loaded and self._deliveries.offer(partition.source):
            self._thread.thread_loop.call_soon_threadsafe(self._thread.wake_fetch)

    # -- fetching

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await asyncio.sleep(0)
                if not self.flow_active:
                    await self.wait(self.can_resume_flow.wait())
                generation = self.app.consumer_generation_id
                fetched = await self._getmany(cast("set[TP]", self._deliveries.fetchable), _POLL_S)
                for tp, records in fetched.items():
                    await self._deliver(TopicPartition(*tp), records, generation)
        except asyncio.CancelledError:
            if not self.app.should_stop:
                raise
        except Exception as error:  # noqa: BLE001 - the engine decides what it means
            if not self.app.should_stop:
                self._reports.fail(error)

    async def _deliver(self, tp: TopicPartition, records: Sequence[ConsumerRecord], generation: int) -> None:
        current = self.flow_active and generation == self.app.consumer_generation_id
        if not current or tp not in self._ownership.owned or not self._deliveries.idle(tp):
            await self._seek_to({tp: records[0].offset})  # what is taken and not delivered would count as read
            return
        message = self._to_message(TP(*tp), records[0])  # stands for the whole batch
        self._deliveries.take(tp, message, records)
        await self.wait_first(self.callback(message), self.suspend_flow.wait())

    # -- processing

    def begin(self, message: Any) -> None:
        """A batch has come through to its agent."""
        tp = TopicPartition(*message.tp)
        if not self.flow_active or (delivery := self._deliveries.start(tp, message)) is None:
            return  # a rebalance has overtaken it: it is fetched again
        task = self._reports.spawn(self._process(self._ownership.owned[tp], delivery))
        self._processing.add(task)
        task.add_done_callback(self._processing.discard)

    async def _process(self, partition: OwnedPartition, delivery: Delivery[ConsumerRecord]) -> None:
        began = self.loop.time()
        if await partition.process([_record(record) for record in delivery.records], lambda: self.flow_active):
            rest = began + self._settings.pause_s - self.loop.time()
        else:
            await self._seek_to({partition.source: partition.next_offset})
            rest = 0.0
        self._deliveries.finish(delivery)
        self.loop.call_later(max(0.0, rest), self._release, partition, delivery)

    def _release(self, partition: OwnedPartition, delivery: Delivery[ConsumerRecord]) -> None:
        if self._deliveries.release(delivery):
            self._offer(partition)

    # -- acknowledging: done is what the state says, and the group's offsets tell lag monitors

    async def wait_empty(self) -> None:
        """On revocation and on stopping: batches in progress end, those on their way are dropped."""
        if self._processing:
            patience = self._settings.shutdown_s / 2 if self.app.should_stop else None
            await asyncio.wait(set(self._processing), timeout=patience)
        await self.commit_and_end_transactions()

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002, FBT001, FBT002 - Faust's signature
        offsets = {
            tp: offset
            for tp, partition in self._ownership.owned.items()
            if (offset := partition.committable) is not None and offset != self._committed.get(tp)
        }
        if not offsets:
            return False
        try:
            await self._thread.call_thread(self._thread.commit_each, offsets)
        except (KafkaError, TimeoutError) as error:  # the next one will do
            log.debug("offsets not committed", extra={"reason": repr(error)})
            return False
        self._committed.update(offsets)
        return True

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust's detector of stuck streams counts acknowledgements, of which we make none."""

    # -- stopping

    def close(self) -> None:
        """Called on a rebalance while stopping; Faust's closes aiokafka's client in the wrong loop, and hangs."""

    async def leave_group(self) -> None:
        """Where an orderly end hangs: Faust's does when it meets a rebalance."""
        leaving = asyncio.run_coroutine_threadsafe(self._thread.leave_group(), self._thread.thread_loop)
        await asyncio.wrap_future(leaving)

    async def on_stop(self) -> None:
        await super().on_stop()
        for task in self._opening.values():
            task.cancel()
        await _all(partition.close() for partition in self._ownership.owned.values())


Transport.Consumer = Consumer


async def _all(closing: Iterable[Coroutine[Any, Any, None]]) -> None:
    await asyncio.gather(*closing)


async def commit_once(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    """Commit the offsets of assigned partitions, without a second try. Raises KafkaError.

    A commit of aiokafka's waits for a coordinator that is away, for ever. And it does not spare the time between asking
    to join and having joined: then it is of a generation that is over, is refused for it, and aiokafka forgets the
    member that is just joining. The group waits for that one until its session is over: all partitions stand still.
    """
    coordinator = consumer._coordinator
    in_group = coordinator.generation != OffsetCommitRequest.DEFAULT_GENERATION_ID
    joining = coordinator._performed_join_prepare  # until then, what is sent comes before the join
    if coordinator.coordinator_id is None or not in_group or joining:
        raise CommitFailedError("no member of the group at the moment")
    commit = {tp: OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
    await asyncio.shield(coordinator._do_commit_offsets(None, commit))


def _record(record: ConsumerRecord) -> Record:
    return Record(
        record.offset,
        record.timestamp,
        record.timestamp_type == _APPEND_TIME,
        record.key,
        record.value,
        record.partition,
        record.topic,
    )
