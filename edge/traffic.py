"""What stations and this node say to each other, counted by version: the children of metrics, fetched once and kept.

A Connection adds to them for each frame, so there are no labels to look up by on the way.
"""

from collections.abc import Callable
from functools import cache

from contracts.versions import Version
from ops.metrics import edge as metrics
from ops.metrics.tally import Children, Count, Distribution

ANSWERED: Count = metrics.ANSWERED.labels()


class Traffic:
    """The frames of one version. `received` and `sent` go by message type, `answers` by action."""

    def __init__(self, version: Version) -> None:
        self.received: Children[Count] = Children(lambda kind: metrics.FRAMES_IN.labels(version, kind))
        self._sent: Children[Count] = Children(lambda kind: metrics.FRAMES_OUT.labels(version, kind))
        self._answers: Children[Distribution] = Children(lambda action: metrics.ANSWER_SECONDS.labels(version, action))

    def answered(self, kind: str, action: str, seconds: float) -> None:
        """A reply left, so many real seconds after its frame had come."""
        ANSWERED.value += 1
        self._sent[kind].value += 1
        self._answers[action].observe(seconds)


traffic_of: Callable[[Version], Traffic] = cache(Traffic)
"""The one of a version."""
