"""One partition's queue: what is in the next batch, what an answer means. Pure; the caller brings the time.

A batch is always built from the head and popped when acknowledged, so a resend, and the halving around a refused
record, are both "build again from the head": first occurrences are never reordered and never have gaps.
"""

import math
from collections import deque
from itertools import islice

from ops.group_commit.submission import BATCH_OVERHEAD, Submission

UNSURE_STRIKES = 7
"""A refusal that may be the broker's own trouble is believed when a submission has met it so often, alone. With the
pauses between them (sender.py), that takes longer than such a trouble does."""
LEAST_BATCH_BYTES = 4096
"""So small a batch is not halved any more."""


class PartitionQueue:
    """Submissions in order; the first `in_flight` of them are being sent."""

    def __init__(self, max_batch_bytes: int) -> None:
        self.max_batch_bytes = max_batch_bytes
        self.batch_bytes = max_batch_bytes
        """How large a batch may be for the present: the same again would get no answer again where it was too much for
        the way to Kafka, and would come to stand on the log each time."""
        self.waiting: deque[Submission] = deque()
        self.records = 0
        """Records waiting, those in flight included."""
        self.bytes = 0
        """Their size, those in flight included."""
        self.in_flight = 0
        self.suspects = 0
        """Kafka refuses one of the first so many submissions; 0 where nothing was refused."""
        self.strikes = 0
        """How often the first one met a refusal that is not believed yet."""
        self._named: list[Submission] = []
        self._answered_at = -math.inf

    def __len__(self) -> int:
        """Submissions that somebody waits for: all but the replaceable ones."""
        return len(self.waiting) - len(self._named)

    def add(self, submission: Submission) -> None:
        """Put it behind all others."""
        self.waiting.append(submission)
        self.records += len(submission.records)
        self.bytes += submission.size

    def add_first(self, submission: Submission) -> None:
        """Put it before all others, in the place of one that was refused; nothing may be in flight."""
        self.waiting.appendleft(submission)
        self.records += len(submission.records)
        self.bytes += submission.size

    def replace(self, submission: Submission) -> None:
        """Put it behind all others, in place of those of its name that are not in flight.

        It goes to the end, not to its predecessor's place: there it would overtake what was submitted between the two.
        It takes over the predecessor's age, or a partition on which only ticks wait would never grow old.
        """
        for old in [named for named in self._named if named.name == submission.name]:
            place = self.waiting.index(old)
            if place >= self.in_flight:
                del self.waiting[place]
                self._forget(old)
                self.suspects -= place < self.suspects
                if place == 0:  # the strikes are those of the head
                    self.strikes = 0
                submission.at = min(submission.at, old.at)
        self.add(submission)
        self._named.append(submission)

    def age(self, now: float) -> float:
        """Seconds since the oldest waiting submission was submitted first; 0 where none waits."""
        return now - self._oldest() if self.waiting else 0.0

    def stalled(self, now: float) -> float:
        """Seconds for which something has waited without any answer of Kafka's; 0 where nothing waits."""
        return now - max(self._oldest(), self._answered_at) if self.waiting else 0.0

    def next_batch(self) -> list[Submission]:
        """The submissions to send now, one at least: as many as fit, half of the suspects where there are some."""
        limit = max(1, self.suspects // 2) if self.suspects else None
        batch: list[Submission] = []
        size = BATCH_OVERHEAD
        for submission in islice(self.waiting, limit):
            size += submission.size
            if batch and size > self.batch_bytes:
                break
            batch.append(submission)
        self.in_flight = len(batch)
        return batch

    def acknowledged(self, now: float, *, quick: bool = True) -> None:
        """The batch in flight is on the log; where that was `quick`, the next may be twice as large."""
        if quick and self.batch_bytes < self.max_batch_bytes:
            self.batch_bytes = min(2 * self.batch_bytes, self.max_batch_bytes)
        self.strikes = 0
        self.suspects = max(0, self.suspects - self.in_flight)
        for _ in range(self.in_flight):
            self._forget(self.waiting.popleft())
        self.in_flight = 0
        self._answered_at = now

    def failed(self) -> None:
        """The batch in flight may be on the log or not: it is sent again, half as large."""
        self.in_flight = 0
        if self.batch_bytes > LEAST_BATCH_BYTES:
            self.batch_bytes //= 2

    def refused(self, now: float, *, sure: bool) -> Submission | None:
        """Kafka took nothing of the batch because of what is in it; the submission at fault, once that is known.

        Where it is not, the next batch is the first half of the suspects: the good ones before the bad one go first, so
        the order holds. `sure` is false where the refusal may be the broker's own trouble.
        """
        self._answered_at = now
        sent, self.in_flight = self.in_flight, 0
        if sent > 1:
            self.suspects = sent
            return None
        self.strikes += 1
        if not sure and self.strikes < UNSURE_STRIKES:
            self.suspects = 1
            return None
        self.suspects = self.strikes = 0
        culprit = self.waiting.popleft()
        self._forget(culprit)
        return culprit

    def _oldest(self) -> float:
        return min(self.waiting[0].at, *(named.at for named in self._named)) if self._named else self.waiting[0].at

    def _forget(self, submission: Submission) -> None:
        self.records -= len(submission.records)
        self.bytes -= submission.size
        if submission.name is not None:
            self._named.remove(submission)
