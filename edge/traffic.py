"""What stations and this node say to each other, counted by version: the children of metrics, fetched once and kept.

A Connection adds to them for each frame, so nothing is looked up by labels on the way, and what follows from other
counts is left for `sum_up`.
"""

from functools import cache

from contracts.versions import Version
from ops.metrics import edge as metrics
from ops.metrics.tally import Children, Count, Distribution


class Traffic:
    """The frames of one version. `received` goes by message type, `answers` (seconds until a reply left) by action."""

    def __init__(self, version: Version) -> None:
        self.received: Children[Count] = Children(lambda kind: metrics.FRAMES_IN.labels(version, kind))
        self.answers: Children[Distribution] = Children(lambda action: metrics.ANSWER_SECONDS.labels(version, action))
        self.errors = metrics.FRAMES_OUT.labels(version, "CALLERROR")
        """Replies that were CALLERRORs."""
        self._results = metrics.FRAMES_OUT.labels(version, "CALLRESULT")

    def sum_up(self) -> int:
        """Bring the results that were sent up to date; how many replies there were."""
        replies = sum(sum(answers.counts) for answers in self.answers.values())
        self._results.value = replies - self.errors.value
        return replies


@cache
def traffic_of(version: Version) -> Traffic:
    """The one of a version."""
    return Traffic(version)


def sum_up() -> None:
    """Bring the counts that follow from others up to date; called every second."""
    metrics.ANSWERED.labels().value = sum(traffic_of(version).sum_up() for version in Version)
