"""An evse while the simulation runs: its meter, the car at it, and the session as the station knows it. Pure."""

from contracts.flags import MISSING_START, OFFLINE
from contracts.times import SECOND, rfc3339_ms
from simulator import misbehaviour as names
from simulator.battery import Charge
from simulator.meter import Meter
from simulator.plan import SessionPlan
from simulator.readings import Snapshot
from simulator.truth import EXPECTATIONS, ExpectedSession, SessionTruth


class Session:
    """One session. Times in microseconds as the station stamps them, energy in whole Wh by its register."""

    def __init__(self, plan: SessionPlan, start_us: int, start_wh: int) -> None:
        self.plan = plan
        self.start_us = start_us
        self.start_wh = start_wh
        self.stop_us: int | None = None
        self.stop_wh: int | None = None
        self.stop_reason: str | None = None
        self.transaction_id: str | None = None
        self.start_answered = False
        self.stop_answered = False
        self.touched: set[str] = set()
        self.over_gap = False  # the station was not connected for a part of it, whatever the reason
        self.snapshots: list[Snapshot] = []  # what transactionData repeats
        self.batch: list[Snapshot] = []  # readings that wait for their frame
        self.readings = 0
        self.suspended = False
        self.seq_no = 0
        self.seq_missing: list[int] = []
        self.first_fact_us: int | None = None  # of what is sent of a session whose start is not
        self.first_wh: int | None = None

    @property
    def quirk(self) -> str | None:
        return self.plan.quirk

    @property
    def starts_silently(self) -> bool:
        return self.quirk == names.MISSING_START

    @property
    def ended(self) -> bool:
        return self.stop_us is not None

    @property
    def delivered(self) -> bool:
        return self.stop_answered and (self.start_answered or self.starts_silently)

    def seen(self, at_us: int, wh: int | None = None) -> None:
        """A fact of the session is sent: an event, or (`wh`) a reading of the register."""
        if self.first_fact_us is None:
            self.first_fact_us = at_us
        if self.first_wh is None:
            self.first_wh = wh

    def truth(self, station: str, proto: str) -> SessionTruth:
        """The line of the truth."""
        stop_wh = self.start_wh if self.stop_wh is None else self.stop_wh
        start_us: int | None = self.start_us
        wh = stop_wh - self.start_wh
        expected_wh, flags, may_flags = wh, set[str](), set[str]()
        for name in self.touched:
            flags |= set(EXPECTATIONS[name].flags)
            may_flags |= set(EXPECTATIONS[name].may_flags)
        if self.over_gap:
            may_flags.add(OFFLINE)
        if self.starts_silently:
            start_us = self.first_fact_us
            expected_wh = stop_wh - (stop_wh if self.first_wh is None else self.first_wh)
            flags.add(MISSING_START)
        ended_at = None if self.stop_us is None else rfc3339_ms(self.stop_us)
        return SessionTruth(
            station=station,
            proto=proto,
            evse=self.plan.evse,
            connector=1,
            transaction_id=self.transaction_id,
            id_token=self.plan.id_token,
            started_at=rfc3339_ms(self.start_us),
            ended_at=ended_at,
            meter_start_wh=self.start_wh,
            meter_stop_wh=self.stop_wh,
            wh=wh,
            stop_reason=self.stop_reason,
            misbehaviours=tuple(sorted(self.touched)),
            delivered=self.delivered,
            expected=ExpectedSession(
                state="ended" if self.ended else "open",
                started_at=None if start_us is None else rfc3339_ms(start_us),
                ended_at=ended_at,
                import_wh=expected_wh,
                flags=tuple(sorted(flags)),
                may_flags=tuple(sorted(may_flags)),
                seq_missing=tuple(self.seq_missing),
            ),
        )


class Evse:
    """An outlet with its meter; `advance` moves its time on."""

    def __init__(self, number: int, meter: Meter, rated_w: float) -> None:
        self.number = number
        self.meter = meter
        self.rated_w = rated_w
        self.session: Session | None = None
        self.charge: Charge | None = None
        self.visit: SessionPlan | None = None  # whose car is plugged in
        self._last_us: int | None = None

    def begin(self, at_us: int, plan: SessionPlan) -> None:
        """Power on for a car."""
        self.advance(at_us)
        self.charge = Charge(plan.car, self.rated_w)

    def end(self, at_us: int) -> None:
        """Power off."""
        self.advance(at_us)
        self.charge = None

    def advance(self, at_us: int) -> None:
        """Let the car charge until then."""
        if self._last_us is not None and self.charge is not None and at_us > self._last_us:
            self.meter.add(self.charge.advance((at_us - self._last_us) / SECOND))
        self._last_us = at_us if self._last_us is None else max(at_us, self._last_us)

    def rest(self, at_us: int) -> None:
        """Nothing was charged since the last moment: the power was off."""
        self._last_us = at_us if self._last_us is None else max(at_us, self._last_us)

    def snapshot(self, at_us: int, stamped_us: int, context: str, *, with_energy: bool = True) -> Snapshot:
        """What the meter says at a moment; `stamped_us` is that moment on the station's own clock."""
        self.advance(at_us)
        charge = self.charge
        phases = 0 if self._is_dc else 3 if charge is None else charge.car.phases
        power_w = 0.0 if charge is None else charge.power_w
        return Snapshot(
            at_us=stamped_us,
            context=context,
            energy_wh=self.meter.register_wh if with_energy else None,
            power_w=power_w,
            phases=phases,
            soc_pct=charge.soc * 100 if charge is not None and self._is_dc else None,
        )

    @property
    def _is_dc(self) -> bool:
        return self.rated_w > 50_000
