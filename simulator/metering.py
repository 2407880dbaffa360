"""Readings of a station's meters: every so often in a session, and at the clock's quarters."""

import abc

from contracts.times import SECOND
from simulator import misbehaviour as names
from simulator.charging import Evse, Session
from simulator.plan import StationPlan
from simulator.readings import ALIGNED, BEGIN, PERIODIC, Snapshot
from simulator.station import Environment, Station
from simulator.timeline import Action

_BATCH = 3  # buffered readings in one frame
_KEPT_SNAPSHOTS = 120  # of those that transactionData repeats
_ALIGNED_SPREAD_US = 20 * SECOND  # clock-aligned readings of a fleet are sent one after the other


class MeteredStation(Station, abc.ABC):
    """A station that tells what its meters show."""

    def __init__(self, plan: StationPlan, environment: Environment) -> None:
        super().__init__(plan, environment)
        if self.traits.aligned != "none":
            self._plan_aligned(plan.connect_us)

    def touch(self, session: Session, name: str) -> None:
        """A misbehaviour happened to a session."""
        if name not in session.touched:
            session.touched.add(name)
            self.ledger.misbehaviours[name] += 1

    # -- periodic

    def plan_readings(self, session: Session, at_us: int) -> None:
        """Read the meter every so often until the session is over."""
        next_us = at_us + self.traits.reading_s * SECOND
        self.timeline.at(next_us, lambda now_us: self._read(session, now_us), in_dark=True)

    def _read(self, session: Session, at_us: int) -> None:
        if session.ended:
            return
        if not self.dark:
            self._read_now(session, at_us)
        self.plan_readings(session, at_us)

    def _read_now(self, session: Session, at_us: int) -> None:
        evse = self.evses[session.plan.evse - 1]
        session.readings += 1
        with_energy = session.quirk != names.ENERGY_MISSING or session.readings % 2 == 0
        snapshot = evse.snapshot(at_us, self.stamped(at_us), PERIODIC, with_energy=with_energy)
        if snapshot.power_w == 0 and not session.suspended:
            session.suspended = True
            self.car_suspends(evse, session, at_us)
        if not with_energy:
            self.touch(session, names.ENERGY_MISSING)
        elif len(session.snapshots) < _KEPT_SNAPSHOTS:
            session.snapshots.append(snapshot)
        session.batch.append(snapshot)
        if session.quirk != names.BATCHED_READINGS or len(session.batch) >= _BATCH:
            self.flush(session, at_us)

    def flush(self, session: Session, at_us: int) -> None:
        """Send the readings that wait for their frame."""
        batch, session.batch = session.batch, []
        if not batch:
            return
        if len(batch) > 1:
            self.touch(session, names.BATCHED_READINGS)
            if session.readings % 2:
                batch.reverse()
        self.tell_readings(self.evses[session.plan.evse - 1], session, batch, at_us)

    def read_begin(self, evse: Evse, session: Session, at_us: int) -> None:
        """A reading of the moment the session begins."""
        self.tell_readings(evse, session, [evse.snapshot(at_us, self.stamped(at_us), BEGIN)], at_us)

    # -- aligned

    def _plan_aligned(self, after_us: int) -> None:
        """The next multiple of the interval on the station's own clock; it is sent a little later than it is read."""
        every_us = self.environment.aligned_us
        own_us = after_us + self.traits.skew_us
        at_us = own_us - own_us % every_us + every_us - self.traits.skew_us
        self.timeline.at(at_us, self._read_aligned, in_dark=True)

    def _read_aligned(self, at_us: int) -> None:
        self._plan_aligned(at_us)
        if self.dark or not len(self.states):
            return
        send_us = at_us + self.rng.randrange(_ALIGNED_SPREAD_US)
        for evse in self.evses:
            snapshot = evse.snapshot(at_us, self.stamped(at_us), ALIGNED)
            if self.traits.aligned == "always":
                self.timeline.at(send_us, self._idle_reading(evse, snapshot))
            elif evse.session is not None:
                self.timeline.at(send_us, self._session_reading(evse, evse.session, snapshot))

    def _idle_reading(self, evse: Evse, snapshot: Snapshot) -> Action:
        return lambda _: self.tell_idle(evse, snapshot)

    def _session_reading(self, evse: Evse, session: Session, snapshot: Snapshot) -> Action:
        def tell(at_us: int) -> None:
            if not session.ended:  # its last words are said
                self.tell_readings(evse, session, [snapshot], at_us)

        return tell

    # -- what a version says

    @abc.abstractmethod
    def car_suspends(self, evse: Evse, session: Session, at_us: int) -> None:
        """The car takes no more."""

    @abc.abstractmethod
    def tell_readings(self, evse: Evse, session: Session, snapshots: list[Snapshot], at_us: int) -> None:
        """Readings of a session, in one frame."""

    @abc.abstractmethod
    def tell_idle(self, evse: Evse, snapshot: Snapshot) -> None:
        """A reading that names no transaction."""
