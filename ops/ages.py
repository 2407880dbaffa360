"""How old what was derived is: by the header `ce_time`, the log's time of the frame from which it came."""

from collections.abc import Iterable

from contracts.times import from_rfc3339
from contracts.topics import event_time
from ops.clock import Clock


class Ages:
    """For the records of one batch, as of now; in real seconds, at every speed of the clock.

    The clock must be the one that the edges run on, as it is for all processes of a demo and for real ones anyway.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock, self._now_us = clock, clock.now_us()
        self._text: str | None = None
        self._age_s: float | None = None

    def of(self, headers: Iterable[tuple[str, bytes]]) -> float | None:
        """None where the headers hold no time, as those of somebody else's record may."""
        text = event_time(headers)
        if text != self._text:  # what came of one frame has one time
            self._text, self._age_s = text, self._age(text)
        return self._age_s

    def _age(self, text: str | None) -> float | None:
        if text is None:
            return None
        try:
            return max(0.0, self._clock.real_s((self._now_us - from_rfc3339(text)) / 1e6))
        except ValueError:
            return None
