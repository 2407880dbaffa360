"""At most one batch of a partition on its way or in progress, and no fetching of any that is not idle."""

from collections.abc import Hashable, Iterable, Sequence
from typing import Final, Generic, TypeVar

from aiokafka import TopicPartition

R = TypeVar("R")

NOBODY: Final = TopicPartition("", -1)
"""Always among the fetchable ones: aiokafka reads an empty set as all partitions."""


class Delivery(Generic[R]):
    """A fetched batch; `token` is what comes through Faust in its place."""

    __slots__ = ("processing", "records", "token", "tp")

    def __init__(self, tp: TopicPartition, token: Hashable, records: Sequence[R]) -> None:
        self.tp, self.token, self.records = tp, token, records
        self.processing = False


class Deliveries(Generic[R]):
    """Which partitions may be fetched, and what was fetched of the others.

    idle --take--> on its way --start--> in progress --finish--> resting --release--> idle. A rebalance makes idle what
    is on its way or resting; whatever comes of those deliveries later changes nothing any more.
    """

    def __init__(self) -> None:
        self.fetchable = {NOBODY}
        """Read by the consumer's thread while it waits for records: changed in place, one element at a time."""
        self._current: dict[TopicPartition, Delivery[R]] = {}

    def idle(self, tp: TopicPartition) -> bool:
        return tp not in self._current

    def offer(self, tp: TopicPartition) -> bool:
        """Let an idle partition be fetched. Gives whether it is idle."""
        if self.idle(tp):
            self.fetchable.add(tp)
            return True
        return False

    def take(self, tp: TopicPartition, token: Hashable, records: Sequence[R]) -> None:
        """A batch of an idle partition is on its way."""
        self.fetchable.discard(tp)
        self._current[tp] = Delivery(tp, token, records)

    def start(self, tp: TopicPartition, token: Hashable) -> Delivery[R] | None:
        """The token has come through. None if a rebalance has overtaken it: the batch will be fetched again."""
        delivery = self._current.get(tp)
        if delivery is None or delivery.token is not token or delivery.processing:
            return None
        delivery.processing = True
        return delivery

    def finish(self, delivery: Delivery[R]) -> None:
        """It is no longer in progress, and its partition rests until `release`."""
        delivery.processing = False

    def release(self, delivery: Delivery[R]) -> bool:
        """The partition is idle again. False if a rebalance has overtaken it."""
        if self._current.get(delivery.tp) is not delivery:
            return False
        del self._current[delivery.tp]
        return True

    def revoke(self) -> None:
        """Nothing is fetched until it is offered again."""
        self.fetchable.intersection_update({NOBODY})

    def rebalance(self, lost: Iterable[TopicPartition]) -> None:
        """Forget what is not in progress, and everything of lost partitions."""
        self.revoke()
        gone = set(lost)
        self._current = {tp: one for tp, one in self._current.items() if one.processing and tp not in gone}
