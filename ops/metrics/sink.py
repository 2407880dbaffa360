"""A sink's metrics. `topic` and `partition` are those of the derived records that are read."""

from prometheus_client import Counter, Gauge, Histogram

from ops.metrics.registry import LATENCY_BUCKETS, ServiceRegistry
from ops.metrics.tally import TallyHistogram

REGISTRY = ServiceRegistry("sink")
_PARTITION = ("topic", "partition")
_BATCH_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

# --- what is done ----------------------------------------------------------------------------------------------------

# Records whose offset was settled: kept by the store, or in the dead letters.
RECORDS = Counter("voltstream_sink_records_total", "Records that were settled.", ["store"], registry=REGISTRY)
# From the start of a batch's decoding to its commit, the waiting for a store that is away included.
BATCH_SECONDS = Histogram(
    "voltstream_sink_batch_seconds",
    "Real seconds from a batch's decoding to its commit.",
    buckets=_BATCH_BUCKETS,
    registry=REGISTRY,
)
# The whole way: edge, log, streams, log, sink, store; real seconds at every speed of the clock.
LATENCY_SECONDS = TallyHistogram(
    "voltstream_sink_latency_seconds",
    "Real seconds from a frame's receipt at the edge to a derived record in the store.",
    ["topic"],
    buckets=LATENCY_BUCKETS,
    registry=REGISTRY,
)
# What the store will never take, and what could not be read; `code` as in the dead letter.
DEAD_LETTERS = Counter(
    "voltstream_sink_dead_letters_total", "Records that went to the dead letters.", ["code"], registry=REGISTRY
)
for _code in ("record", "refused", "too-large"):  # from 0 on: or the first one would be no increase
    DEAD_LETTERS.labels(_code)

# --- the store -------------------------------------------------------------------------------------------------------

# Attempts that failed for the store's reasons; `code` is that of sinks/store.py.
RETRIES = Counter(
    "voltstream_sink_retries_total", "Writes that were put off and tried again.", ["code"], registry=REGISTRY
)
# 0 while the store does not answer or turns us away.
STORE_UP = Gauge(
    "voltstream_sink_store_up", "Whether the store took what it was last sent.", ["store"], registry=REGISTRY
)
# Points of the measurement `pipeline` (sinks/pipeline/) that could not be measured or written; records go on.
PIPELINE_FAILURES = Counter(
    "voltstream_sink_pipeline_failures_total", "Reports on the pipeline that were not written.", registry=REGISTRY
)

# --- what waits ------------------------------------------------------------------------------------------------------

# Records that this sink has not settled yet, over the partitions it owns.
LAG = Gauge("voltstream_sink_lag", "Records that wait, over the partitions owned.", registry=REGISTRY)
LAG_RECORDS = Gauge("voltstream_sink_lag_records", "Records that wait.", _PARTITION, registry=REGISTRY)
# By the broker's clock: how long ago it took the oldest record that is not settled.
LAG_SECONDS = Gauge(
    "voltstream_sink_lag_seconds", "Age of the oldest record that waits, in real seconds.", _PARTITION,
    registry=REGISTRY,
)  # fmt: skip
# Offsets are committed when something was settled: on an idle log this grows while nothing is wrong.
SINCE_COMMIT_SECONDS = Gauge(
    "voltstream_sink_since_commit_seconds",
    "Real seconds since offsets were committed, or since the start.",
    registry=REGISTRY,
)
