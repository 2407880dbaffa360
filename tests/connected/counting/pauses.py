"""How long partitions stood still, read from the state topic: one clock record a batch, with the broker's time."""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from counting.run import Fetched, Run
from streams.engine.agent import CLOCK_KEY
from streams.engine.changelog import Changelog, Loading


class Pause(msgspec.Struct, frozen=True):
    """Between two batches of a partition."""

    seconds: float
    partition: int
    ended_at: float
    """Seconds since 1970."""
    kept: bool
    """Whether the same process wrote before and after."""


def pauses(run: Run, since: float = 0.0, until: float = float("inf")) -> list[Pause]:
    """Every pause between two batches that ended between two points in time, the longest first.

    What lies before the first point has a cause before it, and is not counted.
    """
    found: list[Pause] = []
    last: dict[int, tuple[float, bytes]] = {}
    for partition, at, writer in _batches(run.read(run.state)):
        if partition in last and since <= at <= until:
            before, previous = last[partition]
            found.append(Pause(at - max(before, since), partition, at, previous == writer))
        last[partition] = (at, writer)
    return sorted(found, key=lambda pause: -pause.seconds)


def longest(found: Iterable[Pause], *, kept: bool) -> float:
    """The longest pause of partitions that stayed where they were, or of those that moved; seconds."""
    return max((pause.seconds for pause in found if pause.kept == kept), default=0.0)


def batches_by_process(run: Run) -> dict[bytes, int]:
    """How many batches each worker process committed."""
    counts: dict[bytes, int] = defaultdict(int)
    for _, _, writer in _batches(run.read(run.state)):
        counts[writer] += 1
    return dict(counts)


def _batches(messages: Iterable[Fetched]) -> Iterable[tuple[int, float, bytes]]:
    changelog = Changelog("counting0", 1)
    clock_key = changelog.key(CLOCK_KEY)
    for message in messages:
        if message.key == clock_key:
            loading = Loading(changelog)
            loading.take(message.key, message.value)
            yield message.partition, message.timestamp_ms / 1000, loading.values[CLOCK_KEY]
