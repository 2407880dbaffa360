"""The engine's numbers, given by whoever starts it."""

from collections.abc import Mapping

import msgspec


class EngineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times in seconds, sizes in bytes."""

    group: str
    """The consumer group, and the head of every transactional id: GROUP-TOPIC-PARTITION."""
    state_topic: str
    """Compacted, with as many partitions as every source topic; it exists already."""
    log: int
    """The log's epoch, KAFKA_LOG_EPOCH."""
    client: Mapping[str, object]
    """What every aiokafka client takes: bootstrap_servers, security."""
    check_crcs: bool = True
    """Off on the embedded broker, which gives its commit markers none."""

    pause_s: float = 0.1
    """From the beginning of one batch of a partition to the next: transactions stay few. 0 on the embedded broker."""
    batch_records: int = 1000
    """The most records in a batch."""
    slice_s: float = 0.05
    """After so long in the fold, or in writing, the event loop turns. A quarter of a core may stretch it to 0.2 s."""
    output_bytes: int = 1_000_000
    """The largest output and state value; what is larger becomes a dead letter."""
    dead_letter_bytes: int = 1_100_000
    transaction_timeout_s: float = 15.0
    """After this the broker aborts a transaction that its worker left open."""
    session_timeout_s: float = 10.0
    """A member of the group that is silent for this long has died."""
    heartbeat_s: float = 1.0
    rebalance_timeout_s: float = 20.0
    idle_s: float = 86_400.0
    """A member that fetched nothing for so long is kept out of the group by aiokafka: of no use, and no way back."""
    commit_interval_s: float = 2.0
    """How often the group's offsets are committed, which only lag monitors read."""
    shutdown_s: float = 6.0
    """The longest that SIGTERM may take."""
