"""One station of the live page: what its records say of it, and its row. Pure.

The greatest (log, revision) of each key stands, so records may come again.
"""

from collections import Counter

import msgspec

from contracts.events import DELIVERING, Alarm, ConnectorStatus, Sample, Session, StationStatus
from contracts.times import HOUR, from_rfc3339
from dashboards.live.alarms import is_open
from dashboards.live.views import SEVERITIES, ConnectorView, EvseView, Running, StationView

Event = Sample | ConnectorStatus | StationStatus | Session | Alarm
Version = tuple[int, int]  # (log, revision)

_REGISTER = "energy_import_wh"
_MEAN_WITHIN_US = HOUR  # readings further apart say nothing of the power now
_PHASES = ("power_import_l1_w", "power_import_l2_w", "power_import_l3_w")


class _Power(msgspec.Struct, frozen=True):
    version: Version
    power_w: float
    at_us: int
    """Of the reading, or of the last one before a status: what was read earlier is not the present power."""
    mean: bool = False


class Station:
    """What is known of one station."""

    __slots__ = ("alarms", "connectors", "id", "powers", "registers", "seen", "sessions", "site", "status", "tenant")

    def __init__(self, station: str) -> None:
        self.id, self.tenant, self.site = station, "", ""
        self.seen: Version = (0, -1)
        self.status: StationStatus | None = None
        self.connectors: dict[tuple[int, int], ConnectorStatus] = {}
        self.sessions: dict[str, Session] = {}  # open ones
        self.powers: dict[int, _Power] = {}
        self.registers: dict[int, tuple[int, float]] = {}  # by evse: when (microseconds), and what the meter showed
        self.alarms: dict[str, str] = {}  # open ones: alarm_id -> severity

    def apply(self, event: Sample | ConnectorStatus | StationStatus | Session) -> bool:
        """Take one record; whether it changed anything."""
        version = version_of(event)
        match event:
            case Sample():
                changed = self._sample(event, version)
            case StationStatus():
                changed = self.status is None or version_of(self.status) <= version
                self.status = event if changed else self.status
            case ConnectorStatus():
                changed = self._connector(event, version)
            case Session():
                changed = self._session(event, version)
        if changed and version >= self.seen:
            self.seen, self.tenant, self.site = version, event.tenant, event.site
        return changed

    def alarm(self, alarm: Alarm) -> None:
        """Take an alarm of it, the newest version."""
        self.tenant, self.site = self.tenant or alarm.tenant, self.site or alarm.site
        if is_open(alarm):
            self.alarms[alarm.alarm_id] = alarm.severity
        else:
            self.alarms.pop(alarm.alarm_id, None)

    def view(self) -> StationView:
        """Its row."""
        status, online = self.status, None
        if status is not None:
            online = status.online
        numbers = {evse for evse, _ in self.connectors} | {one.evse for one in self.sessions.values()}
        evses = [self._evse_view(evse, known=online is not False) for evse in sorted(numbers)]
        boot = status.boot if status else None
        return StationView(
            id=self.id,
            tenant=self.tenant,
            site=self.site,
            online=online,
            since=None if status is None else status.connected_at if online else status.disconnected_at,
            proto=status.proto if status else None,
            model=" ".join(part for part in (boot.vendor, boot.model) if part) or None if boot else None,
            evses=evses,
            power_w=sum(evse.power_w or 0.0 for evse in evses) if online is not False else None,
            energy_wh=sum(evse.running.energy_wh for evse in evses if evse.running),
            alarms=self._open_alarms(),
        )

    def _sample(self, sample: Sample, version: Version) -> bool:
        mean_w = self._mean_power_w(sample)
        power_w = sample.values.get("power_import_w")
        if power_w is None:
            phases = [sample.values[name] for name in _PHASES if name in sample.values]
            power_w = sum(phases) if phases else None
        known, at_us = self.powers.get(sample.evse), from_rfc3339(sample.at)
        if known is not None and (known.version > version or known.at_us > at_us):
            return False
        if power_w is not None:
            self.powers[sample.evse] = _Power(version, power_w, at_us)
        elif mean_w is not None and (known is None or known.mean or not known.power_w):
            self.powers[sample.evse] = _Power(version, mean_w, at_us, mean=True)
        else:
            return False
        return True

    def _connector(self, status: ConnectorStatus, version: Version) -> bool:
        place = status.evse, status.connector
        known = self.connectors.get(place)
        if known is not None and version_of(known) > version:
            return False
        self.connectors[place] = status
        power = self.powers.get(status.evse)
        # A mean power is ours, not the status's: it stands while power may flow.
        ours = power is not None and power.mean and status.power_w is None and status.state in DELIVERING
        if power is None or (power.version <= version and not ours):
            self.powers[status.evse] = _Power(version, status.power_w or 0.0, 0 if power is None else power.at_us)
        return True

    def _session(self, session: Session, version: Version) -> bool:
        known = self.sessions.get(session.session_id)
        if known is not None and version_of(known) > version:
            return False
        if session.state == "open":
            self.sessions[session.session_id] = session
            return True
        return self.sessions.pop(session.session_id, None) is not None

    def _mean_power_w(self, sample: Sample) -> float | None:
        """What flowed since the reading before, on average; and remember this one."""
        energy_wh = sample.values.get(_REGISTER)
        if energy_wh is None:
            return None
        at_us = from_rfc3339(sample.at)
        before_us, before_wh = self.registers.get(sample.evse, (at_us, energy_wh))
        if at_us >= before_us:
            self.registers[sample.evse] = at_us, energy_wh
        passed_us = at_us - before_us
        if not 0 < passed_us <= _MEAN_WITHIN_US or energy_wh < before_wh:
            return None
        return (energy_wh - before_wh) * HOUR / passed_us

    def _evse_view(self, evse: int, *, known: bool) -> EvseView:
        statuses = [status for place, status in sorted(self.connectors.items()) if place[0] == evse]
        flows = not statuses or any(status.state in DELIVERING for status in statuses)
        power = self.powers.get(evse) if flows else None
        power_w = power.power_w if power is not None else 0.0
        sessions = [session for session in self.sessions.values() if session.evse == evse]
        newest = max(sessions, key=version_of, default=None)
        running = None if newest is None else Running(newest.started_at, newest.import_wh or 0.0, newest.soc_to_pct)
        connectors = [
            ConnectorView(evse, one.connector, one.state, one.stale or not known, one.since, _error(one))
            for one in statuses
        ]
        return EvseView(evse, power_w if known else None, power is not None and power.mean, running, connectors)

    def _open_alarms(self) -> dict[str, int]:
        counts = Counter(self.alarms.values())
        return {severity: counts[severity] for severity in SEVERITIES if counts[severity]}


def _error(status: ConnectorStatus) -> str | None:
    """What a faulted connector says of it."""
    if status.state != "faulted":
        return None
    words = (status.error_code, status.vendor_error_code, status.info)
    return " · ".join(word for word in words if word and word != "NoError") or None


def version_of(event: Event) -> Version:
    return event.log, event.revision
