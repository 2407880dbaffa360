"""A station's life: power and boots, its line and its connectors' states.

What it measures is in metering.py, what cars do with it in visits.py, how each version says it in v16.py and v2.py.
"""

import abc
import random
from collections.abc import Sequence

import msgspec

from contracts.times import MINUTE, SECOND, rfc3339_ms
from ops.clock import Clock
from simulator import misbehaviour as names
from simulator.charging import Evse
from simulator.faults import Fault
from simulator.journal import Journal
from simulator.ledger import Ledger
from simulator.line import Line, LineSettings
from simulator.meter import Meter
from simulator.mishaps import Mishaps
from simulator.outbox import Kind, Message, Payload
from simulator.plan import GapPlan, StationPlan
from simulator.states import ConnectorState, States
from simulator.timeline import Timeline

_LONGEST_WAIT_S = 0.5  # a task looks up this often, whatever it waits for: the fleet may want it to stop
_AFTER_DARK_US = 5 * SECOND
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
            traits,
            settings=environment.line,
            clock=environment.clock,
            journal=environment.journal,
            ledger=environment.ledger,
            rng=random.Random(f"{environment.seed}/{traits.identity}/line"),  # its luck must not move the station's
            connected=self._connected,
            lost=self._lost,
        )
        self.states = States(self.name, self.line, self.ledger, self.status_call)
        self.evses = [
            Evse(number, Meter(lifetime_wh, resets=traits.meter_resets), traits.rated_w)
            for number, lifetime_wh in enumerate(traits.lifetime_wh, 1)
        ]
        self.finishing = False
        self.leaving = False
        self._mishaps = Mishaps(self.name, self.line, self.timeline, self.ledger, self.rng, self.lose_power)
        self._dark_until_us: int | None = None
        self._needs_boot = True
        self._boot_reason = "PowerUp"
        self._heartbeat_us = environment.heartbeat_us
        self.timeline.at(plan.connect_us, self._switched_on)
        self.extend(plan)

    def extend(self, plan: StationPlan) -> None:
        """Take on a block of the plan."""
        for happening in plan.happenings:
            self._mishaps.plan(happening)
        for security in plan.security:
            self._mishaps.plan_security_event(security.at_us, security.type, self.stamped, self.text)

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
                self.timeline.at(self._dark_until_us + _AFTER_DARK_US, event.action)
            else:
                event.action(event.at_us)

    def _wait_s(self) -> float:
        next_us = self.timeline.next_us
        if next_us is None:
            return _LONGEST_WAIT_S
        left_s = self.clock.real_s((next_us - self.clock.now_us()) / SECOND)
        return min(max(left_s, 0.001), _LONGEST_WAIT_S)

    # -- time as the station sees it

    def stamped(self, at_us: int) -> int:
        """A moment on the station's own clock, as precisely as it writes times."""
        own_us = at_us + self.traits.skew_us
        return own_us - own_us % (SECOND if self.traits.time_style == "s" else 1000)

    def text(self, stamped_us: int) -> str:
        """A stamped time as the station writes it."""
        text = rfc3339_ms(stamped_us)
        return text[:-5] + "Z" if self.traits.time_style == "s" else text

    # -- power and line

    @property
    def dark(self) -> bool:
        return self._dark_until_us is not None

    def _switched_on(self, at_us: int) -> None:
        self.states.begin(self.connectors(), self.stamped(at_us))
        self.line.wanted = True
        self._heartbeats(at_us)

    def lose_power(self, at_us: int, gap: GapPlan, cause: str) -> None:
        """Dark from now on, for a while."""
        for evse in self.evses:
            evse.advance(at_us)
        self._dark_until_us = at_us + gap.length_us
        self._needs_boot, self.line.registered = True, False
        self._boot_reason = "Watchdog" if cause == names.BOOT_LOOP else "PowerUp"
        self.line.cut(cause, gap.length_us)
        self.timeline.at(self._dark_until_us, lambda back_us: self.power_back(back_us, gap), in_dark=True)

    def power_back(self, at_us: int, gap: GapPlan) -> None:  # noqa: ARG002 - sessions need it
        """Light again: it will connect and boot."""
        self._dark_until_us = None
        for evse in self.evses:
            evse.rest(at_us)

    def _connected(self) -> None:
        if self._needs_boot:
            self.line.registered = False
            self._boot()
        else:
            self.states.report()

    def _lost(self, close_code: int) -> None:
        self._mishaps.lost(close_code)

    def _boot(self) -> None:
        payload = self.boot_payload(self._boot_reason)
        again = Message(
            "BootNotification",
            payload,
            Kind.BOOT,
            answered=self._boot_answered,
            given_up=lambda: self._boot_later(_BOOT_AGAIN_US),
        )
        self.line.outbox.add(again)

    def _boot_answered(self, answer: Payload | None) -> None:
        self.ledger.booted(self.name, self.clock.now_us())
        interval = (answer or {}).get("interval")
        interval_us = round(interval * SECOND) if isinstance(interval, int | float) and interval > 0 else MINUTE
        if (answer or {}).get("status") != "Accepted":
            self._boot_later(interval_us)
            return
        self._heartbeat_us = max(interval_us, self.environment.heartbeat_us)
        self._needs_boot, self.line.registered = False, True
        self.states.report(anew=True)

    def _boot_later(self, wait_us: int) -> None:
        def again(_: int) -> None:
            if self.line.online and self._needs_boot and not self.line.outbox.busy_with(Kind.BOOT):
                self._boot()

        self.timeline.at(self.clock.now_us() + wait_us, again, in_dark=True)

    def _heartbeats(self, at_us: int) -> None:
        """A heartbeat when nothing else was said for its interval."""
        silent_us = at_us - self.line.last_call_us
        if silent_us >= self._heartbeat_us and self.line.online and self.line.registered:
            self.line.outbox.add(Message("Heartbeat", {}))
        wait_us = self._heartbeat_us - silent_us if self._heartbeat_us - silent_us > SECOND else self._heartbeat_us
        self.timeline.at(at_us + wait_us, self._heartbeats, in_dark=True)

    def set_state(self, connector: int, at_us: int, status: str | None = None, fault: Fault | None = None) -> None:
        """A connector's status or fault is what is said here (`status` None: as it was) from now on."""
        self.states.set(connector, status, fault, self.stamped(at_us))

    # -- the end

    @property
    def drained(self) -> bool:
        """Whether everything is said and answered, and nothing is left to be said."""
        line = self.line
        return self.finishing and line.online and line.registered and not len(line.outbox) and self.states.all_reported

    def finish(self, at_us: int) -> None:
        """Stop all that is going on, say so, and want to be connected until all is said."""
        if self.dark:
            self.power_back(at_us, GapPlan(at_us, 0, power=True, resumes=True))
        self.finishing = True
        self.timeline.clear()
        self.line.come_back_now()
        if not len(self.states):
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
