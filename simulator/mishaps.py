"""What goes wrong with a whole station: it boots again and again, is away, goes half-open, says too much."""

import random
from collections.abc import Callable

from contracts.times import SECOND
from simulator import misbehaviour as names
from simulator.ledger import Ledger
from simulator.line import Line
from simulator.outbox import Kind, Message, Payload
from simulator.plan import GapPlan, Happening
from simulator.planner import LOOP_BOOTS, LOOP_EVERY
from simulator.timeline import Action, Timeline

_OVERSIZED_BYTES = 600 * 1024
_TOO_BIG = 1009  # the close code of RFC 6455


class Mishaps:
    """Those of one station. `lose_power` is the station's: the time, how long, and why."""

    def __init__(
        self,
        station: str,
        line: Line,
        timeline: Timeline,
        ledger: Ledger,
        rng: random.Random,
        lose_power: Callable[[int, GapPlan, str], None],
    ) -> None:
        self._station, self._line, self._timeline, self._ledger, self._rng = station, line, timeline, ledger, rng
        self._lose_power = lose_power
        self._oversized_us: int | None = None

    def plan(self, happening: Happening) -> None:
        self._timeline.at(happening.at_us, lambda at_us: self._begin(happening, at_us))

    def _begin(self, happening: Happening, at_us: int) -> None:
        if not self._line.online:
            return
        self._ledger.misbehaviours[happening.name] += 1
        match happening.name:
            case names.BOOT_LOOP:
                for number in range(LOOP_BOOTS):
                    self._timeline.at(at_us + number * LOOP_EVERY, self._reboot, in_dark=True)
            case names.LONG_OUTAGE:
                self._line.cut(happening.name, happening.length_us)
            case names.HALF_OPEN:
                self._line.freeze(self._rng.randrange(5 * SECOND, 15 * SECOND))
            case names.OVERSIZED_FRAME:
                self._say_too_much(at_us)

    def _reboot(self, at_us: int) -> None:
        gap = GapPlan(at_us, self._rng.randrange(3 * SECOND, 5 * SECOND), power=True)
        self._lose_power(at_us, gap, names.BOOT_LOOP)

    def _say_too_much(self, at_us: int) -> None:
        def sent() -> None:
            self._oversized_us = at_us
            self._ledger.oversized(self._station, at_us, closed_for_it=False)

        data: Payload = {"vendorId": "org.example.log", "data": "A" * _OVERSIZED_BYTES}
        self._line.outbox.add(Message("DataTransfer", data, sent=sent))

    def lost(self, close_code: int) -> None:
        """The CSMS closed the socket: perhaps for the frame that was too large."""
        if self._oversized_us is not None:
            self._ledger.oversized(self._station, self._oversized_us, closed_for_it=close_code == _TOO_BIG)
            self._oversized_us = None

    def plan_security_event(
        self, at_us: int, kind: str, stamp: Callable[[int], int], text: Callable[[int], str]
    ) -> None:
        """A SecurityEventNotification, which waits over a disconnect."""

        def tell(now_us: int) -> None:
            stamped_us = stamp(now_us)
            self._ledger.faults["security-event"] += 1

            def told(*, answered: bool) -> None:
                self._ledger.security_event(self._station, kind, stamped_us, answered=answered)

            self._line.outbox.add(
                Message(
                    "SecurityEventNotification",
                    {"type": kind, "timestamp": text(stamped_us)},
                    Kind.EVENT,
                    sent=lambda: told(answered=False),
                    answered=lambda answer: told(answered=answer is not None),
                )
            )

        action: Action = tell
        self._timeline.at(at_us, action)
