"""The fleet as the live page shows it: a model in memory, fed with records, asked for what changed. Pure.

The greatest (log, revision) of each key stands, so records may come again. What is shown of a station is one view; a
delta holds whole views of the stations that changed, so a browser may get one twice.
"""

from collections.abc import Iterable

import msgspec

from contracts.events import Alarm, ConnectorState, ConnectorStatus, Sample, Session, StationStatus

Event = Sample | ConnectorStatus | StationStatus | Session | Alarm
Version = tuple[int, int]  # (log, revision)

SHOWN_ALARMS = 100
_KEPT_ALARMS = 1000
# In these states a power that was read still holds; in the others nothing flows.
_DELIVERING = frozenset[ConnectorState]({"occupied", "charging", "suspended_ev", "suspended_evse", "unknown"})
SEVERITIES = ("critical", "major", "minor", "warning", "info")
_PHASES = ("power_import_l1_w", "power_import_l2_w", "power_import_l3_w")


class Running(msgspec.Struct, frozen=True):
    """The open session of an evse. `energy_wh` is what it has delivered so far."""

    started_at: str | None
    energy_wh: float
    soc_pct: float | None


class ConnectorView(msgspec.Struct, frozen=True):
    evse: int
    connector: int
    state: ConnectorState
    since: str | None
    error: str | None


class EvseView(msgspec.Struct, frozen=True):
    """`power_w` is null while the station is offline: nobody knows."""

    evse: int
    power_w: float | None
    running: Running | None
    connectors: list[ConnectorView]


class StationView(msgspec.Struct, frozen=True):
    """One row of the page. `online` is null where no status of the station itself was seen yet."""

    id: str
    tenant: str
    site: str
    online: bool | None
    since: str | None
    proto: str | None
    model: str | None
    evses: list[EvseView]
    power_w: float | None
    energy_wh: float
    alarms: int
    severity: str | None


class AlarmView(msgspec.Struct, frozen=True):
    id: str
    open: bool
    severity: str
    title: str
    detail: str | None
    station: str
    evse: int | None
    raised_at: str
    cleared_at: str | None
    expired: bool


class Totals(msgspec.Struct, frozen=True):
    """`charging` counts evses, `faulted` connectors, `running` open sessions."""

    stations: int
    online: int
    charging: int
    faulted: int
    running: int
    power_w: float
    energy_wh: float
    alarms: dict[str, int]


class _Station:
    """What is known of one station."""

    __slots__ = ("alarms", "connectors", "id", "powers", "seen", "sessions", "site", "status", "tenant")

    def __init__(self, station: str) -> None:
        self.id, self.tenant, self.site = station, "", ""
        self.seen: Version = (0, -1)
        self.status: StationStatus | None = None
        self.connectors: dict[tuple[int, int], ConnectorStatus] = {}
        self.sessions: dict[str, Session] = {}  # open ones
        self.powers: dict[int, tuple[Version, float]] = {}
        self.alarms: dict[str, str] = {}  # open ones: alarm_id -> severity


