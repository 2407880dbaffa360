"""Whether Kafka is silent, or only nobody listened. Pure."""

LONGEST_LOOK_S = 2.0


class Silence:
    """For how long Kafka has owed the answer to a fetch; looked at about every second, times in seconds."""

    def __init__(self) -> None:
        self._answered_at: float | None = None
        self._looked_at = 0.0
        self._silent_s = 0.0

    def look(self, now: float, answered_at: float | None) -> float:
        """The silence up to now. `answered_at`: when the newest answer came; None where none is waited for.

        Between two looks it grows by `LONGEST_LOOK_S` at most: a process that was stopped for longer, or had no core
        to run on, did not hear the answers that came.
        """
        if answered_at is None or answered_at != self._answered_at:
            self._silent_s = 0.0
        else:
            self._silent_s += min(now - self._looked_at, LONGEST_LOOK_S)
        self._answered_at, self._looked_at = answered_at, now
        return self._silent_s
