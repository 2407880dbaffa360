"""The edge's producer on real brokers: order, pairs, refusals, outages."""

import asyncio
import contextlib
import gc
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from commit_load import Load, create_topic, eventually_async, judge, read_log
from contracts.topics import TOPICS, Name, schema_header
from ops.group_commit import Full, GroupCommit, Submission
from ops.kafka import KafkaSettings, client_options
from ops.topics import ensure_topics
from parts.handles import Broker
from parts.kafka import Kafka, start_kafka
from parts.processes import free_port
from parts.toxiproxy import Toxiproxy

PARTITIONS = 4


def no_refusal(submission: Submission, error: Exception) -> None:
    raise AssertionError(f"{submission} was refused: {error}")


def ignore() -> None:
    pass


def options(bootstrap: str) -> dict[str, object]:
    return client_options(KafkaSettings(bootstrap=bootstrap), "edge")


@contextlib.asynccontextmanager
async def started(commit: GroupCommit) -> AsyncIterator[GroupCommit]:
    before = asyncio.all_tasks()
    await commit.start()
    try:
        yield commit
    finally:
        await commit.close(5)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before, "close() leaves tasks behind"


@pytest.fixture(autouse=True)
async def quiet_loop() -> AsyncIterator[None]:
    """No failure stays unseen: asyncio reports futures whose exception nobody asked for, and dropped tasks."""
    complaints: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    yield
    gc.collect()
    await asyncio.sleep(0)
    assert complaints == []


async def messages_topic(broker: Broker) -> str:
    kafka = KafkaSettings(bootstrap=broker.bootstrap, topic_prefix=broker.prefix, partitions=broker.partitions)
    await ensure_topics(kafka, topics=[TOPICS[Name.MESSAGES]])
    return kafka.topic(Name.MESSAGES)


async def test_everything_is_there_in_order_and_pairs_stand_together(broker: Broker) -> None:
    topic = await messages_topic(broker)
    async with started(GroupCommit(options(broker.bootstrap), topic, PARTITIONS, on_refused=no_refusal)) as commit:
        load = Load(commit, 40, PARTITIONS, think_s=0.01)
        load.start()
        await asyncio.sleep(2)
        assert await load.stop() == 0
        assert commit.unacknowledged() == 0
        assert not any(commit.away(partition) for partition in range(PARTITIONS))
    verdict = judge(load, await asyncio.to_thread(read_log, broker.bootstrap, topic, PARTITIONS))
    assert verdict.faults == []
    assert verdict.acknowledged > 200
    assert verdict.repeats == 0


async def test_a_busy_partition_sends_full_batches(broker: Broker) -> None:
    topic = await messages_topic(broker)
    done: list[int] = []
    async with started(GroupCommit(options(broker.bootstrap), topic, PARTITIONS, on_refused=no_refusal)) as commit:
        for number in range(20):
            pair = [(b"k", b"%d:A:" % number + b"a" * 100_000), (b"k", b"%d:B:" % number + b"b" * 100_000)]
            commit.submit(0, pair, lambda number=number: done.append(number))  # type: ignore[misc]
        assert await commit.close(20) == 0
    assert done == list(range(20))
    log = await asyncio.to_thread(read_log, broker.bootstrap, topic, PARTITIONS)
    assert [value[:5].rstrip(b"ab") for _, value in log[0]] == [
        b"%d:%b:" % (number, kind) for number in range(20) for kind in (b"A", b"B")
    ]


async def test_records_carry_the_header_of_their_schema(broker: Broker) -> None:
    topic = await messages_topic(broker)
    commit = GroupCommit(
        options(broker.bootstrap), topic, PARTITIONS, on_refused=no_refusal, headers=[schema_header(Name.MESSAGES)]
    )
    async with started(commit):
        commit.submit(1, [(b"default/CP1", b"{}")], ignore)
        commit.replace(1, "node", b"\x00node/a", b"{}")
        await eventually_async(lambda: commit.waiting_bytes() == 0, 10)
    consumer = AIOKafkaConsumer(bootstrap_servers=broker.bootstrap)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(topic, 1)])
        await consumer.seek_to_beginning()
        found = [await consumer.getone(), await consumer.getone()]
    finally:
        await consumer.stop()
    assert [record.key for record in found] == [b"default/CP1", b"\x00node/a"]
    assert {tuple(record.headers) for record in found} == {(("schema", b"messages/1"),)}


