"""librdkafka's in-process broker: the one that `voltstream demo` runs on.

It lives in this process and listens on loopback, so other processes use it like any broker. It creates a topic when it
is asked for one, always with 4 partitions; it knows neither CreateTopics nor fencing, shows aborted records, keeps
about 5 MB of a partition, and its commit markers fail a CRC check.
"""

import contextlib
from collections.abc import Iterator

from confluent_kafka import Producer

PARTITIONS = 4


class Embedded:
    """A running in-process cluster."""

    def __init__(self, brokers: int) -> None:
        # The address given is ignored once there are mock brokers. The client that owns them must outlive their use.
        self._owner = Producer({"bootstrap.servers": "ignored", "test.mock.num.brokers": brokers, "log_level": 3})
        metadata = self._owner.list_topics(timeout=10)
        self.bootstrap = ",".join(f"{broker.host}:{broker.port}" for broker in metadata.brokers.values())


@contextlib.contextmanager
def start_embedded(brokers: int = 1) -> Iterator[Embedded]:
    """An empty broker, ready; gone with all it held at the end."""
    embedded = Embedded(brokers)
    try:
        yield embedded
    finally:
        del embedded._owner
