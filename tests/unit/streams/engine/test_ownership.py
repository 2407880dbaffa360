from aiokafka import TopicPartition

from streams.engine.ownership import Ownership

A, B, C = (TopicPartition("t", n) for n in range(3))


class Partition:
    def __init__(self, tp: TopicPartition) -> None:
        self.tp = tp


def of(partitions: list[Partition]) -> list[TopicPartition]:
    return [partition.tp for partition in partitions]


def test_what_comes_back_in_the_next_generation_is_kept_as_it_is() -> None:
    ownership = Ownership(Partition)
    lost, gained = ownership.assign([A, B], 7)
    assert (of(lost), of(gained)) == ([], [A, B])
    kept = ownership.owned[B]
    lost, gained = ownership.assign([C, B], 8)
    assert (of(lost), of(gained)) == ([A], [C])
    assert ownership.owned[B] is kept


def test_after_a_missed_generation_nothing_is_kept() -> None:
    ownership = Ownership(Partition)
    ownership.assign([A, B], 7)
    before = ownership.owned[A]
    lost, gained = ownership.assign([A], 9)
    assert (of(lost), of(gained)) == ([A, B], [A])
    assert ownership.owned[A] is not before


def test_a_group_that_begins_anew_is_a_missed_generation() -> None:
    ownership = Ownership(Partition)
    ownership.assign([A], 7)
    lost, gained = ownership.assign([A], 1)
    assert (of(lost), of(gained)) == ([A], [A])