async def test_a_record_that_kafka_refuses_is_refused_alone(kafka: Broker) -> None:
    topic = f"{kafka.prefix}small"
    await asyncio.to_thread(create_topic, kafka.bootstrap, topic, PARTITIONS, max_message_bytes="300000")
    refused: list[tuple[object, str]] = []
    done: list[int] = []
    commit = GroupCommit(
        options(kafka.bootstrap),
        topic,
        PARTITIONS,
        on_refused=lambda submission, error: refused.append((submission.owner, type(error).__name__)),
    )
    async with started(commit):
        for number in range(100):
            size = 320_000 if number in (17, 18, 70) else 3_000
            value = b"%d:" % number + b"x" * size
            commit.submit(2, [(b"k", value)], lambda number=number: done.append(number), owner=number)  # type: ignore[misc]
        assert await commit.close(30) == 0
    assert refused == [(number, "MessageSizeTooLargeError") for number in (17, 18, 70)]
    assert done == [number for number in range(100) if number not in (17, 18, 70)]
    log = await asyncio.to_thread(read_log, kafka.bootstrap, topic, PARTITIONS)
    assert [int(value.split(b":")[0]) for _, value in log[2]] == done


async def test_a_record_without_a_key_on_a_compacted_topic_is_refused_alone(kafka: Broker) -> None:
    topic = f"{kafka.prefix}compact"
    await asyncio.to_thread(create_topic, kafka.bootstrap, topic, PARTITIONS, cleanup_policy="compact")
    refused: list[bytes] = []
    done: list[int] = []
    commit = GroupCommit(
        options(kafka.bootstrap), topic, PARTITIONS, on_refused=lambda one, _error: refused.append(one.records[0][1])
    )
    async with started(commit):
        for number in range(40):
            key = None if number in (7, 31) else b"k%d" % number
            commit.submit(0, [(key, b"%d" % number)], lambda number=number: done.append(number))  # type: ignore[misc]
        assert await commit.close(30) == 0
    assert refused == [b"7", b"31"]
    assert done == [number for number in range(40) if number not in (7, 31)]


@pytest.fixture(scope="module")
def one_broker(kafka_part: Path) -> Iterator[Kafka]:  # noqa: ARG001 - skips where there is none
    """A broker of these tests' own, to be paused and killed."""
    with start_kafka() as cluster:
        yield cluster


@pytest.fixture
async def topic(one_broker: Kafka) -> AsyncIterator[str]:
    """A new topic on `one_broker`, which runs again after the test."""
    name = f"t{secrets.token_hex(4)}"
    await asyncio.to_thread(create_topic, one_broker.bootstrap, name, PARTITIONS)
    yield name
    one_broker.resume()


async def test_a_paused_broker_is_away_after_five_seconds_and_back_when_it_answers(
    one_broker: Kafka, topic: str
) -> None:
    turns: list[tuple[int, bool]] = []
    commit = GroupCommit(
        options(one_broker.bootstrap),
        topic,
        PARTITIONS,
        on_refused=no_refusal,
        on_away=lambda partition, away: turns.append((partition, away)),
        max_records=50,
    )
    async with started(commit):
        load = Load(commit, 3 * 12, 3)  # partition 3 carries ticks only
        load.start()
        commit.replace(3, "node", b"\x00node/a", b"0:0:X:tick0")
        await asyncio.sleep(1)
        one_broker.pause()
        paused = time.monotonic()
        commit.replace(3, "node", b"\x00node/a", b"0:0:X:tick1")
        await eventually_async(lambda: commit.away_count() == PARTITIONS, 8)
        assert 4.5 < time.monotonic() - paused < 8
        assert sorted(turns) == [(partition, True) for partition in range(PARTITIONS)]
        assert all(commit.oldest_unacked_age(partition) >= 5 for partition in range(PARTITIONS))
        for number in range(2, 12):
            commit.replace(3, "node", b"\x00node/a", b"0:0:X:tick%d" % number)
            await asyncio.sleep(0.2)
        assert all(map(commit.trouble, range(PARTITIONS)))
        with contextlib.suppress(Full):
            for _ in range(50):
                commit.submit(2, [(b"k", b"0:0:X:")], ignore)
        with pytest.raises(Full):
            commit.submit(2, [(b"k", b"0:0:X:")], ignore)
        one_broker.resume()
        resumed = time.monotonic()
        await eventually_async(lambda: commit.away_count() == 0, 20)
        await eventually_async(lambda: not any(map(commit.trouble, range(PARTITIONS))), 20)
        await eventually_async(lambda: len(load.first_after(resumed)) == 3, 20)
        assert sorted(turns[PARTITIONS:]) == [(partition, False) for partition in range(PARTITIONS)]
        assert await load.stop() == 0
        assert await commit.close(10) == 0
    log = await asyncio.to_thread(read_log, one_broker.bootstrap, topic, PARTITIONS)
    assert judge(load, log).faults == []
    # During an outage one tick waits. Those in requests that were given up may land too, and after their successors.
    ticks = {int(value.removeprefix(b"0:0:X:tick")) for _, value in log[3]}
    assert {0, 11} <= ticks
    assert len(ticks) <= 4


