"""What a stream worker shows of its partitions, on real Kafka."""

import re

from edge_process import BOOT, call, start_edge
from parts.handles import Broker
from parts.service import Service, start_service


def shown(service: Service, name: str) -> dict[str, float]:
    """A metric's values by partition of `messages`."""
    found = {}
    for key, value in service.metrics().items():
        if key.startswith(f"voltstream_streams_{name}{{") and "messages" in key:
            (partition,) = re.findall(r'partition="(\d+)"', key)
            found[partition] = value
    return found


async def test_a_worker_shows_each_partition_and_how_long_a_frame_took(kafka: Broker) -> None:
    partitions = {str(number) for number in range(kafka.partitions)}
    with start_edge(kafka) as edge, start_service("streams", env=kafka.env) as streams:
        async with edge.connect("CP1") as station:
            await call(station, BOOT)
            streams.process.wait_until(
                lambda: streams.metrics().get("voltstream_streams_latency_seconds_count", 0) > 0, 60
            )
        # Each partition has a state at last: the clock that the node's ticks move.
        streams.process.wait_until(lambda: min(shown(streams, "state_bytes").values(), default=0) > 0, 60)
        assert shown(streams, "state_bytes").keys() == partitions
        assert min(shown(streams, "state_keys").values()) >= 1
        assert shown(streams, "lag_records").keys() == partitions
        streams.process.wait_until(lambda: shown(streams, "lag_seconds").keys() == partitions, 60)
        assert max(shown(streams, "since_commit_seconds").values()) < 60
        assert streams.metrics()["voltstream_streams_latency_seconds_sum"] < 300
