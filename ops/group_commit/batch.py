"""Submissions as one of Kafka's record batches."""

from collections.abc import Sequence
from time import monotonic, time

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from ops.group_commit.submission import Header, Submission

_MAGIC = 2  # the format of record batches since Kafka 0.11
_PLAIN = (0, 0, -1, -1, 0)  # not compressed, in no transaction, by no idempotent producer


def record_batch(submissions: Sequence[Submission], headers: Sequence[Header], max_bytes: int) -> bytearray:
    """Their records in order, each with these headers, as bytes for a produce request."""
    builder, offset = DefaultRecordBatchBuilder(_MAGIC, *_PLAIN, max_bytes), 0
    append, shared = builder.append, list(headers)
    wall_clock = time() - monotonic()
    for submission in submissions:
        at_ms = int((wall_clock + submission.at) * 1000)  # the time of submission: a repeat is the same record
        for key, value in submission.records:
            # None means that it did not fit, and would be a lost record; our sizes are upper bounds.
            if append(offset, at_ms, key, value, shared) is None:
                raise AssertionError("a record's size was underestimated")
            offset += 1
    records: bytearray = builder.build()
    return records
