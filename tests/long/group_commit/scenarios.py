"""What is done to the brokers, and what must still be true. Each gives lines that begin with PASS or FAIL."""

import asyncio
import random
import secrets
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from aiokafka import TopicPartition
from confluent_kafka import ElectionType, KafkaException
from confluent_kafka.admin import AdminClient

from commit_load import Load, create_topic, eventually_async, judge, percentile_ms, read_log
from ops.group_commit import Full, GroupCommit, Submission
from ops.group_commit.lane import Lane
from ops.kafka import KafkaSettings, client_options
from parts.kafka import Kafka

PARTITIONS = 12
CONNECTIONS = 240
THINK_S = 0.15


class Edge:
    """A group commit on a new topic, with its load and what it said."""

    def __init__(self, kafka: Kafka, topic: str, **bounds: int) -> None:
        self.topic, self.kafka = topic, kafka
        self.refused: list[object] = []
        self.turns: list[tuple[int, bool]] = []
        self.commit = GroupCommit(
            client_options(KafkaSettings(bootstrap=kafka.bootstrap), "edge"),
            topic,
            PARTITIONS,
            on_refused=lambda submission, _error: self.refused.append(submission.owner),
            on_away=lambda partition, away: self.turns.append((partition, away)),
            **bounds,  # type: ignore[arg-type]
        )
        self.load = Load(self.commit, CONNECTIONS, PARTITIONS, think_s=THINK_S)

    async def verdict(self, *more: str, true: bool = True) -> str:
        found = judge(self.load, await asyncio.to_thread(read_log, self.kafka.bootstrap, self.topic, PARTITIONS))
        word = "" if true and not self.refused else "FAIL "
        aways = sum(away for _, away in self.turns)
        return f"{word}{found} away={aways} back={len(self.turns) - aways} {' '.join(more)}"


async def new_edge(kafka: Kafka, replicas: list[list[int]] | None = None, **bounds: int) -> Edge:
    topic = f"t{secrets.token_hex(4)}"
    await asyncio.to_thread(create_topic, kafka.bootstrap, topic, PARTITIONS, replicas=replicas, replication=3)
    await asyncio.to_thread(kafka.wait_in_sync)
    edge = Edge(kafka, topic, **bounds)
    await edge.commit.start()
    return edge


def latency(latencies: Sequence[float]) -> str:
    return f"p50 {percentile_ms(list(latencies), 0.5):.1f} p99 {percentile_ms(list(latencies), 0.99):.1f} ms"


def lead_again(kafka: Kafka) -> int:
    """Move the leaders back to where they were, under load; how many moved."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap, "log_level": 0})
    try:
        return sum(error is None for error in admin.elect_leaders(ElectionType.PREFERRED, None).result(15).values())
    except KafkaException:
        return 0


async def kills(kafka: Kafka, times: int = 12) -> list[str]:
    """kill -9 and restart of one broker after another; its leaders move away and back."""
    edge = await new_edge(kafka)
    edge.load.start()
    await asyncio.sleep(3)
    moved = 0
    for _ in range(times):
        broker = random.randint(1, 3)
        await asyncio.to_thread(kafka.kill, broker)
        await asyncio.sleep(random.choice([0.5, 3, 12]))
        await asyncio.to_thread(kafka.start, broker)
        await asyncio.to_thread(kafka.wait_in_sync)
        moved += await asyncio.to_thread(lead_again, kafka)
        await asyncio.sleep(random.uniform(0.5, 3))
    waiting = await edge.load.stop()
    left = await edge.commit.close(10)
    seconds = [one for _, _, one in edge.load.latencies]
    return [
        await edge.verdict(
            f"kills={times} leader moves={moved} waiting={waiting} left={left}",
            f"{latency(seconds)} max {max(seconds):.1f} s",
            true=waiting == left == 0,
        )
    ]


async def leaderless(kafka: Kafka, seconds: float = 62) -> list[str]:
    """Partition 0 loses its only broker; the others' stations must not notice."""
    replicas = [[3], *([1 + number % 2] for number in range(1, PARTITIONS))]
    return [await _one_in_trouble(kafka, replicas, seconds)]


async def replicas(kafka: Kafka, seconds: float = 25) -> list[str]:
    """Partition 0 keeps its leader, but not enough replicas."""
    return [await _one_in_trouble(kafka, [[1, 3], *([1, 2], [2, 1]) * 6][:PARTITIONS], seconds)]


