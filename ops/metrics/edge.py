"""The edge's metrics, those of its group commit among them."""

from prometheus_client import Counter, Gauge, Histogram

from ops.metrics.registry import ServiceRegistry
from ops.metrics.tally import TallyCounter, TallyHistogram

REGISTRY = ServiceRegistry("edge")

# The time a reply waits for the log, in real seconds: milliseconds when all is well, up to an outage's length.
_COMMIT_BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
# Fewer: there is a set of them for each version and action.
_ANSWER_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.5, 2, 20)

# --- stations and what they say --------------------------------------------------------------------------------------

# Stations connected to this node now, and the same by what they speak.
CONNECTIONS = Gauge("voltstream_edge_connections", "Stations connected now.", registry=REGISTRY)
VERSIONS = Gauge(
    "voltstream_edge_connections_by_version", "Stations connected now, by version.", ["version"], registry=REGISTRY
)
# Frames by OCPP-J's message type; `unknown` where none could be read.
FRAMES_IN = TallyCounter(
    "voltstream_edge_frames_in_total", "Frames that stations sent.", ["version", "type"], registry=REGISTRY
)
FRAMES_OUT = TallyCounter(
    "voltstream_edge_frames_out_total", "Frames that were sent to stations.", ["version", "type"], registry=REGISTRY
)
# CALLs that got their reply; their records and the replies' are on the log.
ANSWERED = TallyCounter("voltstream_edge_answered_total", "CALLs that got their reply.", registry=REGISTRY)
# The first leg of the way to the store: when a reply leaves, the frame is on the log. `action`: one that is answered in
# this version, else `other`.
ANSWER_SECONDS = TallyHistogram(
    "voltstream_edge_answer_seconds",
    "Real seconds from a frame's arrival to its reply.",
    ["version", "action"],
    buckets=_ANSWER_BUCKETS,
    registry=REGISTRY,
)
# Handshakes that came to nothing; `reason` as in the `rejected` record.
REFUSALS = Counter("voltstream_edge_refusals_total", "Handshakes that were refused.", ["reason"], registry=REGISTRY)
for _reason in ("node-full", "log-away", "log-behind"):  # our own, from 0 on: or the first one would be no increase
    REFUSALS.labels(_reason)
# Refused handshakes that left no record, because the log was away or had no room.
REJECTS_DROPPED = Counter(
    "voltstream_edge_rejects_dropped_total", "Refused handshakes without a record.", registry=REGISTRY
)
# Connections that ended; `code` is the close code (1006: none came), `other` for a station's own invention.
CLOSES = Counter("voltstream_edge_closes_total", "Connections that ended.", ["code"], registry=REGISTRY)
# A station's new connection replaced one that still looked open.
TAKEOVERS = Counter(
    "voltstream_edge_takeovers_total", "Connections that were replaced by a newer one.", registry=REGISTRY
)
# Frames in which a secret or a hidden token may stand that cannot be replaced; `bytes`: dropped or kept.
UNREDACTABLE = Counter(
    "voltstream_edge_unredactable_total", "Frames that could not be redacted.", ["bytes"], registry=REGISTRY
)

# --- the way to the log ----------------------------------------------------------------------------------------------

# Bytes of frames that wait for their turn: stations that send faster than the log takes.
QUEUED_BYTES = Gauge("voltstream_edge_queued_bytes", "Bytes of frames that wait for their turn.", registry=REGISTRY)
# Submissions without an answer of Kafka's: with the loop's lag, the number to scale on.
IN_FLIGHT = Gauge("voltstream_edge_in_flight", "Submissions that wait for Kafka.", registry=REGISTRY)
IN_FLIGHT_BYTES = Gauge("voltstream_edge_in_flight_bytes", "Their bytes.", registry=REGISTRY)
# The edge's lag in seconds: at EDGE_HOLD_MAX a partition's stations are closed.
OLDEST_IN_FLIGHT_SECONDS = Gauge(
    "voltstream_edge_oldest_in_flight_seconds",
    "Real seconds for which the oldest record that is not on the log has waited.",
    registry=REGISTRY,
)
# Partitions that have owed an answer for 5 s.
PARTITIONS_AWAY = Gauge("voltstream_edge_partitions_away", "Partitions of the log that are away.", registry=REGISTRY)
# From a batch's oldest submission to its acknowledgement.
COMMIT_SECONDS = Histogram(
    "voltstream_commit_seconds",
    "Real seconds from a batch's oldest submission to its acknowledgement.",
    buckets=_COMMIT_BUCKETS,
    registry=REGISTRY,
)
# How well batching works: 1 on an idle edge, more on a busy one. The sum is the submissions acknowledged.
COMMIT_BATCH_SUBMISSIONS = Histogram(
    "voltstream_commit_batch_submissions",
    "Submissions that one acknowledgement released.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096),
    registry=REGISTRY,
)
# Batches sent again because Kafka did not answer, or answered that it cannot now.
COMMIT_RESENDS = Counter("voltstream_commit_resends_total", "Batches that were sent again.", registry=REGISTRY)
# Submissions that can never stand on the log: Kafka refused their content, or no batch holds them. Each is in the dead
# letters.
COMMIT_REFUSED = Counter(
    "voltstream_commit_refused_total", "Submissions refused for what is in them.", registry=REGISTRY
)
