"""A reader that fails harms neither the others nor the report; it is counted, and begins anew."""

import asyncio
from collections.abc import Sequence
from itertools import count

from ops.clock import Clock
from ops.kafka import KafkaSettings
from ops.metrics.sink import REGISTRY
from sinks.pipeline.fleet import Fleet
from sinks.pipeline.points import PipelinePoint, streams_point
from sinks.pipeline.report import report_for_ever
from sinks.progress import Progress
from sinks.store import Refusal, StoreAwayError


class Broken:
    """A reader with a fault that nobody thought of."""

    closed = 0

    async def points(self, time_ms: int) -> list[PipelinePoint]:
        raise AttributeError(f"at {time_ms}")

    async def written(self) -> None:
        raise AttributeError("written")

    async def close(self) -> None:
        self.closed += 1


class Cancelled(Broken):
    """As aiokafka's consumers are now and then, with Kafka away."""

    async def points(self, time_ms: int) -> list[PipelinePoint]:
        raise asyncio.CancelledError(str(time_ms))

    async def close(self) -> None:
        self.closed += 1
        raise asyncio.CancelledError("close")


class Sound(Broken):
    async def points(self, time_ms: int) -> list[PipelinePoint]:
        return [streams_point("g", lag_records=0, lag_s=0.0, time_ms=time_ms)]

    async def written(self) -> None:
        """Nothing is to be remembered."""


class Flaky:
    """A store that is away at first."""

    name = "flaky"

    def __init__(self) -> None:
        self.written: list[PipelinePoint] = []
        self.enough = asyncio.Event()
        self._attempts = count()

    async def write_pipeline(self, points: Sequence[PipelinePoint]) -> None:
        if next(self._attempts) < 4:
            raise StoreAwayError("gone")
        self.written += points
        if len(self.written) >= 4:
            self.enough.set()

    async def open(self) -> None:
        """It is."""

    async def write(self, *_: object) -> list[Refusal]:
        return []

    async def close(self) -> None:
        """It is nothing."""


def failures() -> float:
    return REGISTRY.get_sample_value("voltstream_sink_pipeline_failures_total") or 0.0


async def test_a_reader_that_fails_harms_no_other() -> None:
    fleet, broken, cancelled, before = Fleet(KafkaSettings(), "g"), Broken(), Cancelled(), failures()
    fleet._readers = (broken, cancelled, Sound())
    assert [dict(point.tags)["part"] for point in await fleet.points(1)] == ["streams"]
    await fleet.written()
    assert (broken.closed, cancelled.closed, failures() - before) == (1, 1, 2)


async def test_what_a_store_missed_is_in_the_next_point() -> None:
    fleet, store = Fleet(KafkaSettings(), "g"), Flaky()
    fleet._readers = (Sound(),)
    progress, before = Progress("flaky", Clock.system()), failures()
    progress.batch_settled([], received=7, refused=2)
    reporting = asyncio.create_task(
        report_for_ever(store, progress, fleet, name="s", clock=Clock.system(), leads=lambda: True, every_s=0.01)
    )
    await asyncio.wait_for(store.enough.wait(), 60)
    reporting.cancel()
    await asyncio.wait([reporting])
    own = [point.fields for point in store.written if dict(point.tags)["part"] == "sink"]
    assert [(fields["settled"], fields["refused"]) for fields in own[:2]] == [(7, 2), (0, 0)]
    assert failures() - before >= 2
