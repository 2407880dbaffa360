"""A station's life: power and boots, its line, its connectors' states, and what goes wrong with all of it.

What cars do with it is in visits.py, how each version says it in v16.py and v2.py.
"""

import abc
import random
from collections.abc import Callable, Sequence

import msgspec

from contracts.times import MINUTE, SECOND, rfc3339_ms
from ops.clock import Clock
from simulator import misbehaviour as names
from simulator.charging import Evse
from simulator.faults import Fault, Fault16
from simulator.journal import Journal
from simulator.ledger import Ledger
from simulator.line import Line, LineSettings
from simulator.meter import Meter
from simulator.outbox import Kind, Message, Payload
from simulator.plan import GapPlan, Happening, StationPlan
from simulator.planner import LOOP_BOOTS, LOOP_EVERY
from simulator.timeline import Timeline

STATUS = "status"  # the source of a fault that a connector's status tells
_LONGEST_WAIT_S = 0.5  # a task looks up this often, whatever it waits for: the fleet may want it to stop
_OVERSIZED_BYTES = 600 * 1024
_TOO_BIG = 1009
_BOOT_AGAIN_US = 10 * SECOND


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What all stations of a fleet share. `aligned_us`, `heartbeat_us`: on the shared clock."""

    clock: Clock
    line: LineSettings
    ledger: Ledger
    journal: Journal
    seed: int
    aligned_us: int
    heartbeat_us: int


class ConnectorState:
    """What a connector (0: the station) has to report, since when, and whether the CSMS knows."""

    __slots__ = ("at_us", "fault", "reported", "status")

    def __init__(self, status: str, fault: Fault | None, at_us: int) -> None:
        self.status = status
        self.fault = fault
        self.at_us = at_us  # as stamped
        self.reported = False


class Station(abc.ABC):
    """One charging station: one task, one socket at a time."""

    def __init__(self, plan: StationPlan, environment: Environment) -> None:
        traits = plan.traits
        self.traits, self.environment = traits, environment
        self.clock, self.ledger = environment.clock, environment.ledger
        self.rng = random.Random(f"{environment.seed}/{traits.identity}")
        self.name = f"default/{traits.identity}"
        self.timeline = Timeline()
        self.line = Line(
            traits.identity,
            traits.version,
            traits.id_style,
            compresses=traits.compresses,
            settings=environment.line,
            clock=environment.clock,
            journal=environment.journal,
            ledger=environment.ledger,
            rng=self.rng,
            connected=self._connected,
            lost=self._lost,
        )
        self.evses = [
            Evse(number, Meter(lifetime_wh, resets=traits.meter_resets), traits.rated_w)
            for number, lifetime_wh in enumerate(traits.lifetime_wh, 1)
        ]
        self.states: dict[int, ConnectorState] = {}
        self.finishing = False
        self.leaving = False
        self._dark_until_us: int | None = None
        self._needs_boot = True
        self._boot_reason = "PowerUp"
        self._heartbeat_us = environment.heartbeat_us
        self._oversized_us: int | None = None
        self.timeline.at(plan.connect_us, self._switched_on)
        self.extend(plan)

    # -- the task

    async def run(self) -> None:
        """Live until the fleet leaves."""
        while not self.leaving:
            self._play()
            await self.line.step(self._wait_s())
        await self.line.close()

    def _play(self) -> None:
        now_us = self.clock.now_us()
        while (event := self.timeline.due(now_us)) is not None:
            if self._dark_until_us is not None and not event.in_dark:
                # Nobody can do anything at a dark station: it happens when the power is back.
                self.timeline.at(self._dark_until_us + 5 * SECOND, event.action)
            else:
                event.action(event.at_us)

    def _wait_s(self) -> float:
        next_us = self.timeline.next_us
        if next_us is None:
            return _LONGEST_WAIT_S
        left_s = self.clock.real_s((next_us - self.clock.now_us()) / SECOND)
        return min(max(left_s, 0.001), _LONGEST_WAIT_S)

    @property
    def dark(self) -> bool:
        return self._dark_until_us is not None

    @property
    def drained(self) -> bool:
        """Whether everything is said and answered, and nothing is left to be said."""
        return (
            self.finishing
            and self.line.online
            and self.line.registered
            and len(self.line.outbox) == 0
            and all(state.reported for state in self.states.values())
        )

    # -- time as the station sees it

    def stamped(self, at_us: int) -> int:
        """A moment on the station's own clock, as precisely as it writes times."""
        own_us = at_us + self.traits.skew_us
        return own_us - own_us % (SECOND if self.traits.time_style == "s" else 1000)

    def text(self, stamped_us: int) -> str:
        """A stamped time as the station writes it."""
        text = rfc3339_ms(stamped_us)
        return text[:-5] + "Z" if self.traits.time_style == "s" else text

    # -- the plan

    def extend(self, plan: StationPlan) -> None:
        """Take on a block of the plan."""
        for happening in plan.happenings:
            self.timeline.at(happening.at_us, self._happening(happening))
        for security in plan.security:
            self.timeline.at(security.at_us, self._security(security.type))

    def _happening(self, happening: Happening) -> Callable[[int], None]:
        def begin(at_us: int) -> None:
            if self.finishing or not self.line.online:
                return
            self.ledger.misbehaviours[happening.name] += 1
            match happening.name:
                case names.BOOT_LOOP:
                    for number in range(LOOP_BOOTS):
                        self.timeline.at(at_us + number * LOOP_EVERY, self._reboot, in_dark=True)
                case names.LONG_OUTAGE:
                    self.line.cut(happening.name, happening.length_us)
                case names.HALF_OPEN:
                    self.line.freeze(self.rng.randrange(5 * SECOND, 15 * SECOND))
                case names.OVERSIZED_FRAME:
                    self._send_oversized(at_us)

        return begin

    def _reboot(self, at_us: int) -> None:
        if not self.finishing:
            self._boot_reason = "Watchdog"
            self.lose_power(
                at_us, GapPlan(at_us, self.rng.randrange(3 * SECOND, 5 * SECOND), power=True), names.BOOT_LOOP
            )

    def _send_oversized(self, at_us: int) -> None:
        data = "A" * _OVERSIZED_BYTES

        def sent() -> None:
            self._oversized_us = at_us
            self.ledger.oversized(self.name, at_us, closed_for_it=False)

        self.line.outbox.add(Message("DataTransfer", {"vendorId": "org.example.log", "data": data}, sent=sent))

    def _security(self, kind: str) -> Callable[[int], None]:
        def begin(at_us: int) -> None:
            stamped_us = self.stamped(at_us)
            self.ledger.faults["security-event"] += 1
            self.line.outbox.add(
                Message(
                    "SecurityEventNotification",
                    {"type": kind, "timestamp": self.text(stamped_us)},
                    Kind.EVENT,
                    sent=lambda: self.ledger.security_event(self.name, kind, stamped_us, answered=False),
                    answered=lambda answer: self.ledger.security_event(
                        self.name, kind, stamped_us, answered=answer is not None
                    ),
                )
            )

        return begin

    # -- power and line

    def _switched_on(self, at_us: int) -> None:
        for number in self.connectors():
            self.states[number] = ConnectorState("Available", None, self.stamped(at_us))
        self.line.wanted = True
        self._heartbeats(at_us)

    def lose_power(self, at_us: int, gap: GapPlan, cause: str) -> None:
        """Dark from now on, for a while."""
        for evse in self.evses:
            evse.advance(at_us)
        self._dark_until_us = at_us + gap.length_us
        self._needs_boot, self.line.registered = True, False
        self.line.cut(cause, gap.length_us)
        self.timeline.at(self._dark_until_us, lambda back_us: self.power_back(back_us, gap), in_dark=True)

    def power_back(self, at_us: int, gap: GapPlan) -> None:  # noqa: ARG002 - sessions need it
        """Light again: it will connect and boot."""
        if self._dark_until_us is None:
            return  # the end of the run brought it back already
        self._dark_until_us = None
        for evse in self.evses:
            evse.rest(at_us)

    def _connected(self) -> None:
        if self._needs_boot:
            self.line.registered = False
            self._boot()
        else:
            self._report_states()

    def _lost(self, code: int) -> None:
        if self._oversized_us is not None:
            self.ledger.oversized(self.name, self._oversized_us, closed_for_it=code == _TOO_BIG)
            self._oversized_us = None

    def _boot(self) -> None:
        reason = self._boot_reason
        self.line.outbox.add(
            Message(
                "BootNotification",
                self.boot_payload(reason),
                Kind.BOOT,
                answered=self._boot_answered,
                given_up=lambda: self._boot_later(_BOOT_AGAIN_US),
            )
        )

    def _boot_answered(self, answer: Payload | None) -> None:
        if answer is None or not self.line.online:
            return
        self.ledger.booted(self.name, self.clock.now_us())
        interval = answer.get("interval")
        interval_us = round(interval * SECOND) if isinstance(interval, int | float) and interval > 0 else MINUTE
        if answer.get("status") != "Accepted":
            self._boot_later(interval_us)
            return
        self._heartbeat_us = max(interval_us, self.environment.heartbeat_us)
        self._needs_boot, self._boot_reason = False, "PowerUp"
        self.line.registered = True
        for state in self.states.values():
            state.reported = False
        self._report_states()

    def _boot_later(self, wait_us: int) -> None:
        def again(_: int) -> None:
            if self.line.online and self._needs_boot and not len(self.line.outbox):
                self._boot()

        self.timeline.at(self.clock.now_us() + wait_us, again, in_dark=True)

    def _heartbeats(self, at_us: int) -> None:
        """A heartbeat when nothing else was said for its interval."""
        silent_us = at_us - self.line.last_call_us
        if silent_us >= self._heartbeat_us and self.line.online and self.line.registered:
            self.line.outbox.add(Message("Heartbeat", {}))
            silent_us = 0
        wait_us = max(self._heartbeat_us - silent_us, SECOND) if silent_us < self._heartbeat_us else self._heartbeat_us
        self.timeline.at(at_us + wait_us, self._heartbeats, in_dark=True)

    # -- states of connectors

    def set_state(self, connector: int, at_us: int, status: str | None = None, fault: Fault | None = None) -> None:
        """A connector's status or fault is what is said here (`status` None: as it was) from now on."""
        before = self.states[connector]
        status = before.status if status is None else status
        if (status, fault) == (before.status, before.fault):
            return
        self.states[connector] = ConnectorState(status, fault, self.stamped(at_us))
        if self.line.online and self.line.registered:
            self._report(connector)

    def _report_states(self) -> None:
        for connector, state in self.states.items():
            if not state.reported:
                self._report(connector)

    def _report(self, connector: int) -> None:
        state = self.states[connector]
        action, payload = self.status_call(connector, state)

        def told(*, answered: bool) -> None:
            if action != "StatusNotification":
                return
            number = 1 if connector else 0
            cause = self.status_cause(state)
            if cause is None:
                self.ledger.fault_over(self.name, connector, number, state.at_us, answered=answered, source=STATUS)
            else:
                self.ledger.fault(self.name, connector, number, cause, state.at_us, answered=answered, source=STATUS)

        def answered(answer: Payload | None) -> None:
            if answer is not None:
                state.reported = True
                told(answered=True)

        self.line.outbox.add(Message(action, payload, sent=lambda: told(answered=False), answered=answered))

    @staticmethod
    def status_cause(state: ConnectorState) -> str | None:
        """The cause of the fault that a StatusNotification of this state tells; None where it tells of none."""
        if isinstance(state.fault, Fault16):
            return state.fault.cause
        return "Faulted" if state.status == "Faulted" else None

    # -- the end

    def finish(self, at_us: int) -> None:
        """Stop all that is going on, say so, and want to be connected until all is said."""
        if self._dark_until_us is not None:
            self.power_back(at_us, GapPlan(at_us, 0, power=True, resumes=True))
        self.finishing = True
        self.timeline.clear()
        self.line.come_back_now()
        if not self.states:
            self._switched_on(at_us)

    def say_again(self) -> None:
        """While the fleet waits: what was not answered in time is said again."""
        self.line.outbox.hurry()
        if self.line.online and not len(self.line.outbox):
            self._connected()

    # -- what a version says

    @abc.abstractmethod
    def connectors(self) -> Sequence[int]:
        """The numbers for which the station reports a state."""

    @abc.abstractmethod
    def boot_payload(self, reason: str) -> Payload:
        """Of BootNotification."""

    @abc.abstractmethod
    def status_call(self, connector: int, state: ConnectorState) -> tuple[str, Payload]:
        """Action and payload that report a state."""
