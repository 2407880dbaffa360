"""A sink's own numbers, as /metrics shows them."""

from aiokafka import TopicPartition

from contracts.times import MINUTE
from derived import T0, energy, out
from ops.clock import Clock
from ops.lag import Lag
from ops.metrics.sink import REGISTRY
from sinks.progress import Progress
from sinks.records import Place, Received, decode


def test_partitions_that_went_to_another_sink_are_not_shown_any_more() -> None:
    progress = Progress("s", Clock.system())
    progress.measured({TopicPartition("t", 0): Lag(2, 5.0), TopicPartition("t", 1): Lag(3, None)})
    assert REGISTRY.get_sample_value("voltstream_sink_lag") == 5
    assert value("lag_records", 1) == 3
    assert (value("lag_seconds", 0), value("lag_seconds", 1)) == (5.0, None)
    progress.measured({TopicPartition("t", 1): Lag(0, 0.0)})
    assert (value("lag_records", 0), value("lag_seconds", 0)) == (None, None)
    assert (value("lag_records", 1), value("lag_seconds", 1)) == (0, 0)


def test_a_lag_that_is_not_known_is_not_the_one_that_was() -> None:
    progress = Progress("s", Clock.system())
    assert progress.lags is None  # it was not measured yet
    progress.measured({TopicPartition("t", 0): Lag(2, 5.0)})
    progress.measured(None)
    assert progress.lags is None
    assert value("lag_records", 0) == 2  # a gauge has no other way to say it


def test_what_was_settled_and_how_long_it_took_since_the_edge() -> None:
    progress = Progress("s", Clock(T0 + MINUTE + 2_000_000, 0, 1.0, 0, monotonic_ns=lambda: 0, started_ns=0))
    one = out(energy("default/A", 1, 0, 1.0))
    record = decode(one.name, Received(Place("ocpp.energy", 0, 0), one.key, one.value, one.headers))
    assert record is not None
    labels = {"topic": "energy"}
    before = REGISTRY.get_sample_value("voltstream_sink_latency_seconds_sum", labels) or 0.0
    progress.batch_settled([record, record], received=3, refused=1)
    assert progress.counts == (3, 1)
    assert REGISTRY.get_sample_value("voltstream_sink_latency_seconds_sum", labels) == before + 4.0


def value(name: str, partition: int) -> float | None:
    return REGISTRY.get_sample_value(f"voltstream_sink_{name}", {"topic": "t", "partition": str(partition)})
