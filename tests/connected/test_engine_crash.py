"""Counting workers are killed, paused and scaled, and so is their broker; tests/long/engine does more of it."""

import random
import time

import pytest

from counting.pauses import longest, pauses
from counting.run import Run
from parts.handles import Broker
from parts.kafka import start_kafka

pytestmark = pytest.mark.timeout(300)


def test_kills_a_pause_and_a_join_leave_no_trace(kafka: Broker) -> None:
    run = Run(kafka.bootstrap, "crash", kafka.partitions, session_timeout_s=6, batch_records=200)
    run.create_topics()
    for worker in range(2):
        run.start(worker)
    run.load(300)
    run.wait_folding()
    try:
        for worker in range(2):
            time.sleep(random.uniform(1, 4))
            run.kill(worker)
            run.start(worker)
        time.sleep(8)
        run.backlog(10_000)
        time.sleep(0.3)
        run.workers[0].pause()
        time.sleep(18)
        run.workers[0].resume()
        time.sleep(6)
        began = time.time()
        run.start(2)
        time.sleep(6)
        run.stop(2)
        time.sleep(4)
        found = pauses(run, since=began)
        run.rate = 0
        time.sleep(1)
        assert (verdict := run.verdict()).right, f"{verdict}\n{run.logs()}"
        assert longest(found, kept=True) < 3, found[:5]
    finally:
        run.close()


@pytest.mark.usefixtures("kafka_part")
def test_a_broker_that_goes_and_comes_back_is_waited_for() -> None:
    with start_kafka() as kafka:
        run = Run(kafka.bootstrap, "away", 4)
        run.create_topics()
        run.start(0)
        run.backlog(5_000)
        run.wait_folding()
        try:
            run.wait_ready(0)
            kafka.kill()
            run.workers[0].wait_until(lambda: "not ready part=kafka" in run.logs(), 60)
            kafka.start()
            run.workers[0].wait_until(
                lambda: ": ready part=kafka" in run.logs() or "ready again part=kafka" in run.logs(), 60
            )
            run.backlog(5_000)
            assert (verdict := run.verdict()).right, f"{verdict}\n{run.logs()}"
            assert run.stop(0) < 7
        finally:
            run.close()


@pytest.mark.usefixtures("kafka_part")
def test_a_worker_still_fetches_while_its_offsets_cannot_be_committed() -> None:
    """Else a long outage makes it an idle member, which aiokafka never lets into the group again."""
    with start_kafka() as kafka:
        run = Run(kafka.bootstrap, "idle", 4, session_timeout_s=6, idle_s=8)
        run.create_topics()
        run.start(0)
        try:
            run.wait_ready(0)
            run.backlog(5_000)
            run.wait_folded()
            kafka.kill()
            time.sleep(40)
            kafka.start()
            run.backlog(5_000)
            run.wait_folded()
            assert (verdict := run.verdict()).right, f"{verdict}\n{run.logs()}"
            assert "begins anew" not in run.logs()
        finally:
            run.close()


@pytest.mark.usefixtures("kafka_part")
def test_a_compacted_state_is_whole_and_begins_at_its_beginning() -> None:
    with start_kafka(log_cleaner_backoff_ms=200) as kafka:
        run = Run(kafka.bootstrap, "compacted", 4, session_timeout_s=6)
        run.create_topics(**{"segment.ms": "1000", "min.cleanable.dirty.ratio": "0.01", "delete.retention.ms": "0"})
        run.start(0)
        run.load(300, keys=50)
        run.wait_folding()
        try:
            for _ in range(3):
                time.sleep(5)
                run.kill(0)
                run.start(0)
            run.wait_ready(0)
            run.rate = 0
            time.sleep(1)
            verdict = run.verdict()
            assert verdict.right, f"{verdict}\n{run.logs()}"
            written = {message.partition: message.offset for message in run.read(run.state)}
            kept = sum(1 for _ in run.read(run.state))
            assert kept < sum(written.values()) / 2, "Kafka has compacted the topic"
        finally:
            run.close()
