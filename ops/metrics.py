"""Every metric of every service, declared once.

Names begin with `voltstream_` and end in their unit. Labels are bounded sets (a version, an error's code): never a
station, a connector, a transaction or anything else that a charger chooses.
"""

from prometheus_client import Counter, Histogram

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
# Submissions that Kafka refused for their content; each is in the dead letters.
COMMIT_REFUSED = Counter("voltstream_commit_refused_total", "Submissions that Kafka refused for what is in them.")

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
