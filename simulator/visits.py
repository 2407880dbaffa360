"""What cars do with a station: plug in, charge, break off, leave. How it is said is the versions' business."""

import abc
from collections.abc import Callable

from contracts.times import SECOND
from simulator import misbehaviour as names
from simulator.charging import Evse, Session
from simulator.faults import Fault
from simulator.metering import MeteredStation
from simulator.outbox import Deafness
from simulator.plan import FaultPlan, GapPlan, SessionPlan, StationPlan
from simulator.station import Environment
from simulator.truth import SessionTruth

POWER_LOSS, LOCAL, BROKEN = "PowerLoss", "Local", "Fault"  # why sessions end; each version has its own words
_SEEN_LATER = frozenset({names.ENERGY_MISSING, names.BATCHED_READINGS, names.SEQ_GAP})  # if there are readings enough
_OPEN_MOST = 16  # of the last sessions, those that can still be open or have something to say
_AUTHORIZED_BEFORE_US = 2 * SECOND
RETRY_AFTER_US = 20 * SECOND


class VisitedStation(MeteredStation, abc.ABC):
    """A station with cars."""

    def __init__(self, plan: StationPlan, environment: Environment) -> None:
        self.sessions: list[Session] = []
        self._gapped: set[SessionPlan] = set()
        self._connected_us = 0  # by the shared clock: what a slow station's clock says later may seem to be before it
        super().__init__(plan, environment)

    # -- the plan

    def extend(self, plan: StationPlan) -> None:
        super().extend(plan)
        for visit in plan.sessions:
            self._plan_visit(visit)
        for fault in plan.faults:
            self._plan_fault(fault)

    def _plan_visit(self, visit: SessionPlan) -> None:
        timeline = self.timeline
        timeline.at(visit.plug_us, lambda at_us: self._plug(visit, at_us))
        timeline.at(visit.start_us - _AUTHORIZED_BEFORE_US, lambda at_us: self._authorize(visit, at_us))
        timeline.at(visit.start_us, lambda at_us: self._start(visit, at_us))
        timeline.at(visit.stop_us, lambda at_us: self._stop_planned(visit, at_us))
        timeline.at(visit.unplug_us, lambda at_us: self._unplug(visit, at_us))
        if visit.gap is not None:
            timeline.at(visit.gap.at_us, self._gap(visit, visit.gap))
        if visit.fault is not None:
            self._plan_fault(visit.fault)

    def _plan_fault(self, plan: FaultPlan) -> None:
        self.timeline.at(plan.at_us, lambda at_us: self._fault(plan, at_us))
        self.timeline.at(plan.until_us, lambda at_us: self._fault_over(plan, at_us))

    # -- a visit

    def evse(self, number: int) -> Evse:
        return self.evses[number - 1]

    def _plug(self, visit: SessionPlan, at_us: int) -> None:
        evse = self.evse(visit.evse)
        # Somebody is still there, it is out of order, or it was dark for too long: this car drives on.
        if evse.visit is None and self.states[visit.evse].status != "Faulted" and at_us < visit.stop_us:
            evse.visit = visit
            self.plugged_in(evse, visit, at_us)

    def _authorize(self, visit: SessionPlan, at_us: int) -> None:
        evse = self.evse(visit.evse)
        if evse.visit is visit:
            self.authorized(evse, visit, at_us)

    def _start(self, visit: SessionPlan, at_us: int) -> None:
        evse = self.evse(visit.evse)
        if evse.visit is not visit:
            return
        evse.begin(at_us, visit)
        session = self.charging_started(evse, visit, at_us)
        self.plan_readings(session, at_us)

    def open_session(self, evse: Evse, visit: SessionPlan, at_us: int) -> Session:
        """A session begins here and now, by the meter."""
        evse.advance(at_us)
        session = Session(visit, self.stamped(at_us), evse.meter.begin_session())
        session.over_gap = session.start_us < self._connected_us
        evse.session = session
        self.sessions.append(session)
        for name in self.traits.misbehaviours:
            self.touch(session, name)
        if visit.quirk is not None and (visit in self._gapped if visit.gap else visit.quirk not in _SEEN_LATER):
            self.touch(session, visit.quirk)
        return session

    def _stop_planned(self, visit: SessionPlan, at_us: int) -> None:
        session = self._session_of(visit)
        if session is not None:
            self._stop(session, at_us, LOCAL)

    def _stop(self, session: Session, at_us: int, reason: str) -> None:
        evse = self.evse(session.plan.evse)
        evse.end(at_us)
        self.flush(session, at_us)
        session.stop_us, session.stop_wh = self.stamped(at_us), evse.meter.register_wh
        session.over_gap |= session.stop_us < self._connected_us
        evse.session = None
        self.charging_stopped(evse, session, at_us, reason)
        session.snapshots.clear()

    def _unplug(self, visit: SessionPlan, at_us: int) -> None:
        evse = self.evse(visit.evse)
        if evse.visit is visit:
            evse.visit = None
            if self.states[visit.evse].status != "Faulted":
                self.set_state(visit.evse, at_us, "Available", self.states[visit.evse].fault)

    def _session_of(self, visit: SessionPlan) -> Session | None:
        session = self.evse(visit.evse).session
        return session if session is not None and session.plan is visit else None

    def deafness(self, session: Session, *, first: bool) -> Deafness | None:
        """How the station mishears the answers to a session's start (`first`) or its other messages."""
        match session.quirk:
            case names.DUPLICATE_START_SAME_ID if first:
                return Deafness(1, RETRY_AFTER_US, new_id=False)
            case names.DUPLICATE_START_NEW_ID if first:
                return Deafness(2, RETRY_AFTER_US, new_id=True)
            case names.LOST_START_ANSWER if first:
                return Deafness(self.environment.line.attempts, RETRY_AFTER_US, new_id=True, gives_up=True)
            case names.RETRY if first or session.readings % 3 == 1:
                return Deafness(1, RETRY_AFTER_US, new_id=session.readings % 2 == 0)
            case _:
                return None

    # -- faults

    def _fault(self, plan: FaultPlan, at_us: int) -> None:
        self.ledger.faults[plan.fault.cause] += 1
        session = self.evse(plan.evse).session if plan.evse else None
        self.fault_raised(plan.evse, plan.fault, at_us)
        if session is not None and plan.fault.faulted:
            self._stop(session, at_us, BROKEN)

    def _fault_over(self, plan: FaultPlan, at_us: int) -> None:
        self.fault_cleared(plan.evse, plan.fault, at_us)

    # -- gaps

    def _gap(self, visit: SessionPlan, gap: GapPlan) -> Callable[[int], None]:
        def begin(at_us: int) -> None:
            if not self.line.online:
                return
            quirk = visit.quirk or ""
            if gap.power:
                self.lose_power(at_us, gap, quirk)
            else:
                self.line.cut(quirk, gap.length_us)
            self._gapped.add(visit)  # its session may not have begun yet: it is touched all the same
            for evse in self.evses:
                if evse.session is not None:
                    self.touch(evse.session, quirk)

        return begin

    def _connected(self) -> None:
        self._connected_us = self.clock.now_us()
        for session in self.sessions[-_OPEN_MOST:]:
            session.over_gap |= not session.delivered
        super()._connected()

    def power_back(self, at_us: int, gap: GapPlan) -> None:
        if not self.dark:
            return  # the end of the run brought it back already
        super().power_back(at_us, gap)
        for evse in self.evses:
            if evse.session is not None and not gap.resumes:
                self._stop(evse.session, at_us, POWER_LOSS)

    # -- the end

    def finish(self, at_us: int) -> None:
        super().finish(at_us)
        for evse in self.evses:
            if evse.session is not None:
                self._stop(evse.session, at_us, LOCAL)
            evse.visit = None
        self.clear_faults(at_us)
        for connector in self.states:
            self.set_state(connector, at_us, "Available", None)

    def session_truths(self) -> list[SessionTruth]:
        return [session.truth(self.name, self.traits.version.value) for session in self.sessions]

    # -- what a version says

    @abc.abstractmethod
    def plugged_in(self, evse: Evse, visit: SessionPlan, at_us: int) -> None:
        """A cable was plugged in."""

    @abc.abstractmethod
    def authorized(self, evse: Evse, visit: SessionPlan, at_us: int) -> None:
        """A token was shown."""

    @abc.abstractmethod
    def charging_started(self, evse: Evse, visit: SessionPlan, at_us: int) -> Session:
        """Energy flows; the session, which begins here where it has not before."""

    @abc.abstractmethod
    def charging_stopped(self, evse: Evse, session: Session, at_us: int, reason: str) -> None:
        """The session is over; `stop_us` and `stop_wh` are set."""

    @abc.abstractmethod
    def fault_raised(self, evse: int, fault: Fault, at_us: int) -> None:
        """Something is broken."""

    @abc.abstractmethod
    def fault_cleared(self, evse: int, fault: Fault, at_us: int) -> None:
        """It is no longer."""

    @abc.abstractmethod
    def clear_faults(self, at_us: int) -> None:
        """Whatever is broken still is repaired."""
