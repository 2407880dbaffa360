from aiokafka import TopicPartition

from streams.engine.deliveries import NOBODY, Deliveries

A, B = TopicPartition("t", 0), TopicPartition("t", 1)


def test_a_partition_is_fetched_again_only_after_its_batch_is_done_and_rested() -> None:
    deliveries = Deliveries[str]()
    assert deliveries.offer(A)
    assert deliveries.fetchable == {NOBODY, A}
    deliveries.take(A, "token", ["record"])
    assert deliveries.fetchable == {NOBODY}
    assert not deliveries.offer(A)
    delivery = deliveries.start(A, "token")
    assert delivery is not None
    assert delivery.records == ["record"]
    deliveries.finish(delivery)
    assert not deliveries.offer(A), "it rests"
    assert deliveries.release(delivery)
    assert deliveries.offer(A)


def test_a_token_starts_its_batch_once_and_only_its_own() -> None:
    deliveries = Deliveries[str]()
    deliveries.take(A, "first", ["record"])
    assert deliveries.start(A, "another") is None
    assert deliveries.start(B, "first") is None
    assert deliveries.start(A, "first") is not None
    assert deliveries.start(A, "first") is None


def test_revoking_stops_the_fetching_in_place() -> None:
    deliveries = Deliveries[str]()
    fetchable = deliveries.fetchable
    deliveries.offer(A)
    deliveries.revoke()
    assert fetchable == {NOBODY}
    assert deliveries.fetchable is fetchable, "the consumer's thread holds it"


def test_a_rebalance_makes_idle_what_is_not_in_progress() -> None:
    deliveries = Deliveries[str]()
    deliveries.take(A, "on its way", ["record"])
    deliveries.take(B, "resting", ["record"])
    resting = deliveries.start(B, "resting")
    assert resting is not None
    deliveries.finish(resting)
    deliveries.rebalance(lost=[])
    assert deliveries.idle(A)
    assert deliveries.idle(B)
    assert deliveries.start(A, "on its way") is None
    deliveries.take(B, "a later one", ["record"])
    assert not deliveries.release(resting), "what was overtaken frees nothing"
    assert not deliveries.idle(B)


def test_a_rebalance_leaves_a_batch_in_progress_alone_unless_its_partition_is_lost() -> None:
    deliveries = Deliveries[str]()
    for tp in (A, B):
        deliveries.take(tp, tp, ["record"])
    kept, lost = deliveries.start(A, A), deliveries.start(B, B)
    assert kept is not None
    assert lost is not None
    deliveries.rebalance(lost=[B])
    assert not deliveries.idle(A)
    assert deliveries.idle(B)
    assert deliveries.release(kept)
    assert not deliveries.release(lost)
