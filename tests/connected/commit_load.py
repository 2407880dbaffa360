"""Load for the group commit, and the verdict on what it left on the log.

Each connection sends its next records only after the acknowledgement of its last ones, as a station waits for its
replies; half of what it sends is a pair (a CALL and its reply) that must stand side by side.
"""

import asyncio
import itertools
import random
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ops.group_commit import Full, GroupCommit

Log = Mapping[int, list[tuple[int, bytes]]]
"""partition -> (offset, value), in the order of the log."""


class Load:
    """`connections` clients; connection c sends to partition c % partitions.

    Values are `connection:number:A:padding`, the second of a pair B; X where the verdict is to pass it over.
    """

    def __init__(
        self, commit: GroupCommit, connections: int, partitions: int, *, think_s: float = 0.05, padding: int = 300
    ) -> None:
        self.commit, self.connections, self.partitions = commit, connections, partitions
        self.acknowledged: list[list[int]] = [[] for _ in range(connections)]
        self.latencies: list[tuple[float, int, float]] = []
        """When (monotonic), partition, seconds."""
        self.full = 0
        self._think_s, self._padding = think_s, b"x" * padding
        self._sent = [0] * connections
        self._running = True
        self._live = 0
        self._loop = asyncio.get_running_loop()

    def partition(self, connection: int) -> int:
        return connection % self.partitions

    def start(self) -> None:
        for connection in range(self.connections):
            self._live += 1
            self._loop.call_later(random.random() * (self._think_s or 0.01), self._next, connection)

    async def stop(self, timeout: float = 60) -> int:
        """No new records; how many connections still wait after `timeout` seconds."""
        self._running = False
        end = time.monotonic() + timeout
        while self._live and time.monotonic() < end:
            await asyncio.sleep(0.05)
        return self._live

    def abandon(self) -> None:
        """No new records, and nobody waits for the old ones."""
        self._running = False

    def count(self) -> int:
        return sum(map(len, self.acknowledged))

    def first_after(self, moment: float) -> dict[int, float]:
        """For each partition with an acknowledgement after `moment` (monotonic): how many seconds after."""
        first: dict[int, float] = {}
        for when, partition, _ in self.latencies:
            if when > moment:
                first.setdefault(partition, when - moment)
        return first

    def _next(self, connection: int) -> None:
        if not self._running:
            self._live -= 1
            return
        self._sent[connection] += 1
        self._submit(connection, self._sent[connection], time.monotonic())

    def _submit(self, connection: int, number: int, started: float) -> None:
        key = b"c%d" % connection
        records = [(key, b"%d:%d:A:%b" % (connection, number, self._padding))]
        if is_pair(connection, number):
            records.append((key, b"%d:%d:B:%b" % (connection, number, self._padding)))
        try:
            self.commit.submit(self.partition(connection), records, lambda: self._done(connection, number, started))
        except Full:
            self.full += 1
            self._loop.call_later(0.2, self._submit, connection, number, started)

    def _done(self, connection: int, number: int, started: float) -> None:
        now = time.monotonic()
        self.acknowledged[connection].append(number)
        self.latencies.append((now, self.partition(connection), now - started))
        self._loop.call_later(random.uniform(0.5, 1.5) * self._think_s, self._next, connection)


def is_pair(connection: int, number: int) -> bool:
    return (connection + number) % 2 == 1


@dataclass
class Verdict:
    """`faults` is empty where the promise was kept."""

    acknowledged: int
    records: int = 0
    repeats: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        word = "PASS" if self.acknowledged and not self.faults else "FAIL"
        shown = "" if not self.faults else f" {self.faults[:5]}"
        return f"{word}{shown} acknowledged={self.acknowledged} records={self.records} repeats={self.repeats}"