async def _one_in_trouble(kafka: Kafka, replicas: list[list[int]], seconds: float) -> str:
    edge = await new_edge(kafka, replicas, max_records=5000)
    edge.load.start()
    await asyncio.sleep(4)
    marks = [time.monotonic()]
    await asyncio.sleep(12)
    marks.append(time.monotonic())
    await asyncio.to_thread(kafka.kill, 3)
    await asyncio.sleep(seconds)
    marks.append(time.monotonic())
    away = edge.commit.away(0)
    await asyncio.to_thread(kafka.start, 3)
    await asyncio.sleep(25)
    marks.append(time.monotonic())
    waiting = await edge.load.stop()
    left = await edge.commit.close(10)
    others = [
        latency([one for when, partition, one in edge.load.latencies if partition and start <= when < end])
        for start, end in pairwise(marks)
    ]
    only_it = set(edge.turns) == {(0, True), (0, False)}
    return await edge.verdict(
        f"| the others before {others[0]}, during {others[1]}, after {others[2]}",
        f"| only partition 0 away: {only_it}, back {edge.load.first_after(marks[2]).get(0, float('nan')):.1f} s after",
        true=away and only_it and waiting == left == 0,
    )


async def pauses(kafka: Kafka) -> list[str]:
    """All brokers stopped for 8 s, then for 40 s, and continued."""
    lines = []
    for seconds in (8, 40):
        edge = await new_edge(kafka)
        edge.load.start()
        await asyncio.sleep(5)
        for broker in (1, 2, 3):
            kafka.pause(broker)
        await asyncio.sleep(seconds)
        for broker in (1, 2, 3):
            kafka.resume(broker)
        resumed = time.monotonic()
        await asyncio.sleep(30)
        waiting = await edge.load.stop()
        left = await edge.commit.close(10)
        back = edge.load.first_after(resumed)
        lines.append(
            await edge.verdict(
                f"paused {seconds} s, every partition back {min(back.values()):.1f}..{max(back.values()):.1f} s after",
                true=len(back) == PARTITIONS and waiting == left == 0,
            )
        )
    return lines


async def refusals(kafka: Kafka, times: int = 50) -> list[str]:
    """A record larger than the topic takes, among full batches."""
    topic = f"t{secrets.token_hex(4)}"
    await asyncio.to_thread(create_topic, kafka.bootstrap, topic, PARTITIONS, replication=3, max_message_bytes="300000")
    edge = Edge(kafka, topic)
    edge.load = Load(edge.commit, 360, PARTITIONS, think_s=0, padding=2000)
    await edge.commit.start()
    edge.load.start()
    await asyncio.sleep(2)
    wrong: list[int] = []
    for number in range(times):
        bad = [(b"bad", b"0:%d:X:" % number + b"y" * 320_000)]
        edge.commit.submit(random.randrange(PARTITIONS), bad, lambda: wrong.append(1), owner=number)
        await asyncio.sleep(random.uniform(0.05, 0.3))
    waiting = await edge.load.stop()
    acknowledged: list[int] = []
    for number in range(300):  # more than one batch takes, and more than the topic does
        value = b"0:%d:X:" % number + b"z" * (320_000 if number == 150 else 5_000)
        edge.commit.submit(5, [(b"z", value)], lambda number=number: acknowledged.append(number), owner=times)  # type: ignore[misc]
    left = await edge.commit.close(30)
    refused, edge.refused = edge.refused, []
    right = sorted(map(str, refused)) == sorted(map(str, range(times + 1))) and not wrong
    in_order = acknowledged == [number for number in range(300) if number != 150]
    return [
        await edge.verdict(
            f"refused alone: {len(refused)} of {times + 1}, the full run in order: {in_order}",
            true=right and in_order and waiting == left == 0,
        )
    ]


