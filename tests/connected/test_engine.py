"""The engine with the counting fold: real worker processes, on the embedded broker and on Kafka."""

import contextlib
import time
from collections.abc import Callable, Iterator

import msgspec
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from counting.fold import Count
from counting.run import Run
from parts.handles import Broker
from parts.processes import free_port
from streams.engine.agent import CLOCK_KEY
from streams.engine.changelog import Changelog, Fence

pytestmark = pytest.mark.timeout(180)

Start = Callable[..., Run]


@pytest.fixture
def counting() -> Iterator[Start]:
    """Makes runs, their topics included, and ends their workers."""
    runs: list[Run] = []

    def start(
        broker: Broker, *, workers: int = 1, state_config: dict[str, str] | None = None, **settings: object
    ) -> Run:
        embedded = {"pause_s": 0.0, "check_crcs": False} if broker.kind == "embedded" else {}
        run = Run(broker.bootstrap, broker.prefix.rstrip("."), broker.partitions, None, **{**embedded, **settings})
        runs.append(run)
        if embedded:
            run.ask_for_topics()
        else:
            run.create_topics(**state_config or {})
        for worker in range(workers):
            run.start(worker)
        return run

    yield start
    for run in runs:
        run.close()


def ends_with(run: Run, worker: int = 0) -> str:
    """Wait until a worker has ended by itself. Gives the one sentence it ends with."""
    status = run.workers.pop(worker).wait(60)
    critical = [line for line in run.logs().splitlines() if " CRITICAL " in line]
    assert status == 1, run.logs()
    assert len(critical) == 1, run.logs()
    return critical[0]


# -- without a broker


def test_while_kafka_is_away_a_worker_begins_anew_until_it_is_told_to_stop() -> None:
    run = Run(f"127.0.0.1:{free_port()}", "away", 4)
    with contextlib.closing(run):
        worker = run.start(0)
        worker.wait_until(lambda: "in_a_row=2" in run.logs(), 60)
        assert worker.stop() == 0
        assert "in_a_row=1" in run.logs()
        assert "Traceback" not in run.logs()


# -- on both brokers


def test_counts_every_record_once(broker: Broker, counting: Start) -> None:
    run = counting(broker)
    run.backlog(3000)
    run.wait_folding()
    run.send((b"late", b"x"), (b"K00001", b"x"))
    verdict = run.verdict()
    assert verdict.right, f"{verdict}\n{run.logs()}"
    stand = f" partitions={broker.partitions} keys={verdict.keys + broker.partitions} known={broker.partitions} lag=0"
    run.workers[0].wait_until(lambda: stand in run.logs(), 60)


def test_what_cannot_be_folded_goes_to_the_dead_letters_and_leaves_no_trace(broker: Broker, counting: Start) -> None:
    run = counting(broker)
    run.send((b"a", b"1"), (b"a", b"poison"), (b"b", b"poison"), (b"a", b"2"), (b"a", b"huge"), (b"b", b"3"))
    run.wait_folded()
    counts, _, backwards = run.states()
    assert (counts[b"a"].n, counts[b"b"].n, backwards) == (3, 1, 0)
    letters = list(run.read(run.dead_letters))
    assert sorted((one.key, one.value, one.headers["code"]) for one in letters) == [
        (b"a", b"huge", b"too-large"),
        (b"a", b"poison", b"fold-error"),
        (b"b", b"poison", b"fold-error"),
    ]
    assert sorted(int((one.value or b"").split()[0]) for one in run.read(run.output)) == [1, 1, 2, 3]
    places = {one.key: one.partition for one in run.read(run.source)}
    for topic in (run.dead_letters, run.output, run.state):
        for one in run.read(topic):
            assert one.key.endswith(CLOCK_KEY) or one.partition == places[one.key.rpartition(b"/")[2]]


