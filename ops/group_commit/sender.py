"""Carries one partition's queue to Kafka, one batch at a time, for ever."""

import asyncio
import logging
import random
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

from aiokafka import TopicPartition

from ops.group_commit.lane import CONTENT_ERRORS, UNSURE_ERRORS, Lane
from ops.group_commit.queue import PartitionQueue
from ops.group_commit.submission import Submission
from ops.metrics import edge as metrics

log = logging.getLogger(__name__)

T = TypeVar("T")

AWAY_S = 5.0
"""A partition that owes an answer for so long is away; real seconds at every speed of the clock."""
QUICK_S = 1.25
"""An answer that took no longer, a quarter of what a request may take (producer.py), leaves room for twice as much."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 1.0
STRIKE_PAUSE_S = 0.1
"""The pause after the first refusal that may be the broker's own trouble; each further one is twice as long. Together
they are 6.3 s; the longest, 3.2 s, is too short to make the partition away."""


class PartitionSender:
    """All partitions share the lane `main`: one request per broker. One in trouble goes on alone in a lane of its own,
    since its companions in a request, and in aiokafka's connecting and metadata, wait as long as it does."""

    def __init__(
        self,
        partition: TopicPartition,
        queue: PartitionQueue,
        main: Lane,
        own: Lane,
        on_refused: Callable[[Submission, Exception], Submission | None],
        on_away: Callable[[int, bool], None],
        linger_s: float = 0.0,
    ) -> None:
        self.partition, self.queue, self.main, self.own = partition, queue, main, own
        self._linger_s = linger_s
        self.troubled = False
        """Whether it goes on in its own lane."""
        self.away = False
        self.error: Exception | None = None
        """What the cluster's trouble is, since its last answer, for a person to read."""
        self._on_refused, self._on_away = on_refused, on_away
        self._wake = asyncio.Event()
        self._pause_s = FIRST_PAUSE_S

    def wake(self) -> None:
        """There is something to send. Its batch is built after this loop turn, whose other submissions join it."""
        self._wake.set()

    def trouble(self) -> str:
        """What is wrong, in words; "" where nothing is."""
        if self.error is not None:
            return f"{type(self.error).__name__}: {self.error}"
        return "no answer" if self.away else ""

    def judge(self) -> None:
        """Find out whether the partition is away; called every now and then."""
        if not self.away and self.queue.stalled(monotonic()) >= AWAY_S:
            self._turn(away=True)

    async def run(self) -> None:
        """Until it is cancelled."""
        while True:
            while not self.queue.waiting:
                self._wake.clear()
                await self._wake.wait()
            if self._linger_s:
                await asyncio.sleep(self._linger_s)
            batch, sent_at = self.queue.next_batch(), monotonic()
            try:
                await (self.own if self.troubled else self.main).send(self.partition, batch)
            except CONTENT_ERRORS as error:
                await self._refused(error)
            except Exception as error:  # noqa: BLE001 - the cluster's trouble: the same again, in its own lane
                await self._failed(error)
            else:
                self._acknowledged(batch, sent_at)

    def _acknowledged(self, batch: list[Submission], sent_at: float) -> None:
        now = monotonic()
        # How quick it is alone does not say how much the companions in a request have room for.
        self.queue.acknowledged(now, quick=not self.troubled and now - sent_at <= QUICK_S)
        self._pause_s, self.error = FIRST_PAUSE_S, None
        metrics.COMMIT_SECONDS.observe(now - batch[0].at)
        metrics.COMMIT_BATCH_SUBMISSIONS.observe(len(batch))
        if self.troubled:  # back to the main lane once that has learnt of the same leader
            self.troubled = self.main.leader(self.partition) != self.own.leader(self.partition)
            if self.troubled:
                self.main.refresh()
        if self.away:
            self._turn(away=False)
        for submission in batch:
            if submission.done is not None:
                _call(submission.done)

    async def _failed(self, error: Exception) -> None:
        self.queue.failed()
        metrics.COMMIT_RESENDS.inc()
        if str(error) != str(self.error):
            log.debug("sending again", extra={"partition": str(self.partition), "error": repr(error)})
        self.error = error
        # With Kafka out since our start there is no companion to spare: one lane knocking is enough.
        self.troubled = self.main.started
        await asyncio.sleep(self._pause_s * random.uniform(0.5, 1.5))  # noqa: S311 - spreads, hides nothing
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)

    async def _refused(self, error: Exception) -> None:
        culprit = self.queue.refused(monotonic(), sure=not isinstance(error, UNSURE_ERRORS))
        if culprit is not None:
            metrics.COMMIT_REFUSED.inc()
            if (instead := _call(self._on_refused, culprit, error)) is not None:
                self.queue.add_first(instead)
        if self.away:
            self._turn(away=False)
        if self.queue.strikes:
            await asyncio.sleep(STRIKE_PAUSE_S * 2 ** (self.queue.strikes - 1))

    def _turn(self, *, away: bool) -> None:
        self.away = away
        partition = f"{self.partition.topic}/{self.partition.partition}"
        if away:
            log.warning("the partition is away", extra={"partition": partition, "trouble": self.trouble()})
        else:
            log.warning("the partition is back", extra={"partition": partition})
        _call(self._on_away, self.partition.partition, away)


def _call(function: Callable[..., T], *arguments: object) -> T | None:
    try:
        return function(*arguments)
    except Exception:  # the caller's fault must not stop the partition
        log.exception("a callback failed", extra={"callback": repr(function)})
        return None
