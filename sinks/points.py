"""Derived records as points of a time-series store: measurement, tags, fields, time in milliseconds.

| measurement | tags                                | time                                | one point is           |
|-------------|-------------------------------------|-------------------------------------|------------------------|
| `samples`   | tenant site station evse context    | `at`                                | readings of one time   |
| `status`    | tenant site station evse connector  | `since` (else `reported_at`)        | a state of a connector |
| `stations`  | tenant site station                 | `connected_at` or `disconnected_at` | a time on- or offline  |
| `sessions`  | tenant site station evse            | `point_at`                          | a session              |
| `energy`    | tenant site station evse meter      | `start`                             | 15 minutes of a meter  |
| `alarms`    | tenant site station evse rule cause | `raised_at`                         | an alarm's episode     |

Tags never change within a key, so a revision and a replay overwrite what they revise; `connector` is a tag only of
`status`, whose key it is part of. `cause` is 8 hex digits of the alarm key's SHA-256. Measurands and quantities are
floats; counts and times (milliseconds since 1970) are integers. All fields of a revised record are always written,
since a store keeps the fields of a point that a later write leaves out: not known is 0, "" or false. `superseded` is
true in a session's former points and in void sessions; all their other numbers are 0.

What boards count is an integer, 1 or 0, whose name ends in `_n`: `online_n`, `charging_n`, `faulted_n`, `open_n`.
InfluxQL cannot add up booleans, and a sum of these over the newest point of each series is a number of stations or
alarms. A connector counts as charging or faulted only while its station is online (not `stale`).

`power_now_w` in `samples` is what flows through an evse from a point on until its next one: a power that was read, and
0 from a transaction's last reading and from a state in which nothing flows. So its newest value is the power now.
"""

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from hashlib import sha256

from contracts.errors import RecordError
from contracts.events import (
    DELIVERING,
    Alarm,
    ConnectorStatus,
    Derived,
    EnergyInterval,
    Sample,
    Session,
    StationStatus,
    Superseded,
)
from sinks.point import Point, Tags, Value
from sinks.records import Record