def test_deleted_keys_are_tombstones_and_unchanged_states_are_not_written(broker: Broker, counting: Start) -> None:
    run = counting(broker)
    run.send((b"a", b"1"), (b"gone", b"1"), partition=0)
    run.wait_folded()
    run.send((b"gone", b"delete"), (b"never", b"delete"), partition=0)
    run.wait_folded()
    written = [(one.key.rpartition(b"/")[2], one.value is None) for one in run.read(run.state) if one.partition == 0]
    assert [one for one in written if one[0] != CLOCK_KEY] == [(b"a", False), (b"gone", False), (b"gone", True)]
    assert run.states()[0].keys() == {b"a"}


# -- on Kafka only: the embedded broker neither fences nor keeps enough to begin again on


def test_a_new_worker_reads_on_where_the_state_says(kafka: Broker, counting: Start) -> None:
    run = counting(kafka)
    run.backlog(1000)
    run.wait_folded()
    assert run.stop(0) < 6
    run.backlog(1000)
    run.start(0)
    assert (verdict := run.verdict()).right, f"{verdict}\n{run.logs()}"


def test_sigterm_in_the_middle_of_a_slow_batch_ends_in_time(kafka: Broker, counting: Start) -> None:
    run = counting(kafka, fold_s=0.01, batch_records=100)
    run.backlog(800)
    run.wait_folding()
    assert run.stop(0) < 7
    run.start(0)
    assert (verdict := run.verdict()).right, f"{verdict}\n{run.logs()}"


def test_a_state_of_another_version_ends_the_worker(kafka: Broker, counting: Start) -> None:
    run = counting(kafka, workers=0)
    produce(kafka, run.state, Changelog("counting0", 9).key(b"a"), b"\x09{}", 2)
    run.start(0)
    assert "the state of counting0 has format 9 where this version reads format 1" in (said := ends_with(run))
    assert "`voltstream replay`" in said


def test_records_deleted_before_they_were_folded_end_the_worker(kafka: Broker, counting: Start) -> None:
    run = counting(kafka)
    run.send(*[(b"a", b"x")] * 10, partition=1)
    run.wait_folded()
    run.stop(0)
    run.send(*[(b"a", b"x")] * 10, partition=1)
    cut(kafka, run.source, 1, 15)
    run.start(0)
    assert f"{run.source}/1 begins at offset 15, but the next to fold is 10" in ends_with(run)


def test_a_log_cut_under_a_running_worker_ends_it(kafka: Broker, counting: Start) -> None:
    run = counting(kafka)
    run.send(*[(b"a", b"x")] * 10, partition=1)
    run.wait_folded()
    run.workers[0].pause()
    time.sleep(0.3)  # the fetch that was under way comes back empty
    run.send(*[(b"a", b"x")] * 10, partition=1)
    cut(kafka, run.source, 1, 15)
    run.workers[0].resume()
    assert f"{run.source}/1 begins at offset 15, but the next to fold is 10" in ends_with(run)


def test_a_state_topic_without_its_head_ends_the_worker(kafka: Broker, counting: Start) -> None:
    run = counting(kafka, state_config={"cleanup.policy": "compact,delete"})
    run.send(*[(b"a", b"x")] * 10, partition=3)
    run.wait_folded()
    run.stop(0)
    cut(kafka, run.state, 3, 1)
    run.start(0)
    assert f"{run.state}/3 has lost its records before offset 1" in ends_with(run)


def test_topics_created_anew_need_a_new_epoch(kafka: Broker, counting: Start) -> None:
    run = counting(kafka)
    run.send(*[(b"a", b"x")] * 10, partition=1)
    run.wait_folded()
    run.stop(0)
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([run.source])[run.source].result()
    recreate(admin, run)
    run.send(*[(b"b", b"x")] * 4, partition=1)
    run.start(0)
    assert f"{run.source}/1 was folded up to offset 9, but the partition ends at 4" in (said := ends_with(run))
    assert "raise KAFKA_LOG_EPOCH (now 1) by one" in said
    run.settings = msgspec.structs.replace(run.settings, log=2)
    run.start(0)
    run.wait_folded()
    assert run.states()[0] == {b"a": Count(10, 45, 9), b"b": Count(4, 6, 3)}