async def test_close_during_an_outage_keeps_its_deadline_and_counts_what_is_left(one_broker: Kafka, topic: str) -> None:
    commit = GroupCommit(options(one_broker.bootstrap), topic, PARTITIONS, on_refused=no_refusal)
    before = asyncio.all_tasks()
    await commit.start()
    commit.submit(0, [(b"k", b"0:0:X:")], ignore)
    await eventually_async(lambda: commit.unacknowledged() == 0, 10)
    one_broker.pause()
    for number in range(30):
        commit.submit(number % PARTITIONS, [(b"k", b"0:0:X:")], ignore)
        commit.replace(number % PARTITIONS, "node", b"k", b"0:0:X:")
    await asyncio.sleep(6)
    closing = time.monotonic()
    assert await commit.close(2) == 30
    assert time.monotonic() - closing < 3
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() == before
    one_broker.resume()


async def test_what_is_submitted_before_kafka_is_there_waits_for_it(one_broker: Kafka, topic: str) -> None:
    one_broker.kill()
    done: list[int] = []
    async with started(GroupCommit(options(one_broker.bootstrap), topic, PARTITIONS, on_refused=no_refusal)) as commit:
        for number in range(100):
            commit.submit(number % PARTITIONS, [(b"k", b"0:0:X:")], lambda number=number: done.append(number))  # type: ignore[misc]
        await asyncio.sleep(0.5)
        assert "Unable to bootstrap" in commit.trouble(0)
        await asyncio.to_thread(one_broker.start)
        await eventually_async(lambda: commit.unacknowledged() == 0, 30)
    for partition in range(PARTITIONS):
        assert [number for number in done if number % PARTITIONS == partition] == list(
            range(partition, 100, PARTITIONS)
        )


async def test_close_before_kafka_was_ever_there() -> None:
    commit = GroupCommit(options("127.0.0.1:1"), "messages", PARTITIONS, on_refused=no_refusal)
    await commit.start()
    commit.submit(0, [(b"k", b"v")], ignore)
    assert await commit.close(0.5) == 1


@pytest.mark.usefixtures("kafka_part")
async def test_connections_that_swallow_everything_are_given_up_for_new_ones(toxiproxy: Toxiproxy) -> None:
    port = free_port()
    with start_kafka(advertised=[f"127.0.0.1:{port}"]) as cluster:
        proxy = toxiproxy.proxy(cluster.upstream(), port=port)
        await asyncio.to_thread(create_topic, cluster.bootstrap, "messages", PARTITIONS)
        async with started(
            GroupCommit(options(proxy.address), "messages", PARTITIONS, on_refused=no_refusal)
        ) as commit:
            load = Load(commit, 12, PARTITIONS)
            load.start()
            await eventually_async(lambda: load.count() > 50, 20)
            await asyncio.to_thread(proxy.blackhole)
            await eventually_async(lambda: commit.away_count() == PARTITIONS, 10)
            await asyncio.to_thread(proxy.restore)
            restored = time.monotonic()
            await eventually_async(lambda: len(load.first_after(restored)) == PARTITIONS, 40)
            assert await load.stop() == 0
        assert judge(load, await asyncio.to_thread(read_log, cluster.bootstrap, "messages", PARTITIONS)).faults == []