class Fleet:
    """All stations and alarms of the topics that were read."""

    def __init__(self) -> None:
        self._stations: dict[str, _Station] = {}
        self._alarms: dict[str, Alarm] = {}
        self._changed: dict[str, None] = {}
        self._alarms_changed = False
        self._views: dict[str, StationView] = {}

    def apply(self, event: Event) -> None:
        """Take one record; an older version than is known changes nothing."""
        version = (event.log, event.revision)
        if isinstance(event, Alarm):
            self._alarm(event, version)
            return
        station = self._station(event.station)
        match event:
            case Sample():
                changed = self._sample(station, event, version)
            case StationStatus():
                changed = station.status is None or _version(station.status) <= version
                station.status = event if changed else station.status
            case ConnectorStatus():
                changed = self._connector(station, event, version)
            case Session():
                changed = self._session(station, event, version)
        if changed:
            if version >= station.seen:
                station.seen, station.tenant, station.site = version, event.tenant, event.site
            self._changed[station.id] = None

    # -- what the page asks for

    def take_changes(self) -> tuple[list[StationView], list[AlarmView] | None]:
        """The stations that changed since the last call, and the latest alarms where one of them changed."""
        stations = [self._view(self._stations[station]) for station in self._changed]
        self._views |= {view.id: view for view in stations}
        alarms = self.alarms() if self._alarms_changed else None
        self._changed, self._alarms_changed = {}, False
        return stations, alarms

    def stations(self) -> list[StationView]:
        """All stations, as of the last `take_changes`."""
        return list(self._views.values())

    def alarms(self) -> list[AlarmView]:
        """The latest alarms: open ones first, each kind the newest first."""
        latest = sorted(self._alarms.values(), key=lambda alarm: (_is_open(alarm), alarm.raised_at), reverse=True)
        return [_alarm_view(alarm) for alarm in latest[:SHOWN_ALARMS]]

    def totals(self) -> Totals:
        """Of the stations as of the last `take_changes`."""
        views = self._views.values()
        evses = [evse for view in views for evse in view.evses]
        alarms = dict.fromkeys(SEVERITIES, 0)
        for alarm in self._alarms.values():
            if _is_open(alarm):
                alarms[alarm.severity] += 1
        return Totals(
            stations=len(views),
            online=sum(view.online is True for view in views),
            charging=sum(any(each.state == "charging" for each in evse.connectors) for evse in evses),
            faulted=sum(each.state == "faulted" for evse in evses for each in evse.connectors),
            running=sum(evse.running is not None for evse in evses),
            power_w=sum(view.power_w or 0.0 for view in views),
            energy_wh=sum(view.energy_wh for view in views),
            alarms=alarms,
        )

    # -- records

    def _station(self, station: str) -> _Station:
        found = self._stations.get(station)
        if found is None:
            found = self._stations[station] = _Station(station)
        return found

    def _sample(self, station: _Station, sample: Sample, version: Version) -> bool:
        power_w = sample.values.get("power_import_w")
        if power_w is None:
            phases = [sample.values[name] for name in _PHASES if name in sample.values]
            power_w = sum(phases) if phases else None
        known = station.powers.get(sample.evse)
        if power_w is None or (known is not None and known[0] > version):
            return False
        station.powers[sample.evse] = version, power_w
        return True

    def _connector(self, station: _Station, status: ConnectorStatus, version: Version) -> bool:
        place = status.evse, status.connector
        known = station.connectors.get(place)
        if known is not None and _version(known) > version:
            return False
        station.connectors[place] = status
        power = station.powers.get(status.evse)
        if power is None or power[0] <= version:
            station.powers[status.evse] = version, status.power_w or 0.0
        return True

    def _session(self, station: _Station, session: Session, version: Version) -> bool:
        known = station.sessions.get(session.session_id)
        if known is not None and _version(known) > version:
            return False
        if session.state == "open":
            station.sessions[session.session_id] = session
            return True
        return station.sessions.pop(session.session_id, None) is not None

    def _alarm(self, alarm: Alarm, version: Version) -> None:
        known = self._alarms.get(alarm.alarm_id)
        if known is not None and _version(known) > version:
            return
        self._alarms[alarm.alarm_id] = alarm
        self._alarms_changed = True
        if len(self._alarms) > 2 * _KEPT_ALARMS:
            self._forget_alarms()
        if alarm.scope in ("node", "site"):
            return
        station = self._station(alarm.station)
        station.tenant, station.site = station.tenant or alarm.tenant, station.site or alarm.site
        if _is_open(alarm):
            station.alarms[alarm.alarm_id] = alarm.severity
        else:
            station.alarms.pop(alarm.alarm_id, None)
        self._changed[station.id] = None

    def _forget_alarms(self) -> None:
        """Drop the oldest of those that are over."""
        over = sorted((alarm for alarm in self._alarms.values() if not _is_open(alarm)), key=lambda one: one.raised_at)
        for alarm in over[:_KEPT_ALARMS]:
            del self._alarms[alarm.alarm_id]

    # -- views

    def _view(self, station: _Station) -> StationView:
        status, online = station.status, None
        if status is not None:
            online = status.online
        numbers = {evse for evse, _ in station.connectors} | {one.evse for one in station.sessions.values()}
        evses = [_evse_view(station, evse, known=online is not False) for evse in sorted(numbers)]
        boot = status.boot if status else None
        return StationView(
            id=station.id,
            tenant=station.tenant,
            site=station.site,
            online=online,
            since=None if status is None else status.connected_at if online else status.disconnected_at,
            proto=status.proto if status else None,
            model=" ".join(part for part in (boot.vendor, boot.model) if part) or None if boot else None,
            evses=evses,
            power_w=sum(evse.power_w or 0.0 for evse in evses) if online is not False else None,
            energy_wh=sum(evse.running.energy_wh for evse in evses if evse.running),
            alarms=len(station.alarms),
            severity=worst(station.alarms.values()),
        )


def _evse_view(station: _Station, evse: int, *, known: bool) -> EvseView:
    statuses = [status for place, status in sorted(station.connectors.items()) if place[0] == evse]
    flows = not statuses or any(status.state in _DELIVERING for status in statuses)
    power_w = station.powers.get(evse, ((0, 0), 0.0))[1] if flows else 0.0
    sessions = [session for session in station.sessions.values() if session.evse == evse]
    newest = max(sessions, key=_version, default=None)
    running = None if newest is None else Running(newest.started_at, newest.import_wh or 0.0, newest.soc_to_pct)
    connectors = [
        ConnectorView(evse, status.connector, status.state, status.since, _error(status)) for status in statuses
    ]
    return EvseView(evse, power_w if known else None, running, connectors)


def _error(status: ConnectorStatus) -> str | None:
    """What a faulted connector says of it."""
    if status.state != "faulted":
        return None
    words = (status.error_code, status.vendor_error_code, status.info)
    return " · ".join(word for word in words if word and word != "NoError") or None


def _alarm_view(alarm: Alarm) -> AlarmView:
    return AlarmView(
        id=alarm.alarm_id,
        open=_is_open(alarm),
        severity=alarm.severity,
        title=alarm.title,
        detail=alarm.detail,
        station=alarm.station,
        evse=alarm.evse,
        raised_at=alarm.raised_at,
        cleared_at=alarm.cleared_at,
        expired=alarm.state == "expired",
    )


def worst(severities: Iterable[str]) -> str | None:
    """The gravest of them."""
    found = set(severities)
    return next((severity for severity in SEVERITIES if severity in found), None)


def _is_open(alarm: Alarm) -> bool:
    return alarm.state in ("raised", "updated")


def _version(event: Event) -> Version:
    return event.log, event.revision
