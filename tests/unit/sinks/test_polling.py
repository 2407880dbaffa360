"""A rebalance between Kafka's answer and what a poller makes of it ends nothing; no real broker does it on request."""

from collections.abc import Mapping

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError

from ops.kafka import KafkaSettings
from sinks.membership import Membership
from sinks.polling import Poller

TP = TopicPartition("ocpp.samples", 0)


class Rebalancing:
    """A consumer that loses the partition right after it has told of it."""

    def __init__(self, told: KafkaError) -> None:
        self._told = told

    async def getmany(self, **_: object) -> object:
        raise self._told

    async def beginning_offsets(self, partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(partitions, 5)

    async def end_offsets(self, partitions: list[TopicPartition]) -> Mapping[TopicPartition, int]:
        return dict.fromkeys(partitions, 9)

    async def seek_to_beginning(self, *_: TopicPartition) -> None:
        raise IllegalStateError("not assigned")

    def seek(self, *_: object) -> None:
        raise IllegalStateError("not assigned")


@pytest.mark.parametrize("told", [NoOffsetForPartitionError(TP), OffsetOutOfRangeError({TP: 1})])
async def test_a_partition_that_is_gone_meanwhile_is_the_next_owners(told: KafkaError) -> None:
    poller = Poller(KafkaSettings(), "g", Membership(), records=1, linger_s=0.0, skip_cut=True)
    poller._consumer = Rebalancing(told)
    assert await poller._getmany(0.1, 1) == {}