def judge(load: Load, log: Log) -> Verdict:
    """Nothing acknowledged is missing, first occurrences are in order and without gaps, no pair is split."""
    verdict = Verdict(load.count())
    last = dict.fromkeys(range(load.connections), 0)
    for partition, rows in log.items():
        for row, following in itertools.zip_longest(rows, rows[1:]):
            connection, number, kind = row[1].split(b":", 3)[:3]
            if kind != b"X":
                verdict.records += 1
                _follow(load, verdict, last, partition, (int(connection), int(number), kind), row, following)
    for connection, numbers in enumerate(load.acknowledged):
        if numbers != list(range(1, len(numbers) + 1)):
            verdict.faults.append(f"connection {connection}: acknowledged out of order")
        if numbers and last[connection] < numbers[-1]:
            verdict.faults.append(f"connection {connection}: lost {numbers[-1]}, the log ends at {last[connection]}")
    return verdict


def _follow(
    load: Load,
    verdict: Verdict,
    last: dict[int, int],
    partition: int,
    record: tuple[int, int, bytes],
    row: tuple[int, bytes],
    following: tuple[int, bytes] | None,
) -> None:
    connection, number, kind = record
    if load.partition(connection) != partition:
        verdict.faults.append(f"connection {connection} on partition {partition}")
    if kind != b"A":
        return
    if is_pair(connection, number):
        reply = b"%d:%d:B:" % (connection, number)
        if following is None or following[0] != row[0] + 1 or not following[1].startswith(reply):
            verdict.faults.append(f"connection {connection}: pair {number} is split at offset {row[0]}")
    if number == last[connection] + 1:
        last[connection] = number
    elif number <= last[connection]:
        verdict.repeats += 1
    else:
        verdict.faults.append(f"connection {connection}: {number} follows {last[connection]}")
        last[connection] = number


def read_log(bootstrap: str, topic: str, partitions: int, *, timeout: float = 60) -> Log:
    """Everything on the topic, up to its present end."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"reader-{secrets.token_hex(4)}",
            "enable.auto.commit": False,
            "isolation.level": "read_uncommitted",
            "log_level": 2,
        }
    )
    try:
        log: dict[int, list[tuple[int, bytes]]] = {number: [] for number in range(partitions)}
        starts_and_ends = {number: _watermarks(consumer, topic, number) for number in log}
        reached = {number: start for number, (start, _) in starts_and_ends.items()}
        consumer.assign([TopicPartition(topic, number, start) for number, start in reached.items()])
        deadline = time.monotonic() + timeout
        while any(reached[number] < end for number, (_, end) in starts_and_ends.items()):
            assert time.monotonic() < deadline, f"only {reached} of {starts_and_ends} were read"
            for message in consumer.consume(5000, 1.0):
                partition, offset, value = message.partition(), message.offset(), message.value()
                if message.error() is None and partition is not None and offset is not None:
                    assert value is not None
                    reached[partition] = offset + 1
                    log[partition].append((offset, value))
        return log
    finally:
        consumer.close()


def _watermarks(consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    for attempt in range(20):
        try:
            start, end = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
        except KafkaException:
            if attempt == 19:
                raise
            time.sleep(0.5)
        else:
            return start, end
    raise AssertionError("unreachable")


def create_topic(
    bootstrap: str,
    topic: str,
    partitions: int,
    *,
    replicas: list[list[int]] | None = None,
    replication: int = 1,
    **config: str,
) -> None:
    """A topic with settings of the test's own (_ for the dot); `replicas` places each partition on given brokers."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 2})
    settings = {name.replace("_", "."): value for name, value in config.items()}
    new = (
        NewTopic(topic, partitions, replication_factor=replication, config=settings)
        if replicas is None
        else NewTopic(topic, partitions, replica_assignment=replicas, config=settings)
    )
    admin.create_topics([new], operation_timeout=15)[topic].result(30)
    eventually(lambda: len(admin.list_topics(topic, timeout=5).topics[topic].partitions) == partitions, 30)


def eventually(true: Callable[[], bool], timeout: float) -> None:
    """Ask until it is true; AssertionError after `timeout` seconds."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.1)


async def eventually_async(true: Callable[[], bool], timeout: float) -> None:
    """As `eventually`, while the loop turns."""
    end = time.monotonic() + timeout
    while not true():
        assert time.monotonic() < end, "it did not come true"
        await asyncio.sleep(0.02)


def percentile_ms(seconds: list[float], share: float) -> float:
    """NaN where there are none."""
    ordered = sorted(seconds)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] * 1000 if ordered else float("nan")
