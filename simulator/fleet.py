"""A fleet: stations by their plan, one task each; its progress, its end, its truth."""

import asyncio
import logging
import time
from collections import Counter

from contracts.times import DAY, SECOND, rfc3339_ms
from simulator.plan import PlanSettings, StationPlan
from simulator.planner import Planner
from simulator.station import Environment
from simulator.truth import EndTruth, RunTruth, Truth
from simulator.v2 import Station2x
from simulator.v16 import Station16
from simulator.visits import VisitedStation

log = logging.getLogger(__name__)

_BLOCK = DAY  # an endless run is planned in days
_POLL_S = 0.1


class Fleet:
    """Stations from a plan. `run` lives until it is told to stop, `finish` ends it in order."""

    def __init__(self, settings: PlanSettings, environment: Environment, end_us: int | None) -> None:
        self.settings, self.environment = settings, environment
        self.clock, self.ledger, self.journal = environment.clock, environment.ledger, environment.journal
        self.started_us = self.clock.now_us()
        self.end_us = end_us
        self._planner = Planner(settings)
        self._planned_us = self._block_end(self.started_us)
        plans = self._planner.block(self.started_us, self._planned_us)
        self.stations = [station_of(plan, environment) for plan in plans]
        self.ended_us: int | None = None
        self._told_refusal = False

    def _block_end(self, from_us: int) -> int:
        return min(from_us + _BLOCK, self.end_us) if self.end_us is not None else from_us + _BLOCK

    async def run(self, stop: asyncio.Event, *, progress_s: float, drain_s: float) -> bool:
        """Charge until `stop` is set or the end is reached, then finish; whether everything was said and answered.

        Gives up where the edge's clock turns out to be another one (`ledger.edge_clock`).
        """
        async with asyncio.TaskGroup() as tasks:
            for station in self.stations:
                tasks.create_task(station.run(), name=station.name)
            told_s = time.monotonic()
            while not stop.is_set() and (self.end_us is None or self.clock.now_us() < self.end_us):
                await asyncio.sleep(_POLL_S)
                if self.ledger.edge_clock.difference is not None:  # nothing that is said means anything there
                    self._leave()
                    return False
                if time.monotonic() - told_s >= progress_s:
                    told_s = time.monotonic()
                    self.tell()
                self._tell_refusal()
                self._plan_on()
            drained = await self._finish(drain_s)
        self.tell()
        return drained

    def _plan_on(self) -> None:
        """Plan the next block before the last one is over."""
        if self.clock.now_us() < self._planned_us - 60 * SECOND or self._planned_us == self.end_us:
            return
        begin_us, self._planned_us = self._planned_us, self._block_end(self._planned_us)
        for station, plan in zip(self.stations, self._planner.block(begin_us, self._planned_us), strict=True):
            station.extend(plan)

    async def _finish(self, drain_s: float) -> bool:
        now_us = self.clock.now_us()
        log.info("stopping all sessions", extra={"stations": len(self.stations)})
        for station in self.stations:
            station.finish(now_us)
        if self.ledger.refusal is not None and not any(station.line.connections for station in self.stations):
            drain_s = 0.0  # there is nobody who will answer
        deadline_s = time.monotonic() + drain_s
        while (waiting := [one for one in self.stations if not one.drained]) and time.monotonic() < deadline_s:
            for station in waiting:
                station.say_again()
            await asyncio.sleep(_POLL_S)
        self._leave()
        if waiting:
            log.error("not everything was answered", extra={"stations": [station.name for station in waiting][:10]})
        self.journal.flush()
        return not waiting

    def _leave(self) -> None:
        self.ended_us = self.clock.now_us()
        for station in self.stations:
            station.leaving = True

    def _tell_refusal(self) -> None:
        """Say once that nobody gets in, until somebody does."""
        reason = self.ledger.refusal
        if reason is None:
            self._told_refusal = False
        elif not self._told_refusal and not any(station.line.online for station in self.stations):
            self._told_refusal = True
            log.warning("no station connects", extra={"target": self.environment.line.target, "reason": reason})

    def tell(self) -> None:
        """The progress line."""
        self.journal.flush()
        sessions = [session for station in self.stations for session in station.sessions]
        log.info(
            "progress",
            extra={
                "connected": sum(station.line.online for station in self.stations),
                "stations": len(self.stations),
                "sessions": len(sessions),
                "charging": sum(not session.ended for session in sessions),
                "calls": self.journal.calls,
                "answered": self.journal.answered,
                "waiting": sum(len(station.line.outbox) for station in self.stations),
                "clock": rfc3339_ms(self.clock.now_us()),
            },
        )

    def truth(self) -> Truth:
        """All that was, once the run is over."""
        sessions = sorted(
            (truth for station in self.stations for truth in station.session_truths()),
            key=lambda session: (session.started_at, session.station, session.evse),
        )
        alarms = tuple(self.ledger.alarms())
        run = RunTruth(
            v=1,
            seed=self.settings.seed,
            stations=tuple(station.name for station in self.stations),
            versions=Counter(station.traits.version.value for station in self.stations),
            started_at=rfc3339_ms(self.started_us),
            speed=self.clock.speed,
            misbehaviours=tuple(sorted(self.settings.misbehaviours)),
        )
        end = EndTruth(
            ended_at=rfc3339_ms(self.ended_us if self.ended_us is not None else self.clock.now_us()),
            sessions=len(sessions),
            energy_wh=sum(session.expected.import_wh for session in sessions),
            alarms=sum(alarm.must for alarm in alarms),
            gaps=len(self.ledger.gaps),
            calls=self.journal.calls,
            answered=self.journal.answered,
            discarded=self.ledger.discarded,
            undelivered=sum(not session.delivered for session in sessions),
            misbehaviours=dict(self.ledger.misbehaviours),
        )
        return Truth(run=run, sessions=tuple(sessions), alarms=alarms, gaps=tuple(self.ledger.gaps), end=end)


def station_of(plan: StationPlan, environment: Environment) -> VisitedStation:
    """The station that a plan is for, of its version."""
    return (Station2x if plan.traits.version.is_2x else Station16)(plan, environment)
