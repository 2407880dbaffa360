"""Apache Kafka in KRaft mode: one broker or three, each its own JVM, each broker a controller too.

with start_kafka(brokers=3, message_max_bytes=2_000_000) as kafka:
    kafka.kill(2)
    kafka.start(2)
"""

import base64
import contextlib
import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from parts.places import part, program
from parts.processes import PartFailed, Process, free_port, spawn

_LOG4J = """
rootLogger.level=warn
rootLogger.appenderRefs=out
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1}: %m%n
"""


class Kafka:
    """A running cluster. Brokers are numbered from 1; every method that takes a number means broker 1 without it."""

    def __init__(
        self, folder: Path, libs: Path, brokers: int, settings: dict[str, str], advertised: Sequence[str]
    ) -> None:
        self.folder = folder
        self._libs = libs
        self._java = program("java")
        self._settings = settings
        self._advertised = list(advertised)
        self._ports = [free_port() for _ in range(brokers)]
        self._controller_ports = [free_port() for _ in range(brokers)]
        self._proxied_ports = [free_port() for _ in advertised]
        self._processes: dict[int, Process] = {}

    @property
    def brokers(self) -> int:
        return len(self._ports)

    @property
    def _numbers(self) -> range:
        return range(1, self.brokers + 1)

    @property
    def bootstrap(self) -> str:
        """host:port of every broker, comma separated, whether it runs or not."""
        return ",".join(f"127.0.0.1:{port}" for port in self._ports)

    def upstream(self, number: int = 1) -> str:
        """host:port to which a proxy must pass on what comes to the address that `advertised` names for this broker."""
        return f"127.0.0.1:{self._proxied_ports[number - 1]}"

    def pid(self, number: int = 1) -> int:
        return self._processes[number].pid

    def log(self, number: int = 1) -> Path:
        return self.folder / f"broker-{number}" / "kafka.log"

    def kill(self, number: int = 1) -> None:
        """SIGKILL, and waits until the process is gone."""
        self._processes[number].kill()

    def pause(self, number: int = 1) -> None:
        """SIGSTOP."""
        self._processes[number].pause()

    def resume(self, number: int = 1) -> None:
        """SIGCONT."""
        self._processes[number].resume()

    def start(self, number: int = 1, *, timeout: float = 60) -> None:
        """Starts a broker that was killed or stopped, on its old ports and data; returns when it answers again."""
        self.launch(number)
        self.wait_ready(number, timeout=timeout)

    def start_all(self, *, timeout: float = 120) -> None:
        """Starts every broker that does not run (after `stop`, one alone would wait for a quorum)."""
        for number in self._numbers:
            if number not in self._processes or not self._processes[number].alive:
                self.launch(number)
        for number in self._numbers:
            self.wait_ready(number, timeout=timeout)

    def stop(self, number: int | None = None) -> None:
        """SIGTERM (a controlled shutdown) to one broker, or to all; those that lost the quorum meanwhile are killed."""
        stopping = [self._processes[number]] if number else list(self._processes.values())
        for process in stopping:
            process.signal(signal.SIGTERM)
        for process in stopping:
            process.stop(timeout=10)

    def launch(self, number: int) -> None:
        """Starts a broker's process, without waiting for it."""
        if number in self._processes and self._processes[number].alive:
            raise PartFailed(f"broker {number} is still running")
        home = self._home(number)
        command = [
            self._java, "-Xmx512m", "-Xms128m", "-XX:+ExitOnOutOfMemoryError", "-XX:-UsePerfData",
            f"-Dlog4j2.configurationFile={home / 'log4j2.properties'}",
            "-cp", f"{self._libs}/*", "kafka.Kafka", str(home / "server.properties"),
        ]  # fmt: skip
        self._processes[number] = spawn(command, log=self.log(number), cwd=home)

    def wait_ready(self, number: int = 1, *, timeout: float = 60) -> None:
        """Returns when this broker answers and sees every broker of the cluster that runs and is not paused."""
        admin = AdminClient({"bootstrap.servers": f"127.0.0.1:{self._ports[number - 1]}", "log_level": 0})
        running = {each for each, process in self._processes.items() if process.alive and not process.paused}

        def ready() -> bool:
            try:
                metadata = admin.list_topics(timeout=2)
            except KafkaException:
                return False
            return metadata.controller_id > 0 and running <= set(metadata.brokers)

        self._processes[number].wait_until(ready, timeout)

    def wait_in_sync(self, *, timeout: float = 60) -> None:
        """Returns when every replica of every partition is in sync (after a broker came back)."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})

        def in_sync() -> bool:
            try:
                topics = admin.list_topics(timeout=2).topics.values()
            except KafkaException:
                return False
            return all(
                partition.leader > 0 and set(partition.isrs) == set(partition.replicas)
                for topic in topics
                for partition in topic.partitions.values()
            )

        next(iter(self._processes.values())).wait_until(in_sync, timeout, every=0.2)

    def format(self) -> None:
        """Writes each broker's settings and formats its data folder."""
        cluster_id = base64.urlsafe_b64encode(os.urandom(16)).rstrip(b"=").decode().replace("-", "A")
        formatting = []
        for number in self._numbers:
            home = self._home(number)
            home.mkdir()
            (home / "server.properties").write_text("".join(f"{k}={v}\n" for k, v in self._properties(number).items()))
            (home / "log4j2.properties").write_text(_LOG4J)
            command = [
                self._java, "-XX:TieredStopAtLevel=1", "-cp", f"{self._libs}/*", "kafka.tools.StorageTool",
                "format", "-t", cluster_id, "-c", str(home / "server.properties"),
            ]  # fmt: skip
            formatting.append(spawn(command, log=home / "format.log", cwd=home))
        for process in formatting:
            if process.wait(120):
                raise PartFailed(f"Kafka's data folder could not be formatted:\n{process.tail()}")

    def kill_all(self) -> None:
        for process in self._processes.values():
            process.kill()

    def _home(self, number: int) -> Path:
        return self.folder / f"broker-{number}"

    def _properties(self, number: int) -> dict[str, str]:
        port, controller_port = self._ports[number - 1], self._controller_ports[number - 1]
        listeners = {"PLAINTEXT": f"127.0.0.1:{port}", "CONTROLLER": f"127.0.0.1:{controller_port}"}
        advertised = {"PLAINTEXT": f"127.0.0.1:{port}"}
        if self._advertised:
            listeners["PROXIED"] = self.upstream(number)
            advertised["PROXIED"] = self._advertised[number - 1]
        replicas, in_sync = (3, 2) if self.brokers >= 3 else (1, 1)
        return {
            "process.roles": "broker,controller",
            "node.id": str(number),
            "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{p}" for n, p in enumerate(self._controller_ports, 1)),
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "listeners": ",".join(f"{name}://{address}" for name, address in listeners.items()),
            "advertised.listeners": ",".join(f"{name}://{address}" for name, address in advertised.items()),
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in listeners),
            "log.dirs": str(self._home(number) / "data"),
            "auto.create.topics.enable": "false",
            "default.replication.factor": str(replicas),
            "min.insync.replicas": str(in_sync),
            "offsets.topic.replication.factor": str(replicas),
            "transaction.state.log.replication.factor": str(replicas),
            "transaction.state.log.min.isr": str(in_sync),
            "share.coordinator.state.topic.replication.factor": str(replicas),
            "share.coordinator.state.topic.min.isr": str(in_sync),
            # Few internal partitions, a small cleaner buffer: it starts and fails over sooner, and fits in its heap.
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.num.partitions": "4",
            "log.cleaner.dedupe.buffer.size": str(16 << 20),
            "group.initial.rebalance.delay.ms": "0",
            **self._settings,
        }


