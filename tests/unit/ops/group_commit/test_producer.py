"""Which batches share a request, and what an answer means to each; over a client that answers when it is told to.

That real brokers understand the requests is seen in tests/connected/test_group_commit.py.
"""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import errors
from aiokafka.protocol.produce import ProduceRequest

from ops.group_commit.producer import InvalidRecordError, Producer

BATCH = bytearray(b"records")
Answer = list[tuple[int, int]]  # partition, code


class Client:
    """Where aiokafka's client stands."""

    def __init__(self) -> None:
        self.requests: list[tuple[int, list[int], asyncio.Future[Answer]]] = []
        self.closed = False
        self._sync_task = None
        self._conns: dict[object, object] = {}

    async def send(self, broker: int, request: ProduceRequest) -> Any:
        ((topic, batches),) = request._topics
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.requests.append((broker, [partition for partition, _ in batches], answer))
        return SimpleNamespace(topics=[(topic, [(*entry, 17, -1, 0) for entry in await answer])])

    async def close(self) -> None:
        self.closed = True


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@pytest.fixture
async def client() -> Client:
    return Client()


@pytest.fixture
async def producer(client: Client, monkeypatch: pytest.MonkeyPatch) -> Producer:
    monkeypatch.setattr("ops.group_commit.producer.AIOKafkaClient", lambda **_: client)
    return Producer("t", {})


async def test_a_broker_has_one_request_and_what_comes_meanwhile_is_the_next(
    producer: Producer, client: Client
) -> None:
    first = [producer.send(1, partition, BATCH) for partition in (0, 1)]
    elsewhere = producer.send(2, 5, BATCH)
    await turns()
    later = [producer.send(1, partition, BATCH) for partition in (2, 3)]
    await turns()
    assert [(broker, partitions) for broker, partitions, _ in client.requests] == [(1, [0, 1]), (2, [5])]
    client.requests[0][2].set_result([(0, 0), (1, 0)])
    await turns()
    assert all(answer.done() for answer in first)
    assert not elsewhere.done()
    assert client.requests[2][:2] == (1, [2, 3])
    client.requests[2][2].set_result([(2, 0), (3, 0)])
    await asyncio.gather(*later)
    assert producer.send(1, 0, BATCH) is not first[0]
    await turns()
    assert client.requests[3][:2] == (1, [0])
    await producer.stop(1.0)


async def test_who_was_answered_and_has_more_joins_the_next_request(producer: Producer, client: Client) -> None:
    async def go_on() -> None:
        await producer.send(1, 0, BATCH)
        await producer.send(1, 0, BATCH)

    busy = asyncio.create_task(go_on())
    await turns()
    companion = producer.send(1, 1, BATCH)
    client.requests[0][2].set_result([(0, 0)])
    await turns()
    assert sorted(client.requests[1][1]) == [0, 1]
    client.requests[1][2].set_result([(0, 0), (1, 0)])
    await asyncio.gather(busy, companion)


async def test_each_batch_hears_its_own_code(producer: Producer, client: Client) -> None:
    answers = [producer.send(1, partition, BATCH) for partition in range(6)]
    await turns()
    client.requests[0][2].set_result([(2, 10), (0, 0), (1, 6), (4, 87), (5, -1)])
    told = await asyncio.gather(*answers, return_exceptions=True)
    assert [type(one) for one in told] == [
        type(None),
        errors.NotLeaderForPartitionError,
        errors.MessageSizeTooLargeError,
        errors.KafkaError,  # of which the broker says nothing
        InvalidRecordError,
        errors.UnknownError,
    ]


@pytest.mark.parametrize("error", [errors.RequestTimedOutError(), OSError("gone"), ValueError("a bug of aiokafka's")])
async def test_a_request_that_fails_fails_its_batches_and_no_others(
    producer: Producer, client: Client, error: Exception
) -> None:
    lost = [producer.send(1, partition, BATCH) for partition in (0, 1)]
    await turns()
    next_one = producer.send(1, 2, BATCH)
    client.requests[0][2].set_exception(error)
    assert await asyncio.gather(*lost, return_exceptions=True) == [error, error]
    client.requests[1][2].set_result([(2, 0)])
    await next_one


async def test_a_request_without_an_end_is_given_up(
    producer: Producer, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ops.group_commit.producer.REQUEST_PATIENCE_S", 0.01)
    with pytest.raises(TimeoutError):
        await producer.send(1, 0, BATCH)
    assert client.requests[0][2].cancelled()


async def test_a_batch_that_was_given_up_before_its_turn_is_not_sent(producer: Producer, client: Client) -> None:
    producer.send(1, 0, BATCH)
    await turns()
    given_up, next_one = producer.send(1, 1, BATCH), producer.send(1, 2, BATCH)
    given_up.cancel()
    client.requests[0][2].set_result([(0, 0)])
    await turns()
    assert client.requests[1][:2] == (1, [2])
    client.requests[1][2].set_result([(2, 0)])
    await next_one


async def test_stopping_fails_what_waits_what_is_asked_and_what_was_not_begun(
    producer: Producer, client: Client
) -> None:
    asked = producer.send(1, 0, BATCH)
    await turns()
    waits, not_begun = producer.send(1, 1, BATCH), producer.send(2, 2, BATCH)
    await producer.stop(1.0)
    told = await asyncio.gather(asked, waits, not_begun, return_exceptions=True)
    assert [type(one) for one in told] == [errors.ProducerClosed] * 3
    await turns()
    assert len(client.requests) == 1
    assert client.closed


async def test_it_learns_until_an_unexpected_exception_ends_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka's own client, of which nothing but one request is replaced."""

    async def fails(*_: object) -> None:
        raise RuntimeError("a bug of aiokafka's")

    producer = Producer("t", {})
    learns = [producer.learns]
    client = producer._client
    monkeypatch.setattr(client, "_metadata_update", fails)
    client._sync_task = asyncio.create_task(client._md_synchronizer())
    await turns()
    learns.append(producer.learns)
    producer.refresh()
    await turns()
    assert [*learns, producer.learns] == [False, True, False]
    await producer.stop(1.0)


class Stuck:
    """A connection with unsent bytes to a broker that stands still: until it is aborted, it does not close."""

    def __init__(self) -> None:
        self._closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writer = SimpleNamespace(transport=SimpleNamespace(abort=self._abort))
        self.aborted = 0

    def _abort(self) -> None:
        self.aborted += 1

    def close(self, reason: object = None) -> asyncio.Future[None]:  # noqa: ARG002 - aiokafka's signature
        return self._closed


async def test_it_may_be_stopped_again_when_the_first_time_was_not_enough() -> None:
    """aiokafka's own client, whose `close` waits for all connections at once: to give it up cancels what they gave."""
    producer, stuck = Producer("t", {}), Stuck()
    producer._client._conns[0] = stuck
    await producer.stop(0.01)
    await producer.stop(0.01)
    assert stuck.aborted == 1
