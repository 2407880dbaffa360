"""Every metric of every service, declared once.

Names begin with `voltstream_` and end in their unit. Labels are bounded sets (a version, an error's code): never a
station, a connector, a transaction or anything else that a charger chooses.
"""

from prometheus_client import Counter, Gauge, Histogram

# The time a reply waits for the log, in real seconds: milliseconds when all is well, up to an outage's length.
_COMMIT_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

# --- the group commit (edge) -----------------------------------------------------------------------------------------

# From a batch's oldest submission to its acknowledgement.
COMMIT_SECONDS = Histogram(
    "voltstream_commit_seconds",
    "Real seconds from a batch's oldest submission to its acknowledgement.",
    buckets=_COMMIT_BUCKETS,
)
# How well batching works: 1 on an idle edge, more on a busy one. The sum is the submissions acknowledged.
COMMIT_BATCH_SUBMISSIONS = Histogram(
    "voltstream_commit_batch_submissions",
    "Submissions that one acknowledgement released.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096),
)
# Batches sent again because Kafka did not answer, or answered that it cannot now.
COMMIT_RESENDS = Counter("voltstream_commit_resends_total", "Batches that were sent again.")
# Submissions that can never stand on the log: Kafka refused their content, or no batch holds them. Each is in the dead
# letters.
COMMIT_REFUSED = Counter("voltstream_commit_refused_total", "Submissions refused for what is in them.")

# --- the edge --------------------------------------------------------------------------------------------------------

# Stations connected to this node now.
EDGE_CONNECTIONS = Gauge("voltstream_edge_connections", "Stations connected now.")
# CALLs that got their reply; their records and the replies' are on the log.
EDGE_ANSWERED = Counter("voltstream_edge_answered_total", "CALLs that got their reply.")
# Handshakes that came to nothing; `reason` as in the `rejected` record.
EDGE_REFUSALS = Counter("voltstream_edge_refusals_total", "Handshakes that were refused.", ["reason"])
# Refused handshakes that left no record, because the log was away or had no room.
EDGE_REJECTS_DROPPED = Counter("voltstream_edge_rejects_dropped_total", "Refused handshakes without a record.")
# Connections that ended; `code` is the close code (1006: none came), `other` for a station's own invention.
EDGE_CLOSES = Counter("voltstream_edge_closes_total", "Connections that ended.", ["code"])
# A station's new connection replaced one that still looked open.
EDGE_TAKEOVERS = Counter("voltstream_edge_takeovers_total", "Connections that were replaced by a newer one.")
# Frames in which a secret or a hidden token may stand that cannot be replaced; `bytes`: dropped or kept.
EDGE_UNREDACTABLE = Counter("voltstream_edge_unredactable_total", "Frames that could not be redacted.", ["bytes"])
# Bytes of frames that wait for their turn: stations that send faster than the log takes.
EDGE_QUEUED_BYTES = Gauge("voltstream_edge_queued_bytes", "Bytes of frames that wait for their turn.")
# Submissions without an answer of Kafka's: with the loop's lag, the number to scale on.
EDGE_IN_FLIGHT = Gauge("voltstream_edge_in_flight", "Submissions that wait for Kafka.")
EDGE_IN_FLIGHT_BYTES = Gauge("voltstream_edge_in_flight_bytes", "Their bytes.")
# Partitions that have owed an answer for 5 s.
EDGE_PARTITIONS_AWAY = Gauge("voltstream_edge_partitions_away", "Partitions of the log that are away.")
# How late a timer of one second fires: the event loop is busy, or the process stood still.
EDGE_LOOP_LAG_SECONDS = Histogram(
    "voltstream_edge_loop_lag_seconds",
    "Real seconds by which a timer was late.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
)

# --- the sinks -------------------------------------------------------------------------------------------------------

# Records whose offset was settled: kept by the store, or in the dead letters.
SINK_RECORDS = Counter("voltstream_sink_records_total", "Records that were settled.", ["store"])
# From the start of a batch's decoding to its commit, the waiting for a store that is away included.
SINK_BATCH_SECONDS = Histogram(
    "voltstream_sink_batch_seconds", "Real seconds from a batch's decoding to its commit.", buckets=_COMMIT_BUCKETS
)
# Attempts that failed for the store's reasons; `code` is that of sinks/store.py.
SINK_RETRIES = Counter("voltstream_sink_retries_total", "Writes that were put off and tried again.", ["code"])
# What the store will never take, and what could not be read; `code` as in the dead letter.
SINK_DEAD_LETTERS = Counter("voltstream_sink_dead_letters_total", "Records that went to the dead letters.", ["code"])
# Records that this sink has not settled yet, over the partitions it owns.
SINK_LAG = Gauge("voltstream_sink_lag", "Records that wait, over the partitions owned.")
# 0 while the store does not answer or turns us away.
SINK_STORE_UP = Gauge("voltstream_sink_store_up", "Whether the store took what it was last sent.", ["store"])

# --- the stream workers ----------------------------------------------------------------------------------------------

# Source records folded and committed.
STREAMS_RECORDS = Counter("voltstream_streams_records_total", "Records that were folded.", ["topic"])
# Derived records written by them.
STREAMS_OUTPUTS = Counter("voltstream_streams_outputs_total", "Records that were derived.", ["topic"])
# Records that could not be handled.
STREAMS_DEAD_LETTERS = Counter("voltstream_streams_dead_letters_total", "Records that went to the dead letters.")
# The pure part of a batch, and the transaction it becomes.
STREAMS_FOLD_SECONDS = Histogram("voltstream_streams_fold_seconds", "Real seconds that folding a batch took.")
STREAMS_COMMIT_SECONDS = Histogram("voltstream_streams_commit_seconds", "Real seconds that its transaction took.")
# Records on the log that wait for this worker, over the partitions it owns.
STREAMS_LAG = Gauge("voltstream_streams_lag", "Records that wait, over the partitions owned.")
# What it owns, and how much it remembers.
STREAMS_PARTITIONS = Gauge("voltstream_streams_partitions", "Partitions owned and loaded.")
STREAMS_KEYS = Gauge("voltstream_streams_keys", "States held in memory.")
STREAMS_LOAD_SECONDS = Histogram(
    "voltstream_streams_load_seconds",
    "Real seconds to load a partition's state.",
    buckets=(0.05, 0.1, 0.5, 1, 5, 10, 30),
)
STREAMS_REBALANCES = Counter("voltstream_streams_rebalances_total", "New generations of the group.")

# --- the live page ---------------------------------------------------------------------------------------------------

# Browsers that hold a stream open.
LIVE_BROWSERS = Gauge("voltstream_live_browsers", "Browsers that look.")
# Stations that the page knows.
LIVE_STATIONS = Gauge("voltstream_live_stations", "Stations on the page.")
