"""What the fixtures hand to a test: a broker and a database that it may use as its own."""

import secrets
from dataclasses import dataclass, field
from typing import Literal

from parts.embedded import PARTITIONS
from parts.influx import InfluxClient, Row


@dataclass(frozen=True)
class Broker:
    """A Kafka to talk to. `prefix` is this test's own: what it writes under it, no other test reads."""

    kind: Literal["embedded", "kafka"]
    bootstrap: str
    prefix: str = field(default_factory=lambda: f"t{secrets.token_hex(4)}.")

    @property
    def partitions(self) -> int:
        """Of each topic: few, so that the topics of a long run of tests stay cheap."""
        return PARTITIONS

    @property
    def env(self) -> dict[str, str]:
        """What a service of ours needs in its environment to use it."""
        return {
            "KAFKA_BOOTSTRAP": self.bootstrap,
            "KAFKA_TOPIC_PREFIX": self.prefix,
            "KAFKA_PARTITIONS": str(self.partitions),
            "KAFKA_CHECK_CRCS": str(self.kind == "kafka").lower(),
        }


@dataclass(frozen=True)
class Database:
    """A database on a real InfluxDB, or a bucket on a 2.7; empty at first."""

    server: InfluxClient
    name: str = field(default_factory=lambda: f"t{secrets.token_hex(4)}")

    @property
    def url(self) -> str:
        return self.server.url

    def query(self, influxql: str, *, epoch: str = "") -> list[Row]:
        """As InfluxClient.query, in this database."""
        return self.server.query(influxql, self.name, epoch=epoch)

    def write(self, lines: str, *, precision: str = "ms") -> None:
        """As InfluxClient.write, to this database."""
        self.server.write(lines, self.name, precision=precision)
