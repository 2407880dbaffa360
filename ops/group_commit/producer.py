# ruff: noqa: SLF001 - the one file that knows aiokafka's insides
"""Batches of records to Kafka: one request at a time to each broker; what comes meanwhile is the next one.

aiokafka's client keeps the connections, the metadata and the wire's formats. Its producer is not used: its own retries
hold all partitions of a broker back, an unexpected exception ends it for good, and its futures, waiters and tasks for
each batch took an eighth of the edge's CPU. What we rely on inside aiokafka (0.14) stands in this file:

- a request that timed out takes its connection along, and so all that waits for an answer there;
- `close()` can hang;
- a code of Kafka's without a class is -1 to aiokafka, the broker's own trouble;
- the client closes connections that were idle for nine minutes by itself, so one that is no longer used costs little.
"""

import asyncio
from collections.abc import Mapping
from typing import Any, TypeAlias

from aiokafka import TopicPartition, errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest

from ops.group_commit.patience import Patience

REQUEST_TIMEOUT_MS = 5000
BROKER_TIMEOUT_MS = 4000
"""How long a broker waits for its followers. Less than a request may take, or we would never hear "this partition timed
out, the others are there", and less than what makes a partition away: one with a dead follower must not drag its
companions in a request along."""
REQUEST_PATIENCE_S = 20.0
"""So long a request may take with all that comes before it: connecting, its authentication."""

_ALL_IN_SYNC = -1

_Batches: TypeAlias = dict[int, tuple[bytearray, asyncio.Future[None]]]  # partition -> batch, its answer


class InvalidRecordError(errors.BrokerResponseError):  # type: ignore[misc]  # aiokafka is not typed
    """The broker looked at a record and does not want it: one without a key on a compacted topic, for one."""

    errno = 87
    message = "INVALID_RECORD"
    description = "The broker's check of a record failed."


class Producer:
    """Sends to one topic. `options` are aiokafka's own: brokers, security, client id."""

    def __init__(self, topic: str, options: Mapping[str, Any]) -> None:
        self._topic = topic
        self._client = AIOKafkaClient(**options, request_timeout_ms=REQUEST_TIMEOUT_MS)
        self._waiting: dict[int, _Batches] = {}
        self._requesting: dict[int, asyncio.Task[None]] = {}
        """By broker: where something waits or was not answered yet."""

    async def start(self) -> None:
        """Reach Kafka and learn where the topic's partitions are."""
        await self._client.bootstrap()
        await self._client._wait_on_metadata(self._topic)

    def leader(self, partition: TopicPartition) -> int | None:
        """The broker that leads the partition, as far as is known."""
        leader: int | None = self._client.cluster.leader_for_partition(partition)
        return None if leader == -1 else leader

    def refresh(self) -> None:
        """Learn the leaders anew, in the background; many calls are one."""
        self._client.force_metadata_update()

    @property
    def learns(self) -> bool:
        """Whether `refresh` is of use: an exception that aiokafka did not expect ends its task for that, for good."""
        return self._client._sync_task is not None and not self._client._sync_task.done()

    def send(self, broker: int, partition: int, batch: bytearray) -> asyncio.Future[None]:
        """Send a batch once; done when all in-sync brokers have it, or with one of aiokafka's errors.

        A partition has one batch at a time. To cancel the future is to give the batch up: if it was not sent yet, it
        will not be.
        """
        answer: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(broker, {})[partition] = batch, answer
        if broker not in self._requesting:  # the task begins with the next loop turn: companions may join until then
            self._requesting[broker] = asyncio.create_task(self._request_all(broker))
        return answer

    async def stop(self, seconds: float) -> None:
        """Fail what was not answered yet, and close the connections; for at most so long."""
        self._fail()
        try:
            async with asyncio.timeout(seconds):
                await self._client.close()
        except asyncio.CancelledError:
            self.abandon()
            raise
        except Exception:  # noqa: BLE001 - it is of no use any more, whatever is wrong with it
            self.abandon()

    def abandon(self) -> None:
        """The same at once: closing may wait for a broker that stands still."""
        self._fail()
        if self._client._sync_task is not None:
            self._client._sync_task.cancel()
        for connection in self._client._conns.values():
            if connection._writer is not None:
                connection._writer.transport.abort()  # close() alone would wait until a stopped broker reads
            connection.close()
        # Or closing once more would wait for what was cancelled with the first time, and be cancelled by that.
        self._client._conns.clear()

    def _fail(self) -> None:
        for task in self._requesting.values():
            task.cancel()
        for batches in self._waiting.values():
            _settle(batches, {}, errors.ProducerClosed())
        self._waiting.clear()

    async def _request_all(self, broker: int) -> None:
        try:
            while batches := self._waiting.pop(broker, None):
                await self._request(broker, batches)
                await asyncio.sleep(0)  # whom it answered has more by now, and joins the next one
        finally:
            del self._requesting[broker]

    async def _request(self, broker: int, batches: _Batches) -> None:
        """One request, and its answer to each batch."""
        sent = [(partition, batch) for partition, (batch, answer) in batches.items() if not answer.done()]
        if not sent:
            return
        request = ProduceRequest(None, _ALL_IN_SYNC, BROKER_TIMEOUT_MS, [(self._topic, sent)])
        try:
            with Patience(REQUEST_PATIENCE_S):
                response = await self._client.send(broker, request)
            codes = {partition: code for _, answers in response.topics for partition, code, *_ in answers}
        except asyncio.CancelledError:
            _settle(batches, {}, errors.ProducerClosed())
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is each batch's answer
            _settle(batches, {}, error)
        else:
            _settle(batches, codes, errors.KafkaError("the broker did not say what became of the batch"))


def _settle(batches: _Batches, codes: Mapping[int, int], otherwise: Exception) -> None:
    """Give each batch its answer: by the code of its partition, where there is one."""
    for partition, (_, answer) in batches.items():
        code = codes.get(partition)
        if answer.done():
            continue  # it was given up
        if code == 0:
            answer.set_result(None)
        elif code == InvalidRecordError.errno:
            answer.set_exception(InvalidRecordError())
        else:
            answer.set_exception(otherwise if code is None else errors.for_code(code)())
