"""What stations and this node say to each other, counted by version: the children of metrics, fetched once and kept.

A Connection adds to them for each frame, so there are no labels to look up by on the way.
"""

from collections.abc import Callable
from functools import cache
from typing import TypeVar

from contracts.versions import Version
from ops.metrics import edge as metrics
from ops.metrics.tally import Count, Distribution

T = TypeVar("T")

ANSWERED: Count = metrics.ANSWERED.labels()


class _Children(dict[str, T]):
    """By the last label's value; one that is missing is made. Its values are a bounded set: types, known actions."""

    def __init__(self, make: Callable[[str], T]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, value: str) -> T:
        child = self[value] = self._make(value)
        return child


class Traffic:
    """The frames of one version. `received` and `sent` go by message type, `answers` by action."""

    def __init__(self, version: Version) -> None:
        self.received: _Children[Count] = _Children(lambda kind: metrics.FRAMES_IN.labels(version, kind))
        self._sent: _Children[Count] = _Children(lambda kind: metrics.FRAMES_OUT.labels(version, kind))
        self._answers: _Children[Distribution] = _Children(
            lambda action: metrics.ANSWER_SECONDS.labels(version, action)
        )

    def answered(self, kind: str, action: str, seconds: float) -> None:
        """A reply left, so many real seconds after its frame had come."""
        ANSWERED.value += 1
        self._sent[kind].value += 1
        self._answers[action].observe(seconds)


traffic_of: Callable[[Version], Traffic] = cache(Traffic)
"""The one of a version."""
