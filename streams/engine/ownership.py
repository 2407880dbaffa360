"""Which partitions a worker keeps when the group has a new generation."""

from collections.abc import Callable, Iterable
from typing import Generic, TypeVar

from aiokafka import TopicPartition

P = TypeVar("P")


class Ownership(Generic[P]):
    """The partitions of this member. The group's protocol is eager: all are revoked, and most come back."""

    def __init__(self, create: Callable[[TopicPartition], P]) -> None:
        self.owned: dict[TopicPartition, P] = {}
        self._create = create
        self._generation: int | None = None

    def assign(self, assigned: Iterable[TopicPartition], generation: int) -> tuple[list[P], list[P]]:
        """Take the assignment of a generation. Gives the partitions that left, and those that came.

        What was owned in the generation just before and is assigned again is kept as it is. Where a generation was
        missed, another worker may have owned it in between: then it leaves and comes.
        """
        mine = set(assigned)
        in_a_row = self._generation is not None and generation == self._generation + 1
        self._generation = generation
        left = [tp for tp in self.owned if tp not in mine or not in_a_row]
        lost = [self.owned.pop(tp) for tp in left]
        gained = [self.owned.setdefault(tp, self._create(tp)) for tp in sorted(mine - self.owned.keys())]
        return lost, gained
