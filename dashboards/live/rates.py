"""Messages a second, counted in real seconds. Pure: the time is an argument."""

from collections import deque

SHOWN_S = 60
_MEAN_OF = 5  # seconds


class Rates:
    """Counts of the last minute, one for each second."""

    def __init__(self, now_s: float) -> None:
        self._second = int(now_s)
        self._counts: deque[int] = deque(maxlen=SHOWN_S + 1)  # the last one is of the second that runs
        self._counts.append(0)
        self.total = 0

    def count(self, messages: int, now_s: float) -> None:
        self._move(now_s)
        self._counts[-1] += messages
        self.total += messages

    def past(self, now_s: float) -> list[int]:
        """The whole seconds that are over, the oldest first; at most a minute of them."""
        self._move(now_s)
        return list(self._counts)[:-1]

    def mean(self, now_s: float) -> float:
        """Messages a second over the last few seconds."""
        past = self.past(now_s)[-_MEAN_OF:]
        return sum(past) / len(past) if past else 0.0

    def _move(self, now_s: float) -> None:
        for _ in range(min(int(now_s) - self._second, SHOWN_S + 1)):
            self._counts.append(0)
        self._second = max(self._second, int(now_s))
