"""A stream worker's metrics. `topic` and `partition` are those of the records that are read."""

from prometheus_client import Counter, Gauge, Histogram

from ops.metrics.registry import LATENCY_BUCKETS, ServiceRegistry
from ops.metrics.tally import TallyHistogram

REGISTRY = ServiceRegistry("streams")
_PARTITION = ("topic", "partition")

# --- what is done ----------------------------------------------------------------------------------------------------

# Source records folded and committed.
RECORDS = Counter("voltstream_streams_records_total", "Records that were folded.", ["topic"], registry=REGISTRY)
# Derived records written by them.
OUTPUTS = Counter("voltstream_streams_outputs_total", "Records that were derived.", ["topic"], registry=REGISTRY)
# Records that could not be handled.
DEAD_LETTERS = Counter(
    "voltstream_streams_dead_letters_total", "Records that went to the dead letters.", registry=REGISTRY
)
# The pure part of a batch, and the transaction it becomes.
FOLD_SECONDS = Histogram(
    "voltstream_streams_fold_seconds", "Real seconds that folding a batch took.", registry=REGISTRY
)
COMMIT_SECONDS = Histogram(
    "voltstream_streams_commit_seconds", "Real seconds that its transaction took.", registry=REGISTRY
)
# The second leg of the way to the store, the first one included; real seconds at every speed of the clock.
LATENCY_SECONDS = TallyHistogram(
    "voltstream_streams_latency_seconds",
    "Real seconds from a frame's receipt at the edge to a derived record on the log.",
    buckets=LATENCY_BUCKETS,
    registry=REGISTRY,
)

# --- what waits ------------------------------------------------------------------------------------------------------

# Records on the log that wait for this worker, over the partitions it owns.
LAG = Gauge("voltstream_streams_lag", "Records that wait, over the partitions owned.", registry=REGISTRY)
LAG_RECORDS = Gauge("voltstream_streams_lag_records", "Records that wait.", _PARTITION, registry=REGISTRY)
# By the broker's clock: how long ago it took the oldest record that is not folded and committed.
LAG_SECONDS = Gauge(
    "voltstream_streams_lag_seconds", "Age of the oldest record that waits, in real seconds.", _PARTITION,
    registry=REGISTRY,
)  # fmt: skip
# Every node ticks every 5 s into every partition: with an edge alive, more than that is a worker that stands still.
SINCE_COMMIT_SECONDS = Gauge(
    "voltstream_streams_since_commit_seconds",
    "Real seconds since a batch of the partition was committed, or since it was loaded.",
    _PARTITION,
    registry=REGISTRY,
)

# --- what is owned and remembered ------------------------------------------------------------------------------------

PARTITIONS = Gauge("voltstream_streams_partitions", "Partitions owned and loaded.", registry=REGISTRY)
KEYS = Gauge("voltstream_streams_keys", "States held in memory.", registry=REGISTRY)
STATE_KEYS = Gauge("voltstream_streams_state_keys", "States held in memory.", _PARTITION, registry=REGISTRY)
# Keys and encoded values; what Python takes for them comes on top.
STATE_BYTES = Gauge("voltstream_streams_state_bytes", "Bytes of these states.", _PARTITION, registry=REGISTRY)
LOAD_SECONDS = Histogram(
    "voltstream_streams_load_seconds",
    "Real seconds to load a partition's state.",
    buckets=(0.05, 0.1, 0.5, 1, 5, 10, 30),
    registry=REGISTRY,
)
REBALANCES = Counter("voltstream_streams_rebalances_total", "New generations of the group.", registry=REGISTRY)
