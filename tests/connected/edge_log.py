"""What stands on `messages`, and whether what a client was answered is among it."""

import contextlib
import time
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from contracts.envelope import Envelope, decode
from contracts.ocppj import CallError, CallResult, parse
from contracts.topics import Name
from parts.handles import Broker


class Row(NamedTuple):
    partition: int
    offset: int
    key: bytes | None
    envelope: Envelope


def read_log(
    bootstrap: str, prefix: str, enough: Callable[[list[Row]], object] = lambda _: True, *, timeout: float = 60
) -> list[Row]:
    """All of the topic from its beginning, once `enough` says so of it; raises AssertionError after `timeout` s."""
    topic = f"{prefix}{Name.MESSAGES}"
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False, "log_level": 2}
    )
    deadline = time.monotonic() + timeout
    rows: list[Row] = []
    partitions: list[TopicPartition] = []
    wanted = 0
    try:
        while time.monotonic() < deadline:
            with contextlib.suppress(KafkaException):  # a broker that has just come back knows nothing yet
                if not partitions:
                    metadata = consumer.list_topics(topic, timeout=10).topics[topic]
                    partitions = [TopicPartition(topic, number, 0) for number in metadata.partitions]
                    consumer.assign(partitions)
                wanted = sum(consumer.get_watermark_offsets(partition, timeout=10)[1] for partition in partitions)
            while len(rows) < wanted and time.monotonic() < deadline:
                for message in consumer.consume(1000, timeout=0.5):
                    partition, offset = message.partition(), message.offset()
                    if message.error() is None and partition is not None and offset is not None:
                        rows.append(Row(partition, offset, message.key(), decode(message.value())))
            if wanted and len(rows) >= wanted and enough(rows):
                return sorted(rows, key=lambda row: (row.partition, row.offset))
            time.sleep(0.2)
        raise AssertionError(f"{len(rows)} of {wanted} records, and not enough: {rows[-3:]}")
    finally:
        consumer.close()


def log_of(broker: Broker, enough: Callable[[list[Row]], object] = lambda _: True, *, timeout: float = 60) -> list[Row]:
    """As read_log, of a test's own broker."""
    return read_log(broker.bootstrap, broker.prefix, enough, timeout=timeout)


def read_values(broker: Broker, name: str, count: int, *, timeout: float = 30) -> list[bytes]:
    """The first `count` values of another topic of a test's own."""
    settings = {"bootstrap.servers": broker.bootstrap, "group.id": "test", "enable.auto.commit": False}
    consumer = Consumer({**settings, "auto.offset.reset": "earliest", "log_level": 2})
    try:
        topic = broker.prefix + name
        partitions = consumer.list_topics(topic, timeout=timeout).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        return [message.value() or b"" for message in consumer.consume(count, timeout=timeout)]
    finally:
        consumer.close()


def of_station(rows: Iterable[Row], identity: str) -> list[Envelope]:
    """One station's records, in the order of the log, repeats of (conn, seq) left out."""
    seen = set()
    records = []
    for row in rows:
        one = row.envelope
        if one.station == f"default/{identity}" and (one.conn, one.seq) not in seen:
            seen.add((one.conn, one.seq))
            records.append(one)
    return records


def exchanges(records: Sequence[Envelope]) -> list[tuple[str | None, str | None, bytes, bytes]]:
    """(unique id, action, CALL, reply) of every CALL whose reply stands right behind it."""
    found = []
    for call, reply in pairwise(records):
        if call.dir == "in" and call.type == "CALL" and reply.dir == "out" and reply.call_seq == call.seq:
            assert call.conn == reply.conn
            found.append((call.id, call.action, call.frame_bytes() or b"", reply.frame_bytes() or b""))
    return found


def without_gaps(records: Sequence[Envelope]) -> bool:
    """Whether each connection's records are numbered 0, 1, 2, ... in the order of the log."""
    numbers: dict[str, int] = {}
    for record in records:
        if record.conn is not None and record.seq is not None:
            if record.seq != numbers.get(record.conn, 0):
                return False
            numbers[record.conn] = record.seq + 1
    return True


def answer_of(reply: bytes) -> CallResult | CallError:
    message = parse(reply)
    assert isinstance(message, CallResult | CallError), reply
    return message