async def outage(kafka: Kafka, seconds: float = 60) -> list[str]:
    """The whole cluster killed under load; edges started and closed in the outage; then a pause and a close in it."""
    edge = await new_edge(kafka, max_records=500)
    edge.load.start()
    await asyncio.sleep(5)
    for broker in (1, 2, 3):
        await asyncio.to_thread(kafka.kill, broker)
    await asyncio.sleep(seconds / 4)
    lines = [await _closed_in_the_outage(kafka, edge.topic)]
    late = Edge(kafka, edge.topic)
    await late.commit.start()
    done: list[int] = []
    for number in range(1200):
        _mark(late.commit, number, done)
    await asyncio.sleep(seconds * 3 / 4)
    started = time.monotonic()
    await asyncio.to_thread(kafka.start_all)
    await eventually_async(lambda: late.commit.unacknowledged() == 0, 60)
    took = time.monotonic() - started
    in_order = all(
        [number for number in done if number % PARTITIONS == partition] == list(range(partition, 1200, PARTITIONS))
        for partition in range(PARTITIONS)
    )
    left = await late.commit.close(5)
    lines.append(
        f"{_word(in_order and left == 0)} started in the outage: 1200 in order: {in_order}, {took:.1f} s after"
    )
    await eventually_async(lambda: len(edge.load.first_after(started)) == PARTITIONS, 60)
    back = edge.load.first_after(started)
    await asyncio.sleep(15)
    for broker in (1, 2, 3):
        kafka.pause(broker)
    await asyncio.sleep(7)
    edge.load.abandon()
    want, closing = edge.commit.unacknowledged(), time.monotonic()
    left = await edge.commit.close(4)
    took = time.monotonic() - closing
    for broker in (1, 2, 3):
        kafka.resume(broker)
    right = left == want == CONNECTIONS and took < 5
    lines.append(f"{_word(right)} closed while paused: close(4) took {took:.1f} s and counted {left} of {want}")
    await asyncio.to_thread(kafka.wait_in_sync)
    lines.append(
        await edge.verdict(f"every partition back {min(back.values()):.1f}..{max(back.values()):.1f} s after the start")
    )
    return lines


def _word(passed: bool) -> str:
    return "PASS" if passed else "FAIL"


def _mark(commit: GroupCommit, number: int, done: list[int]) -> None:
    commit.submit(number % PARTITIONS, [(b"q", b"0:0:X:")], lambda: done.append(number))


async def _closed_in_the_outage(kafka: Kafka, topic: str) -> str:
    edge = Edge(kafka, topic, max_records=500)
    began = time.monotonic()
    await edge.commit.start()
    took_to_start, full, done = time.monotonic() - began, 0, list[int]()
    for number in range(1000):
        try:
            edge.commit.submit(number % 2 if number < 700 else 0, [(b"q", b"0:0:X:")], lambda: done.append(1))
        except Full:
            full += 1
    await asyncio.sleep(1)
    closing = time.monotonic()
    left = await edge.commit.close(3)
    took = time.monotonic() - closing
    right = (left, full, done) == (850, 150, []) and took < 4
    return (
        f"{_word(right)} closed in the outage: close(3) took {took:.1f} s and counted {left} of 850, "
        f"Full {full} of 150 times, start() took {took_to_start:.1f} s"
    )


async def control(kafka: Kafka) -> list[str]:
    """A producer that loses, and one that reorders: the verdict must see both."""
    send = Lane.send

    async def forgetful(self: Lane, partition: TopicPartition, batch: Sequence[Submission]) -> None:
        try:
            await send(self, partition, batch)
        except Exception:  # noqa: BLE001 - every failure counts as an acknowledgement
            await asyncio.sleep(0.2)

    lines = [await _sabotaged(kafka, "loss", forgetful, {})]
    edges: dict[str, Edge] = {}

    async def hasty(self: Lane, partition: TopicPartition, batch: Sequence[Submission]) -> None:
        try:
            await send(self, partition, batch)
        except Exception:
            edges["order"].commit._queues[partition.partition].waiting.reverse()
            raise

    lines.append(await _sabotaged(kafka, "order", hasty, edges))
    return lines


async def _sabotaged(kafka: Kafka, name: str, send: Any, edges: dict[str, Edge]) -> str:
    edge = edges[name] = await new_edge(kafka)
    original, Lane.send = Lane.send, send  # type: ignore[method-assign]
    try:
        if name == "order":  # three in flight a connection: each starts three times
            for _ in range(2):
                edge.load.start()
        edge.load.start()
        await asyncio.sleep(3)
        await asyncio.to_thread(kafka.kill, 1)
        await asyncio.sleep(3)
        await asyncio.to_thread(kafka.start, 1)
        await asyncio.to_thread(kafka.wait_in_sync)
        await edge.load.stop(15)
        await edge.commit.close(5)
    finally:
        Lane.send = original  # type: ignore[method-assign]
    found = judge(edge.load, await asyncio.to_thread(read_log, kafka.bootstrap, edge.topic, PARTITIONS))
    return f"{_word(bool(found.faults))} sabotaged ({name}), and the verdict sees it: {found.faults[:2]}"
