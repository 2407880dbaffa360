"""The queue of one partition against everything that Kafka may answer."""

import random
from itertools import islice

from hypothesis import given
from hypothesis import strategies as st

from ops.group_commit.queue import LEAST_BATCH_BYTES, UNSURE_STRIKES, PartitionQueue
from ops.group_commit.submission import BATCH_OVERHEAD, Submission


def submission(value: bytes = b"v", *, at: float = 0.0, size: int = 100, name: str | None = None) -> Submission:
    return Submission([(b"k", value)], size, at, name=name)


def values(batch: list[Submission]) -> list[bytes]:
    return [value for one in batch for _, value in one.records]


def queue_of(count: int, max_batch_bytes: int = 1_000_000, size: int = 100) -> PartitionQueue:
    queue = PartitionQueue(max_batch_bytes)
    for number in range(count):
        queue.add(submission(b"%d" % number, size=size))
    return queue


def test_a_batch_holds_what_fits() -> None:
    queue = queue_of(5, max_batch_bytes=BATCH_OVERHEAD + 200)
    sent = []
    while queue.waiting:
        sent.append(values(queue.next_batch()))
        queue.acknowledged(0)
    assert sent == [[b"0", b"1"], [b"2", b"3"], [b"4"]]


def test_what_failed_is_sent_again_with_what_came_meanwhile() -> None:
    queue = queue_of(2)
    queue.next_batch()
    queue.add(submission(b"2"))
    queue.failed()
    assert values(queue.next_batch()) == [b"0", b"1", b"2"]


def sizes(queue: PartitionQueue, answers: str) -> list[int]:
    """How many submissions were in each batch: one that (f)ails, one that is taken (q)uickly, or (s)lowly."""
    found = []
    for answer in answers:
        found.append(len(queue.next_batch()))
        if answer == "f":
            queue.failed()
        else:
            queue.acknowledged(0, quick=answer == "q")
    return found


def test_what_got_no_answer_is_halved_until_it_gets_one_and_grows_while_answers_are_quick() -> None:
    queue = queue_of(300, max_batch_bytes=40_500, size=1000)
    assert sizes(queue, "fffsssqqqqq") == [40, 20, 10, 5, 5, 5, 5, 10, 20, 40, 40]


def test_after_an_outage_a_batch_is_small_but_one_submission_at_least() -> None:
    assert sizes(queue_of(300, max_batch_bytes=40_500), "f" * 50)[-1] == 24  # of 100 bytes, within 2531
    assert LEAST_BATCH_BYTES >= 2531
    assert sizes(queue_of(2, max_batch_bytes=1_000_000, size=900_000), "ffq") == [1, 1, 1]


def test_it_counts_what_waits() -> None:
    queue = queue_of(3)
    assert (len(queue), queue.records, queue.bytes) == (3, 3, 300)
    queue.next_batch()
    assert (len(queue), queue.records, queue.bytes) == (3, 3, 300)
    queue.acknowledged(0)
    assert (len(queue), queue.records, queue.bytes) == (0, 0, 0)


def test_a_sure_refusal_of_a_lone_submission_is_believed() -> None:
    queue = queue_of(1)
    [bad] = queue.next_batch()
    assert queue.refused(0, sure=True) is bad
    assert not queue.waiting


def test_what_takes_the_place_of_a_culprit_goes_first() -> None:
    queue = queue_of(2)
    queue.next_batch()
    assert queue.refused(0, sure=True) is None
    queue.next_batch()
    assert queue.refused(0, sure=True) is not None
    queue.add_first(submission(b"instead"))
    assert (len(queue), queue.records, queue.bytes) == (2, 2, 200)
    assert values(queue.next_batch()) == [b"instead", b"1"]


def test_an_unsure_refusal_is_believed_when_one_has_met_it_often_enough_alone() -> None:
    queue = queue_of(2)
    queue.next_batch()
    assert queue.refused(0, sure=False) is None
    culprit = None
    for _ in range(UNSURE_STRIKES):
        assert culprit is None
        assert values(queue.next_batch()) == [b"0"]
        culprit = queue.refused(0, sure=False)
    assert culprit is not None
    assert values(queue.next_batch()) == [b"1"]


def test_an_acknowledgement_forgets_the_strikes() -> None:
    queue = queue_of(1)
    for _ in range(UNSURE_STRIKES - 1):
        queue.next_batch()
        queue.refused(0, sure=False)
    queue.next_batch()
    queue.acknowledged(0)
    queue.add(submission())
    queue.next_batch()
    assert queue.refused(0, sure=False) is None


def test_age_counts_from_the_first_submission() -> None:
    queue = PartitionQueue(1000)
    assert queue.age(100) == queue.stalled(100) == 0
    queue.add(submission(at=10))
    queue.add(submission(at=12))
    queue.next_batch()
    queue.failed()
    assert queue.age(15) == queue.stalled(15) == 5


def test_an_answer_ends_the_stall_but_not_the_age() -> None:
    queue = PartitionQueue(BATCH_OVERHEAD + 100)
    queue.add(submission(at=10))
    queue.add(submission(at=10))
    queue.next_batch()
    queue.acknowledged(30)
    assert queue.age(31) == 21
    assert queue.stalled(31) == 1


