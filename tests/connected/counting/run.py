"""A run of counting workers: topics, processes, load, and the verdict against a fresh fold of the log."""

import contextlib
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from counting.fold import Count
from counting.worker import WorkerSettings
from parts.processes import Process, spawn
from streams.engine.agent import CLOCK_KEY
from streams.engine.changelog import Changelog, Loading

_HERE = Path(__file__).parent
_LOG_APPEND = {"message.timestamp.type": "LogAppendTime"}


class Fetched(msgspec.Struct, frozen=True):
    """A record read back."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes | None
    headers: dict[str, str | bytes | None]


class Verdict(msgspec.Struct):
    """What a run came to; RIGHT when nothing is wrong."""

    records: int
    keys: int
    wrong_states: int = 0
    """Keys whose state is not that of a fresh fold."""
    backwards: int = 0
    """Records of the state topic that went back behind an earlier one."""
    missing_outputs: int = 0
    repeated_outputs: int = 0
    commits_beyond: int = 0
    """Partitions whose committed offset is beyond the fence."""
    lost_load: int = 0
    """Records that the load sent and the log does not hold."""
    ended_by_themselves: int = 0
    """Workers that ended with a status although nobody had asked them to."""
    replaced: int = 0
    """Workers that replaced themselves; no fault."""

    @property
    def right(self) -> bool:
        return not any(
            (
                self.wrong_states,
                self.backwards,
                self.missing_outputs,
                self.repeated_outputs,
                self.commits_beyond,
                self.lost_load,
                self.ended_by_themselves,
            )
        )

    def __str__(self) -> str:
        return " ".join(
            [
                "RIGHT" if self.right else "WRONG",
                *(f"{name} {value}" for name, value in msgspec.structs.asdict(self).items()),
            ]
        )


class Run:
    """One source topic, its state and outputs, and workers by number."""

    def __init__(
        self, bootstrap: str, name: str, partitions: int, program: Path | None = None, **worker: object
    ) -> None:
        self.name = f"{name}-{time.time_ns() // 1_000_000}"
        self.partitions = partitions
        self.source = f"{self.name}-raw"
        self.output = f"{self.source}-out"
        self.dead_letters = f"{self.source}-dlq"
        self.state = f"{self.name}-state"
        self.settings = msgspec.convert(
            {"bootstrap": bootstrap, "group": self.name, "sources": [self.source], **worker}, WorkerSettings
        )
        self.bootstrap = bootstrap
        self.program = program or _HERE / "worker.py"
        self.workers: dict[int, Process] = {}
        self._starts: dict[int, int] = {}  # where in its log the running worker began
        self.sent = 0
        self.rate = 0
        self.ended_by_themselves = 0
        self._stopping = threading.Event()
        self.folder = Path(tempfile.mkdtemp(prefix=f"voltstream-{name}-"))
        """Of the workers' logs."""
        self.agent = 0
        """Which of the settings' sources it is."""

    # -- topics

    def create_topics(self, **state_config: str) -> None:
        """On a broker that offers CreateTopics."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap})
        brokers = len(admin.list_topics(timeout=10).brokers)
        configs = {name: dict(_LOG_APPEND) for name in (self.source, self.output, self.dead_letters)}
        configs[self.state] = {"cleanup.policy": "compact", **_LOG_APPEND, **state_config}
        new = [NewTopic(name, self.partitions, min(3, brokers), config=config) for name, config in configs.items()]
        for future in admin.create_topics(new).values():
            with contextlib.suppress(
                KafkaException
            ):  # one that is there already: another run of the same group made it
                future.result()

    def ask_for_topics(self) -> None:
        """On the embedded broker, where asking for a topic makes it."""
        producer = Producer({"bootstrap.servers": self.bootstrap})
        for name in (self.source, self.output, self.dead_letters, self.state):
            while producer.list_topics(name, timeout=10).topics[name].error is not None:
                time.sleep(0.05)

    # -- workers

    def start(self, worker: int) -> Process:
        path = os.pathsep.join([str(_HERE.parent), str(_HERE.parents[2])])
        settings = msgspec.json.encode(self.settings).decode()
        self._starts[worker] = len(self._log(worker).read_text()) if self._log(worker).exists() else 0
        self.workers[worker] = spawn(
            [sys.executable, str(self.program), settings], log=self._log(worker), env={"PYTHONPATH": path}
        )
        return self.workers[worker]

    def kill(self, worker: int) -> None:
        self.workers.pop(worker).kill()

    def stop(self, worker: int) -> float:
        """SIGTERM. Gives the seconds it took; a status other than 0 counts against the run.

        (A process that is only just starting Python has no handler yet and dies of the signal.)
        """
        began = time.monotonic()
        if self.workers.pop(worker).stop() not in (0, -signal.SIGTERM):
            self.ended_by_themselves += 1
        return time.monotonic() - began

    def supervise(self) -> None:
        """Start again what ended by itself, as a supervisor would, and count it."""
        for worker, process in list(self.workers.items()):
            if not process.alive:
                self.ended_by_themselves += 1
                self.start(worker)

    def wait_folding(self, timeout_s: float = 60) -> None:
        """Returns when every partition that has records has a state."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            _, fences, _ = self.states()
            if fences and len(fences) == len({message.partition for message in self.read(self.source)}):
                return
            time.sleep(0.5)
        raise RuntimeError(f"the workers fold nothing:\n{self.logs()[-3000:]}")

    def wait_ready(self, worker: int, timeout_s: float = 60) -> None:
        """Returns when a worker that was just started is ready."""
        said = "counting: ready"
        before = self._starts[worker]
        self.workers[worker].wait_until(lambda: said in self._log(worker).read_text()[before:], timeout_s)

    def wait_folded(self, timeout_s: float = 60, *, read_committed: bool = True) -> None:
        """Returns when the fence of every partition that has records is at its end."""
        ends = {message.partition: message.offset for message in self.read(self.source)}
        deadline = time.monotonic() + timeout_s
        while (fences := self.states(committed=read_committed)[1]) != ends:
            if time.monotonic() > deadline:
                raise RuntimeError(f"folded to {fences} of {ends}:\n{self.logs()[-3000:]}")
            time.sleep(0.2)

    def close(self, *, keep_logs: bool = False) -> None:
        """End the load and the workers."""
        self.rate = 0
        self._stopping.set()
        for worker in list(self.workers):
            self.stop(worker)
        if not keep_logs:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _log(self, worker: int) -> Path:
        return self.folder / f"worker-{worker}.log"

    def logs(self) -> str:
        """Everything that the workers said."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    # -- load

    def load(self, rate: int, keys: int = 500) -> None:
        """Send `rate` records a second in the background, until `rate` is set to another number."""
        self.rate = rate
        threading.Thread(target=self._load, args=(keys,), daemon=True).start()

    def _load(self, keys: int) -> None:
        producer = Producer({"bootstrap.servers": self.bootstrap, "linger.ms": 5, "enable.idempotence": True})
        due = time.monotonic()
        while not self._stopping.is_set():
            owed = 0.0
            while due < time.monotonic():
                due += 0.02
                owed += self.rate * 0.02
            for _ in range(int(owed)):
                producer.produce(self.source, bytes(200), key=b"K%05d" % random.randrange(keys))
                self.sent += 1
            producer.poll(0)
            time.sleep(0.02)
        producer.flush()

    def send(self, *records: tuple[bytes, bytes], partition: int | None = None) -> None:
        """Send some records, and wait until they are on the log."""
        producer = Producer({"bootstrap.servers": self.bootstrap})
        for key, value in records:
            producer.produce(self.source, value, key=key, partition=-1 if partition is None else partition)
        self.sent += len(records)
        producer.flush()

    def backlog(self, count: int, keys: int = 500) -> None:
        """Send `count` records as fast as it goes."""
        producer = Producer(
            {"bootstrap.servers": self.bootstrap, "linger.ms": 20, "queue.buffering.max.messages": 1_000_000}
        )
        for n in range(count):
            producer.produce(self.source, bytes(200), key=b"K%05d" % random.randrange(keys))
            if n % 5000 == 0:
                producer.poll(0)
        self.sent += count
        producer.flush()

    # -- reading back

    def read(self, topic: str, *, committed: bool = True) -> Iterator[Fetched]:
        """Every committed record of a topic, up to its last stable offset; or every record, up to its end."""
        consumer = Consumer(
            {
                "bootstrap.servers": self.bootstrap,
                "group.id": "verdict",
                "enable.auto.commit": False,
                "isolation.level": "read_committed" if committed else "read_uncommitted",
                "enable.partition.eof": True,
            }
        )
        with contextlib.closing(consumer):
            consumer.assign([TopicPartition(topic, n, 0) for n in range(self.partitions)])
            at_end: set[int] = set()
            while len(at_end) < self.partitions:
                for message in consumer.consume(5000, 0.05):
                    if (error := message.error()) is None:
                        yield _fetched(message)
                    elif error.code() == KafkaError._PARTITION_EOF:
                        at_end.add(message.partition() or 0)
                    else:
                        raise RuntimeError(str(error))

    def states(self, *, committed: bool = True) -> tuple[dict[bytes, Count], dict[int, int], int]:
        """The states by key, the fences by partition, and how often the state topic went back."""
        changelog = Changelog(f"counting{self.agent}", 1)
        loadings = [Loading(changelog) for _ in range(self.partitions)]
        backwards = 0
        lasts: dict[bytes, int] = {}
        for message in self.read(self.state, committed=committed):
            loading = loadings[message.partition]
            before = loading.fence
            loading.take(message.key, message.value)
            if loading.fence is not before and before is not None and loading.fence is not None:
                backwards += (loading.fence.log, loading.fence.offset) <= (before.log, before.offset)
            elif message.value is not None and changelog.owns(message.key) and not message.key.endswith(CLOCK_KEY):
                last = msgspec.json.decode(message.value[1:], type=Count).last
                backwards += last <= lasts.get(message.key, -1)
                lasts[message.key] = last
        counts = {
            key: msgspec.json.decode(value, type=Count)
            for loading in loadings
            for key, value in loading.values.items()
            if key != CLOCK_KEY
        }
        fences = {n: loading.fence.offset for n, loading in enumerate(loadings) if loading.fence is not None}
        return counts, fences, backwards

    def truth(self) -> tuple[dict[bytes, Count], int]:
        """A fresh fold of the log, and its records."""
        counts: dict[bytes, Count] = {}
        records = 0
        for message in self.read(self.source):
            before = counts.get(message.key, Count(0, 0, -1))
            counts[message.key] = Count(before.n + 1, before.sum + message.offset, message.offset)
            records += 1
        return counts, records

    def verdict(self, patience_s: float = 120) -> Verdict:
        """Wait until the workers are through with the log, then compare everything with it."""
        truth, records = self.truth()
        deadline = time.monotonic() + patience_s
        while True:
            counts, fences, backwards = self.states()
            if not any(counts.get(key, count).last < count.last or key not in counts for key, count in truth.items()):
                break
            if time.monotonic() > deadline:
                break
            self.supervise()
            time.sleep(1)
        outputs: dict[tuple[int, int], int] = defaultdict(int)
        for message in self.read(self.output):
            outputs[message.partition, int((message.value or b"").split()[1])] += 1
        return Verdict(
            records=records,
            keys=len(truth),
            wrong_states=sum(counts.get(key) != count for key, count in truth.items())
            + len(counts.keys() - truth.keys()),
            backwards=backwards,
            missing_outputs=records - len(outputs),
            repeated_outputs=sum(times > 1 for times in outputs.values()),
            commits_beyond=self._commits_beyond(fences),
            lost_load=self.sent - records,
            ended_by_themselves=self.ended_by_themselves,
            replaced=self.logs().count("begins anew"),
        )

    def _commits_beyond(self, fences: dict[int, int]) -> int:
        consumer = Consumer({"bootstrap.servers": self.bootstrap, "group.id": self.name, "enable.auto.commit": False})
        with contextlib.closing(consumer):
            committed = consumer.committed([TopicPartition(self.source, n) for n in range(self.partitions)], timeout=10)
        return sum(one.offset > fences.get(one.partition, -1) + 1 for one in committed)


def _fetched(message: Message) -> Fetched:
    headers = dict(message.headers() or ())
    return Fetched(
        message.partition() or 0,
        message.offset() or 0,
        message.timestamp()[1],
        message.key() or b"",
        message.value(),
        headers,
    )
