"""What stands on `dlq`."""

import msgspec
from confluent_kafka import Consumer, TopicPartition

from contracts.events import DeadLetter
from contracts.topics import Name
from parts.handles import Broker


def dead_letters(broker: Broker) -> list[DeadLetter]:
    """All of them, a partition after the other."""
    consumer = Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "t", "check.crcs": False})
    topic, found = broker.prefix + Name.DLQ, []
    for partition in range(broker.partitions):
        low, high = consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)
        consumer.assign([TopicPartition(topic, partition, low)])
        while low < high:
            message = consumer.poll(10)
            assert message is not None
            assert not message.error()
            found.append(msgspec.json.decode(message.value() or b"", type=DeadLetter))
            low = (message.offset() or 0) + 1
    consumer.close()
    return found
