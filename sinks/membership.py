"""Two sinks never write one partition: whether we are surely still a member of the group, and what happens when not.

The one file of the sinks that touches aiokafka's internals: the time of a successful heartbeat is nowhere else to be
had.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

log = logging.getLogger(__name__)

SESSION_TIMEOUT_MS = 10_000
HEARTBEAT_INTERVAL_MS = 1_000
FRESH_S = SESSION_TIMEOUT_MS / 1000 / 2
_POLL_S = 0.05


class Membership(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is not typed
    """Listens to the group. `generation` counts revocations: what was fetched before the last one is not ours."""

    def __init__(self) -> None:
        self.generation = 0
        self.assigned: frozenset[tuple[str, int]] = frozenset()
        self.joined = False
        self._consumer: AIOKafkaConsumer | None = None
        self._heard_at = 0.0
        self._delivery: asyncio.Task[None] | None = None

    def watch(self, consumer: AIOKafkaConsumer) -> None:
        """Note the time of each heartbeat of this consumer, once it is started."""
        self._consumer = consumer
        coordinator = consumer._coordinator  # noqa: SLF001 - see the head of this file
        beat = coordinator._do_heartbeat  # noqa: SLF001

        async def noted() -> bool:
            sent_at = time.monotonic()
            success = bool(await beat())
            if success:  # at the time it was sent: the answer may have waited while this process was stopped
                self._heard_at = sent_at
            return success

        coordinator._do_heartbeat = noted  # noqa: SLF001

    @property
    def silent_s(self) -> float:
        """Real seconds since the last heartbeat that the group's coordinator accepted was sent."""
        return time.monotonic() - self._heard_at

    async def permit(self) -> None:
        """Return once that heartbeat is younger than half the session timeout: nobody else owns our partitions yet.

        A process that was stopped for longer waits here, and is cancelled by the revocation that follows.
        """
        while self.silent_s >= FRESH_S:  # noqa: ASYNC110 - it waits for the age of a time, not for an event
            await asyncio.sleep(_POLL_S)

    async def deliver(self, delivery: asyncio.Task[None]) -> bool:
        """Wait for a delivery of this generation to its end; False where a revocation ended it."""
        self._delivery = delivery
        generation = self.generation
        try:
            await asyncio.wait([delivery])
        finally:
            self._delivery = None
        if delivery.cancelled() and self.generation != generation:
            return False
        delivery.result()
        return True

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Before the rebalance goes on: end what is under way to the store, and wait for its end."""
        self.generation += 1
        self.assigned = frozenset()
        if self._delivery is not None:
            self._delivery.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([self._delivery])
        if partitions := len(set(revoked)):
            log.info("partitions were revoked", extra={"partitions": partitions})

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self.assigned = frozenset((tp.topic, tp.partition) for tp in assigned)
        self.joined = True
        log.info("partitions were assigned", extra={"partitions": len(self.assigned)})
        if self._consumer is not None:
            await self._consumer._coordinator._do_heartbeat()  # noqa: SLF001 - so that the first batch need not wait