@contextlib.contextmanager
def start_kafka(
    brokers: int = 1, *, folder: Path | None = None, advertised: Sequence[str] = (), **broker_settings: object
) -> Iterator[Kafka]:
    """A cluster of `brokers` (1 or 3), ready; killed and deleted at the end.

    `broker_settings` are Kafka's own, with _ for the dot (`log_retention_ms=1000`). `advertised` gives one host:port a
    broker, a proxy's: clients that come through it (to `upstream`) are told these addresses; `bootstrap` goes past it.
    With `folder` the data is put there (it must be empty) and left. Raises PartMissing or PartFailed.
    """
    libs = part("kafka") / "libs"
    settings = {name.replace("_", "."): _text(value) for name, value in broker_settings.items()}
    with contextlib.ExitStack() as at_end:
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix="voltstream-kafka-", ignore_cleanup_errors=True)
            folder = Path(at_end.enter_context(made))
        kafka = Kafka(folder, libs, brokers, settings, advertised)
        at_end.callback(kafka.kill_all)
        kafka.format()
        kafka.start_all()
        yield kafka


def create_topics(bootstrap: str, *names: str, partitions: int = 1, **settings: object) -> None:
    """Creates topics on a real Kafka, with `settings` of their own (`cleanup_policy="compact"`)."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    config = {name.replace("_", "."): _text(value) for name, value in settings.items()}
    for done in admin.create_topics([NewTopic(name, partitions, config=config) for name in names]).values():
        done.result(30)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