CONTEXTS = frozenset(
    (
        "Interruption.Begin", "Interruption.End", "Other", "Sample.Clock", "Sample.Periodic",
        "Transaction.Begin", "Transaction.End", "Trigger",
    )
)  # fmt: skip
"""OCPP's reading contexts; a charger's own word is `Other` here, so that chargers cannot make series."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def points(record: Record) -> list[Point]:
    """The points of a record, none where it holds nothing to plot. RecordError where one of its times is none."""
    try:
        match record.event:
            case Sample() as event:
                return _sample(record, event)
            case ConnectorStatus() as event:
                return _connector(record, event)
            case StationStatus() as event:
                return [_station(record, event)]
            case Session() as event:
                return _session(record, event)
            case EnergyInterval() as event:
                return [_energy(record, event)]
            case Alarm() as event:
                return [_alarm(record, event)]
    except ValueError as error:
        raise RecordError(f"no point can be made of it: {error}") from None


# -- one function a measurement


def _sample(record: Record, event: Sample) -> list[Point]:
    if not event.values:  # nothing that has a flat name
        return []
    context = event.context if event.context in CONTEXTS else "Other"
    fields: dict[str, Value] = {**event.values}
    if (power_w := _power_from_here(event)) is not None:
        fields["power_now_w"] = power_w
    if event.connector is not None:
        fields["connector"] = event.connector
    if event.transaction_id is not None:
        fields["transaction_id"] = event.transaction_id
    tags = (("context", context), *_evse(event.evse), *_common(event))
    return [Point("samples", tags, fields, ms(event.at), record)]


def _power_from_here(event: Sample) -> float | None:
    """What flows from this reading on: what was read; nothing after the last reading of a transaction."""
    return 0.0 if event.context == "Transaction.End" else event.values.get("power_import_w")


def _connector(record: Record, event: ConnectorStatus) -> list[Point]:
    """The state; and where nothing flows in it, that, among the readings of its evse."""
    when, tags = _when(event.since, event.reported_at, record.derived_at), (*_evse(event.evse), *_common(event))
    found = [Point("status", (("connector", str(event.connector)), *tags), _connector_fields(event), when, record)]
    if event.state not in DELIVERING and event.evse:
        found.append(Point("samples", (("context", "Other"), *tags), {"power_now_w": 0.0}, when, record))
    return found


def _connector_fields(event: ConnectorStatus) -> dict[str, Value]:
    return {
        "state": event.state,
        "stale": event.stale,
        "charging_n": int(event.state == "charging" and not event.stale),
        "faulted_n": int(event.state == "faulted" and not event.stale),
        "power_w": event.power_w or 0.0,
        "status_raw": event.status_raw or "",
        "charging_state_raw": event.charging_state_raw or "",
        "error_code": event.error_code or "",
        "vendor_id": event.vendor_id or "",
        "vendor_error_code": event.vendor_error_code or "",
        "info": event.info or "",
        "session_id": event.session_id or "",
        "reported_at": _ms_or_0(event.reported_at),
        "revision": event.revision,
    }


def _station(record: Record, event: StationStatus) -> Point:
    boot = event.boot
    fields: dict[str, Value] = {
        "online": event.online,
        "online_n": int(event.online),
        "state": event.state or "",
        "status_raw": event.status_raw or "",
        "error_code": event.error_code or "",
        "node": event.node or "",
        "conn": event.conn or "",
        "proto": event.proto or "",
        "security_profile": event.security_profile or 0,
        "connected_at": _ms_or_0(event.connected_at),
        "disconnected_at": _ms_or_0(event.disconnected_at),
        "close_code": event.close_code or 0,
        "last_frame_at": _ms_or_0(event.last_frame_at),
        "registration": event.registration or "",
        "heartbeat_s": event.heartbeat_s or 0,
        "clock_offset_s": event.clock_offset_s or 0.0,
        "boot_at": _ms_or_0(boot.at if boot else None),
        "boot_reason": (boot and boot.reason) or "",
        "vendor": (boot and boot.vendor) or "",
        "model": (boot and boot.model) or "",
        "serial": (boot and boot.serial) or "",
        "firmware": (boot and boot.firmware) or "",
        "availability": event.availability or "",
        "lifecycle": event.lifecycle or "",
        "revision": event.revision,
    }
    began = event.connected_at if event.online else event.disconnected_at
    return Point("stations", _common(event), fields, _when(began, record.derived_at), record)


def _session(record: Record, event: Session) -> list[Point]:
    """The session at its point, and each of its former points as superseded."""
    found = [_former(record, event, former) for former in event.supersedes]
    if event.state == "void":
        if event.point_at is not None:
            found.append(_former(record, event, Superseded(event.point_at, event.evse)))
        return found
    fields = {**_session_fields(event), "superseded": False}
    tags = (*_evse(event.evse), *_common(event))
    return [*found, Point("sessions", tags, fields, _when(event.point_at), record)]


def _former(record: Record, event: Session, former: Superseded) -> Point:
    fields: dict[str, Value] = {name: type(value)() for name, value in _session_fields(event).items()}
    fields |= {"session_id": event.session_id, "state": "superseded", "superseded": True, "revision": event.revision}
    tags = (*_evse(former.evse), *_common(event))
    return Point("sessions", tags, fields, ms(former.point_at), record, superseded=True)


def _session_fields(event: Session) -> dict[str, Value]:
    token, auth, seq = event.token, event.auth, event.seq
    return {
        "session_id": event.session_id,
        "state": event.state,
        "final": event.final,
        "transaction_id": event.transaction_id,
        "proto": event.proto,
        "connector": event.connector or 0,
        "token_ref": (token and token.ref) or "",
        "token_type": (token and token.type) or "",
        "auth_method": (auth and auth.method) or "",
        "auth_status": (auth and auth.status) or "",
        "started_at": _ms_or_0(event.started_at),
        "ended_at": _ms_or_0(event.ended_at),
        "start_clock": event.start_clock or "",
        "end_clock": event.end_clock or "",
        "plugged_at": _ms_or_0(event.plugged_at),
        "unplugged_at": _ms_or_0(event.unplugged_at),
        "energy_from": _ms_or_0(event.energy_from),
        "energy_to": _ms_or_0(event.energy_to),
        "duration_s": event.duration_s or 0.0,
        "charging_s": event.charging_s or 0.0,
        "suspended_ev_s": event.suspended_ev_s or 0.0,
        "suspended_evse_s": event.suspended_evse_s or 0.0,
        "idle_s": event.idle_s or 0.0,
        "import_wh": event.import_wh or 0.0,
        "export_wh": event.export_wh or 0.0,
        "method": event.method,
        "meter_start_wh": event.meter_start_wh or 0.0,
        "meter_stop_wh": event.meter_stop_wh or 0.0,
        "power_peak_w": event.power_peak_w or 0.0,
        "power_mean_w": event.power_mean_w or 0.0,
        "offered_max_w": event.offered_max_w or 0.0,
        "soc_from_pct": event.soc_from_pct or 0.0,
        "soc_to_pct": event.soc_to_pct or 0.0,
        "phases": event.phases or 0,
        "stop_reason": event.stop_reason or "",
        "result": event.result or "",
        "error_codes": ",".join(event.error_codes),
        "readings": event.readings,
        "missing_messages": len(seq.missing) if seq else 0,
        "signed_readings": len(event.signed),
        "offline": event.offline,
        "flags": ",".join(event.flags),
        "revision": event.revision,
    }


def _energy(record: Record, event: EnergyInterval) -> Point:
    fields: dict[str, Value] = {
        "import_wh": event.import_wh,
        "export_wh": event.export_wh,
        "measured_wh": event.measured_wh,
        "interpolated_wh": event.interpolated_wh,
        "register_start_wh": event.register_start_wh or 0.0,
        "register_end_wh": event.register_end_wh or 0.0,
        "power_max_w": event.power_max_w or 0.0,
        "power_mean_w": event.power_mean_w or 0.0,
        "coverage_s": event.coverage_s,
        "interval_s": event.interval_s,
        "readings": event.readings,
        "sessions": len(event.session_ids),
        "method": event.method,
        "flags": ",".join(event.flags),
        "final": event.final,
        "revision": event.revision,
    }
    tags = (*_evse(event.evse), ("meter", event.meter), *_common(event))
    return Point("energy", tags, fields, ms(event.start), record)


def _alarm(record: Record, event: Alarm) -> Point:
    code, affected = event.code, event.affected
    fields: dict[str, Value] = {
        "alarm_id": event.alarm_id,
        "alarm_key": event.alarm_key,
        "state": event.state,
        "open": event.state in ("raised", "updated"),
        "open_n": int(event.state in ("raised", "updated")),
        "severity": event.severity,
        "kind": event.kind,
        "scope": event.scope,
        "title": event.title,
        "detail": event.detail or "",
        "connector": event.connector or 0,
        "session_id": event.session_id or "",
        "component": event.component or "",
        "variable": event.variable or "",
        "code_ocpp": (code and code.ocpp) or "",
        "code_vendor": (code and code.vendor) or "",
        "code_unified": (code and code.unified) or "",
        "detected_at": ms(event.detected_at),
        "updated_at": ms(event.updated_at),
        "cleared_at": _ms_or_0(event.cleared_at),
        "clear_reason": event.clear_reason or "",
        "last_seen_at": _ms_or_0(event.last_seen_at),
        "count": event.count,
        "value": event.value or 0.0,
        "threshold": event.threshold or 0.0,
        "unit": event.unit or "",
        "affected": affected.count if affected else 0,
        "parent_alarm_id": event.parent_alarm_id or "",
        "suppressed": event.suppressed is not None,
        "observer": event.observer,
        "runbook": event.runbook or "",
        "revision": event.revision,
    }
    # Only where the evse is part of what the alarm is about is it surely the same in every version of it.
    evse = event.evse if event.scope in ("evse", "connector") else 0
    tags = (("cause", cause(event.alarm_key)), *_evse(evse or 0), ("rule", event.rule), *_common(event))
    return Point("alarms", tags, fields, ms(event.raised_at), record)


# -- small things


def _common(event: Derived) -> Tags:
    return ("site", event.site), ("station", event.station), ("tenant", event.tenant)


def _evse(evse: int) -> Tags:
    return (("evse", str(evse)),)


@lru_cache(maxsize=10_000)
def cause(alarm_key: str) -> str:
    """The tag that tells one alarm from another of the same rule and place: 8 hex digits."""
    return sha256(alarm_key.encode()).hexdigest()[:8]


def ms(text: str) -> int:
    """Milliseconds since 1970 of one of our own texts (cut). ValueError where it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a time without a zone: {text!r}")
    return (moment - _EPOCH) // _MILLISECOND


def _ms_or_0(text: str | None) -> int:
    return 0 if text is None else ms(text)


def _when(*texts: str | None) -> int:
    """The first time that is there; the last one is when the record was derived."""
    for text in texts:
        if text is not None:
            return ms(text)
    raise ValueError("no time in it")
