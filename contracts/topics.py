"""The topics: names, cleanup, limits; where a record goes, and the headers it carries.

Names here are without the prefix (`KAFKA_TOPIC_PREFIX`, default `ocpp.`), which stands in front of each on the broker.
"""

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from contracts.times import rfc3339

DEFAULT_PREFIX = "ocpp."
FRAME_LIMIT = 512 * 1024  # bytes of the largest frame accepted by default
MESSAGES_LIMIT = 1_048_588  # Kafka's own default for max.message.bytes
DLQ_LIMIT = 2 * FRAME_LIMIT + 64 * 1024  # a dead letter holds another record in base64
SAMPLE_LIMIT = 256 * 1024  # bytes of the largest `samples` record

_DAY_MS = 24 * 3600 * 1000


class Name(StrEnum):
    """A topic's name, without the prefix."""

    MESSAGES = "messages"
    SAMPLES = "samples"
    STATUS = "status"
    SESSIONS = "sessions"
    ENERGY = "energy"
    ALARMS = "alarms"
    OUTAGES = "outages"
    STREAMS_STATE = "streams-state"
    DLQ = "dlq"


class Topic(msgspec.Struct, frozen=True):
    """How a topic is created. Retention in days (None: for ever), sizes in bytes."""

    name: Name
    key: str
    cleanup: str
    retention_days: int | None
    max_message_bytes: int = MESSAGES_LIMIT
    segment_ms: int | None = None
    max_compaction_lag_ms: int | None = None
    major: int = 1

    def config(self) -> dict[str, str]:
        """The topic's configuration as Kafka spells it. LogAppendTime everywhere: no record's time is a client's."""
        config = {
            "cleanup.policy": self.cleanup,
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(self.max_message_bytes),
        }
        if self.retention_days is not None:
            config["retention.ms"] = str(self.retention_days * _DAY_MS)
        if self.segment_ms is not None:
            config["segment.ms"] = str(self.segment_ms)
        if self.max_compaction_lag_ms is not None:
            config["max.compaction.lag.ms"] = str(self.max_compaction_lag_ms)
        return config

    @property
    def schema(self) -> str:
        """The value of the header `schema`."""
        return f"{self.name}/{self.major}"


TOPICS: dict[Name, Topic] = {
    topic.name: topic
    for topic in (
        Topic(Name.MESSAGES, "station", "delete", 7),
        Topic(Name.SAMPLES, "station", "delete", 7),
        Topic(Name.STATUS, "station/evse/connector", "compact", None),
        Topic(Name.SESSIONS, "session id", "compact,delete", 30),
        Topic(Name.ENERGY, "station/evse/meter/interval start", "compact,delete", 30),
        Topic(Name.ALARMS, "alarm id", "compact,delete", 35),
        Topic(Name.OUTAGES, "tenant/site", "delete", 7),
        Topic(
            Name.STREAMS_STATE,
            "AGENT/key",
            "compact",
            None,
            segment_ms=5 * 60 * 1000,
            max_compaction_lag_ms=10 * 60 * 1000,
        ),
        Topic(Name.DLQ, "source key", "delete", 14, max_message_bytes=DLQ_LIMIT),
    )
}

NODE_KEY = "\x00node/"  # of a tick: this and the node's name
REJECTED_KEY = b"\x00rejected"  # of a reject without a valid identity; partition 0


def node_key(node: str) -> bytes:
    """The key of a node's ticks on `messages`."""
    return (NODE_KEY + node).encode()


def status_key(station: str, evse: int, connector: int) -> bytes:
    return f"{station}/{evse}/{connector}".encode()


def energy_key(station: str, evse: int, meter: str, start: str) -> bytes:
    return f"{station}/{evse}/{meter}/{start}".encode()


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a record with a station's key: murmur2, as Kafka's Java client places keyed records.

    librdkafka clients find it with the partitioner `murmur2_random`.
    """
    return (murmur2(key) & 0x7FFFFFFF) % partitions


def murmur2(data: bytes) -> int:
    """MurmurHash2 with Kafka's seed: an unsigned 32-bit integer."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        k = (int.from_bytes(data[i : i + 4], "little") * m) & mask
        k ^= k >> 24
        h = ((h * m) & mask) ^ ((k * m) & mask)
    if rest := data[whole:]:
        h = ((h ^ int.from_bytes(rest, "little")) * m) & mask
    h ^= h >> 13
    h = (h * m) & mask
    return h ^ (h >> 15)


def schema_header(name: Name) -> tuple[str, bytes]:
    return ("schema", TOPICS[name].schema.encode())


def event_headers(
    name: Name, record: str, key: bytes, log: int, revision: int, source: str, time_us: int, part: int | None = None
) -> tuple[tuple[str, bytes], ...]:
    """The headers of a derived record: `schema`, and CloudEvents 1.0 in Kafka's binary content mode.

    `record` is the record's name (`Session`), `source` the source topic and partition (`ocpp.messages/3`), `time_us`
    the log's time at which it was derived.
    """
    tail = "" if part is None else f".{part}"
    return (
        schema_header(name),
        ("ce_specversion", b"1.0"),
        ("ce_id", b"%b/%b/%d.%d%b" % (name.encode(), key, log, revision, tail.encode())),
        ("ce_type", f"voltstream.{record}.v{TOPICS[name].major}".encode()),
        ("ce_source", f"/{source}".encode()),
        ("ce_time", rfc3339(time_us).encode()),
    )


def event_time(headers: Iterable[tuple[str, bytes]]) -> str | None:
    """`ce_time` of a derived record: the log's time of the frame that it came from (RFC 3339)."""
    for name, content in headers:
        if name == "ce_time":
            return content.decode(errors="replace")
    return None
