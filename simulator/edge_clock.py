"""Whether the edge's clock is the simulator's. Pure.

At another speed than 1, all processes of a run share one clock (CLOCK_ORIGIN, CLOCK_ANCHOR, CLOCK_SPEED). A simulator
with one of its own would stamp its messages with times that mean nothing to the edge, and nothing would say so. The
answers to BootNotification and Heartbeat tell what time it is there.

At speed 1 nothing is compared: a wrong clock is then what it is in the field, and several edges may have several.
"""

from contracts.times import SECOND, rfc3339_ms

SLACK_S = 1.0  # real seconds by which the clocks of two hosts may differ


class EdgeClock:
    """What the answers say of the edge's clock, held against ours."""

    def __init__(self) -> None:
        self.difference: str | None = None
        """Why the two cannot be one; the first finding stays."""

    def heard(self, speed: float, sent_us: int, received_us: int, there_us: int) -> None:
        """An answer says that it was `there_us`; that must lie between its CALL and itself, on our clock."""
        slack_us = SLACK_S * SECOND * speed
        alike = sent_us - slack_us <= there_us <= received_us + slack_us
        if speed != 1.0 and not alike and self.difference is None:
            self.difference = f"it is {rfc3339_ms(there_us)} at the edge, and {rfc3339_ms(received_us)} here"