def test_a_state_of_a_later_log_is_a_wrong_setting(kafka: Broker, counting: Start) -> None:
    run = counting(kafka, workers=0)
    changelog = Changelog("counting0", 1)
    produce(kafka, run.state, changelog.key(CLOCK_KEY), changelog.clock(Fence(3, 5), None), 0)
    run.start(0)
    assert "was folded from log 3, but KAFKA_LOG_EPOCH is 1: set KAFKA_LOG_EPOCH to 3" in ends_with(run)


def test_two_agents_share_an_app_and_a_state_topic(kafka: Broker, counting: Start) -> None:
    run = counting(kafka, workers=0)
    other = counting(kafka, workers=0)
    other.state, other.name = run.state, run.name
    run.settings = msgspec.structs.replace(run.settings, sources=[run.source, other.source])
    for one in (run, other):
        one.backlog(500)
    for worker in (0, 1):
        run.start(worker)
    run.wait_folded()
    run.kill(0)
    for one in (run, other):
        one.backlog(500)
    run.start(0)
    assert (verdict := run.verdict()).right, f"{verdict}\n{run.logs()}"
    other.agent = 1
    assert (verdict := other.verdict()).right, f"{verdict}\n{run.logs()}"


def test_a_source_written_in_transactions_has_gaps_that_are_none(kafka: Broker, counting: Start) -> None:
    run = counting(kafka)
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": f"{run.name}-source"})
    producer.init_transactions()
    for n in range(6):
        producer.begin_transaction()
        for _ in range(5):
            producer.produce(run.source, b"x", key=b"a", partition=0)
        if n % 3 == 2:
            producer.abort_transaction()
        else:
            producer.commit_transaction()
            run.sent += 5
    assert (verdict := run.verdict()).right, f"{verdict}\n{run.logs()}"
    assert verdict.records == 20


def test_another_agents_open_transaction_hides_no_state_from_a_loader(kafka: Broker, counting: Start) -> None:
    run = counting(kafka)
    run.send(*[(b"a", b"x")] * 10, partition=1)
    run.wait_folded()
    other = Producer({"bootstrap.servers": kafka.bootstrap, "transactional.id": f"{run.name}-other"})
    other.init_transactions()
    other.begin_transaction()
    other.produce(run.state, b"\x01{}", key=b"other/a", partition=1)
    other.flush()
    run.send(*[(b"a", b"x")] * 10, partition=1)
    run.wait_folded(read_committed=False)  # committed, but behind the open transaction
    run.kill(0)
    run.start(0)
    run.workers[0].wait_until(lambda: run.logs().count("is being loaded") == 2, 60)
    time.sleep(2)
    run.send(*[(b"a", b"x")] * 10, partition=1)
    assert run.logs().count(": ready part=") == 1, "it waits: what is committed and hidden may be its own"
    other.abort_transaction()
    assert (verdict := run.verdict()).right, f"{verdict}\n{run.logs()}"


def produce(broker: Broker, topic: str, key: bytes, value: bytes, partition: int) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap})
    producer.produce(topic, value, key=key, partition=partition)
    producer.flush()


def cut(broker: Broker, topic: str, partition: int, offset: int) -> None:
    """Delete the records before an offset."""
    admin = AdminClient({"bootstrap.servers": broker.bootstrap})
    for future in admin.delete_records([TopicPartition(topic, partition, offset)]).values():
        future.result()


def recreate(admin: AdminClient, run: Run) -> None:
    """Create the source topic again, as soon as the old one is gone."""
    while True:
        try:
            admin.create_topics([NewTopic(run.source, run.partitions, 1)])[run.source].result()
        except Exception as error:
            if "TOPIC_ALREADY_EXISTS" not in str(error):
                raise
        else:
            return