class TestReplace:
    def test_a_newer_one_takes_the_place_of_one_that_waits_and_goes_to_the_end(self) -> None:
        queue = PartitionQueue(1000)
        queue.replace(submission(b"tick1", at=1, name="n"))
        queue.add(submission(b"frame", at=2))
        queue.replace(submission(b"tick2", at=6, name="n"))
        assert values(list(queue.waiting)) == [b"frame", b"tick2"]
        assert (len(queue), queue.records, queue.bytes) == (1, 2, 200)

    def test_it_takes_over_the_age(self) -> None:
        queue = PartitionQueue(1000)
        for at in (5, 10, 15):
            queue.replace(submission(at=at, name="n"))
        assert queue.age(20) == 15
        queue.next_batch()
        queue.acknowledged(20)
        assert queue.age(21) == 0

    def test_names_do_not_replace_each_other(self) -> None:
        queue = PartitionQueue(1000)
        queue.replace(submission(b"a", name="a"))
        queue.replace(submission(b"b", name="b"))
        assert values(list(queue.waiting)) == [b"a", b"b"]

    def test_one_in_flight_is_left_alone(self) -> None:
        queue = PartitionQueue(1000)
        queue.replace(submission(b"tick1", name="n"))
        queue.next_batch()
        queue.replace(submission(b"tick2", name="n"))
        queue.acknowledged(0)
        assert values(list(queue.waiting)) == [b"tick2"]
        assert len(queue) == 0
        assert (queue.records, queue.bytes) == (1, 100)

    def test_during_an_outage_one_waits_however_long_it_takes(self) -> None:
        queue = PartitionQueue(1000)
        for number in range(10):
            queue.replace(submission(b"%d" % number, name="n"))
            queue.next_batch()
            queue.failed()
        assert values(list(queue.waiting)) == [b"9"]

    def test_one_that_is_replaced_takes_its_strikes_with_it(self) -> None:
        queue = PartitionQueue(1000)
        queue.replace(submission(b"tick1", name="n"))
        for _ in range(UNSURE_STRIKES - 1):
            queue.next_batch()
            assert queue.refused(0, sure=False) is None
        queue.replace(submission(b"tick2", name="n"))
        for _ in range(UNSURE_STRIKES - 1):
            queue.next_batch()
            assert queue.refused(0, sure=False) is None
        queue.next_batch()
        assert queue.refused(0, sure=False) is not None

    def test_one_behind_the_head_leaves_the_heads_strikes(self) -> None:
        queue = queue_of(1)
        for _ in range(UNSURE_STRIKES - 1):
            queue.next_batch()
            queue.refused(0, sure=False)
        queue.replace(submission(b"tick1", name="n"))
        queue.replace(submission(b"tick2", name="n"))
        queue.next_batch()
        assert queue.refused(0, sure=False) is not None

    def test_a_suspect_that_is_replaced_is_no_suspect_any_more(self) -> None:
        queue = queue_of(1)
        queue.replace(submission(b"tick1", name="n"))
        queue.next_batch()
        assert queue.refused(0, sure=True) is None
        queue.replace(submission(b"tick2", name="n"))
        assert queue.suspects == 1
        assert values(queue.next_batch()) == [b"0"]
        queue.acknowledged(0)
        assert values(queue.next_batch()) == [b"tick2"]


@given(
    count=st.integers(1, 60),
    bad=st.sets(st.integers(0, 59), max_size=8),
    unsure=st.booleans(),
    trouble=st.floats(0, 0.6),
    seed=st.integers(0, 2**32),
)
def test_first_occurrences_are_in_order_whatever_happens(
    *, count: int, bad: set[int], unsure: bool, trouble: float, seed: int
) -> None:
    """Answers are lost before and after the append; some submissions are refused; ticks come in between."""
    chance = random.Random(seed)
    queue, log, done, refused = PartitionQueue(BATCH_OVERHEAD + 17 * 100), [], [], []
    bad = {number for number in bad if number < count}
    coming = iter(range(count))
    submitted = ticks = 0
    while submitted < count or queue.waiting:
        for number in islice(coming, chance.randrange(8)):
            queue.add(submission(b"%d" % number))
            submitted += 1
        if chance.random() < 0.2 and submitted < count:
            queue.replace(submission(b"tick%d" % (ticks := ticks + 1), name="n"))
        if not queue.waiting:
            continue
        batch = values(queue.next_batch())
        if chance.random() < 0.3 and submitted < count:
            queue.replace(submission(b"tick%d" % (ticks := ticks + 1), name="n"))
        luck = chance.random()
        if luck < trouble / 2:
            queue.failed()
        elif any(value in batch for value in (b"%d" % number for number in bad)):
            culprit = queue.refused(0, sure=not unsure)
            refused += [] if culprit is None else values([culprit])
        else:
            log += batch
            if luck < trouble:
                queue.failed()
            else:
                queue.acknowledged(0)
                done += batch
    good = [b"%d" % number for number in range(count) if number not in bad]
    assert [value for value in dict.fromkeys(log) if not value.startswith(b"tick")] == good
    assert [value for value in done if not value.startswith(b"tick")] == good
    assert refused == [b"%d" % number for number in sorted(bad)]
    acknowledged_ticks = [int(value[4:]) for value in done if value.startswith(b"tick")]
    assert acknowledged_ticks == sorted(set(acknowledged_ticks))
    assert ticks == 0 or acknowledged_ticks[-1] == ticks
    assert (len(queue), queue.records, queue.bytes, queue.suspects) == (0, 0, 0, 0)
