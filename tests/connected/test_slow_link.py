"""The edge's producer on a link that cannot carry its largest batch within the time-out of a request."""

import pytest

from commit_load import create_topic, eventually_async, read_log
from ops import loop
from ops.group_commit import GroupCommit, Submission
from ops.group_commit.commit import MAX_BATCH_BYTES
from ops.group_commit.producer import REQUEST_TIMEOUT_MS
from ops.kafka import KafkaSettings, client_options
from parts.kafka import start_kafka
from parts.processes import free_port
from parts.toxiproxy import Toxiproxy

RATE_KB_S = 120
"""So slow that the proxy, which reads ahead, does not hold the rest of a batch when its time is over."""
RECORD_BYTES = 3000
RECORDS = 340


def no_refusal(submission: Submission, error: Exception) -> None:
    raise AssertionError(f"{submission} was refused: {error}")


async def carry_backlog(bootstrap: str) -> list[int]:
    """Send it all; the records in the order of their acknowledgement."""
    done: list[int] = []
    options = client_options(KafkaSettings(bootstrap=bootstrap), "edge")
    commit = GroupCommit(options, "messages", 1, on_refused=no_refusal)
    await commit.start()
    for number in range(RECORDS):
        value = b"%d:" % number + b"x" * RECORD_BYTES
        commit.submit(0, [(b"k", value)], lambda number=number: done.append(number))  # type: ignore[misc]
    try:
        await eventually_async(lambda: commit.unacknowledged() == 0, 25)
    finally:
        await commit.close(0)
    return done


@pytest.mark.usefixtures("kafka_part")
def test_a_backlog_gets_through_a_link_that_is_too_slow_for_a_whole_batch(toxiproxy: Toxiproxy) -> None:
    assert RECORDS * RECORD_BYTES > MAX_BATCH_BYTES > RATE_KB_S * REQUEST_TIMEOUT_MS, "the link is not slow"
    port = free_port()
    with start_kafka(advertised=[f"127.0.0.1:{port}"]) as cluster:
        proxy = toxiproxy.proxy(cluster.upstream(), port=port)
        create_topic(cluster.bootstrap, "messages", 1)
        proxy.toxic("bandwidth", upward=True, rate=RATE_KB_S)
        assert loop.run(carry_backlog(proxy.address)) == list(range(RECORDS))
        log = read_log(cluster.bootstrap, "messages", 1)
    numbers = [int(value.split(b":")[0]) for _, value in log[0]]
    assert list(dict.fromkeys(numbers)) == list(range(RECORDS))
    whole = MAX_BATCH_BYTES // RECORD_BYTES
    assert len(numbers) - RECORDS < whole * 3 / 4, "the batch that took too long was not broken off: it is there, too"
