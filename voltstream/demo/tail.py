"""Reading the log beside the pipeline: what must be on it, what was not handled, how long a reading took.

The embedded broker forgets old records, so they are read as they come. A thread of its own: a poll blocks.
"""

import threading
import time
from collections import Counter

import msgspec
from confluent_kafka import Consumer, TopicPartition

_BATCH = 2000
_MEASURED = frozenset({"MeterValues", "TransactionEvent"})


class _Message(msgspec.Struct):
    """What is needed of an envelope."""

    kind: str
    station: str | None = None
    conn: str | None = None
    seq: int | None = None
    call_seq: int | None = None
    dir: str | None = None
    type: str | None = None
    action: str | None = None
    id: str | None = None


class _Sample(msgspec.Struct):
    revision: int


class _Letter(msgspec.Struct):
    part: str
    code: str
    error: str


class Tail:
    """Follows `messages`, `samples` and `dlq` from their beginning until it is stopped."""

    def __init__(self, bootstrap: str, prefix: str, partitions: int) -> None:
        self.messages = 0
        """Frames on the log, each counted once."""
        self.recorded: Counter[tuple[str, str]] = Counter()
        """(station, unique id) of CALLs whose record and reply are on the log: how many."""
        self.seen_ns: dict[tuple[str, str], int] = {}
        """(station, unique id) of messages with readings: CLOCK_MONOTONIC when their first sample was seen."""
        self.dead_letters: Counter[str] = Counter()
        """Part, code and error of what could not be handled: how often."""
        self._calls: dict[tuple[str, int], tuple[str, str]] = {}
        self._frames: set[tuple[str, int]] = set()
        self._offsets: dict[tuple[int, int], tuple[str, str]] = {}
        self._early: dict[tuple[int, int], int] = {}
        self._topics = (f"{prefix}messages", f"{prefix}samples", f"{prefix}dlq")
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": f"{prefix}tail",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "fetch.wait.max.ms": 20,
                "log_level": 2,
            }
        )
        self._consumer.assign([TopicPartition(topic, n, 0) for topic in self._topics for n in range(partitions)])
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tail", daemon=True)
        self._failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Read what is there, and end. Raises what went wrong."""
        self._stopping.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        idle_since: float | None = None
        try:
            while not (self._stopping.is_set() and idle_since is not None and time.monotonic() - idle_since > 1.0):
                found = self._consumer.consume(_BATCH, 0.05)
                now_ns = time.monotonic_ns()
                idle_since = None if found else (idle_since or time.monotonic())
                for message in found:
                    if message.error() is None:
                        self._take(
                            message.topic() or "",
                            message.partition() or 0,
                            message.offset() or 0,
                            message.value(),
                            now_ns,
                        )
            self._consumer.close()
        except BaseException as error:  # noqa: BLE001 - `stop` raises it
            self._failure = error

    def _take(self, topic: str, partition: int, offset: int, value: bytes | None, now_ns: int) -> None:
        if value is None:
            return
        if topic == self._topics[1]:
            at = (partition, _samples.decode(value).revision)
            if at in self._offsets:
                self.seen_ns.setdefault(self._offsets[at], now_ns)
            else:
                self._early.setdefault(at, now_ns)
            return
        if topic == self._topics[2]:
            letter = _letters.decode(value)
            self.dead_letters[f"{letter.part} {letter.code}: {letter.error}"] += 1
            return
        message = _messages.decode(value)
        if message.kind != "frame" or message.conn is None or message.seq is None or message.station is None:
            return
        if (message.conn, message.seq) in self._frames:
            return
        self._frames.add((message.conn, message.seq))
        self.messages += 1
        call = (message.station, message.id or "")
        if message.dir == "in" and message.type == "CALL":
            self._calls[message.conn, message.seq] = call
            if message.action in _MEASURED:
                self._offsets[partition, offset] = call
                if (partition, offset) in self._early:
                    self.seen_ns.setdefault(call, self._early.pop((partition, offset)))
        elif message.dir == "out" and message.call_seq is not None:
            answered = self._calls.pop((message.conn, message.call_seq), None)
            if answered is not None:
                self.recorded[answered] += 1


_messages = msgspec.json.Decoder(_Message)
_samples = msgspec.json.Decoder(_Sample)
_letters = msgspec.json.Decoder(_Letter)
