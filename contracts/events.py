"""The derived records: one Struct for each, as RFC 8259 JSON on its topic.

Times are RFC 3339 UTC with three decimals; energy Wh, power W, current A, voltage V, temperatures degC, shares %,
durations s. An absent field is not known. (log, revision) orders the versions of one key: `log` is the epoch of the
topics (`KAFKA_LOG_EPOCH`), `revision` the offset of the last message that changed the record.
"""

from typing import Literal

import msgspec

VERSION = 1

Flags = tuple[str, ...]  # sorted, distinct codes of contracts.flags and contracts.quirks


class Source(msgspec.Struct, frozen=True):
    """Where on `messages` the last change came from."""

    partition: int
    offset: int


class Derived(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What every derived record carries. `station` is tenant/identity."""

    v: int
    tenant: str
    station: str
    site: str
    log: int
    revision: int
    source: Source


# -- samples


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """One value in SI units. `phase` and `location` as OCPP spells them; absent phase: the total."""

    measurand: str
    value: float
    unit: str
    phase: str | None = None
    location: str | None = None


class Sample(Derived, frozen=True, kw_only=True, omit_defaults=True):
    """The readings of one message, evse, time and context (`samples`). Identity: (station, log, revision, part).

    `values` holds the flat names that sinks use as fields: energy_import_wh, power_import_w, current_l1_a,
    voltage_l1_v, soc_pct, ...
    """

    part: int
    evse: int
    connector: int | None = None
    at: str
    context: str
    transaction_id: str | None = None
    readings: tuple[Reading, ...]
    values: dict[str, float]
    flags: Flags


# -- status

ConnectorState = Literal[
    "available",
    "preparing",
    "occupied",
    "charging",
    "suspended_ev",
    "suspended_evse",
    "finishing",
    "reserved",
    "unavailable",
    "faulted",
    "unknown",
]

# In these states a power that was read still holds; in the others nothing flows.
DELIVERING = frozenset[ConnectorState]({"occupied", "charging", "suspended_ev", "suspended_evse", "unknown"})


class ConnectorStatus(Derived, frozen=True, kw_only=True, omit_defaults=True):
    """The latest state of a connector (`status`, key station/evse/connector)."""

    evse: int
    connector: int
    state: ConnectorState
    status_raw: str | None = None
    charging_state_raw: str | None = None
    source_action: str | None = None
    error_code: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None
    info: str | None = None
    since: str | None = None
    reported_at: str | None = None
    session_id: str | None = None
    power_w: float | None = None
    stale: bool


class Boot(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the last BootNotification said."""

    at: str
    reason: str | None = None
    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None
    iccid: str | None = None
    imsi: str | None = None


class StationStatus(Derived, frozen=True, kw_only=True, omit_defaults=True):
    """The station's own connectivity and state (`status`, key station/0/0). `time_zone` is its site's, an IANA name."""

    evse: Literal[0] = msgspec.field(default=0)
    connector: Literal[0] = msgspec.field(default=0)
    online: bool
    time_zone: str | None = None
    state: ConnectorState | None = None
    status_raw: str | None = None
    error_code: str | None = None
    node: str | None = None
    conn: str | None = None
    proto: str | None = None
    security_profile: int | None = None
    connected_at: str | None = None
    disconnected_at: str | None = None
    close_code: int | None = None
    last_frame_at: str | None = None
    registration: str | None = None
    heartbeat_s: int | None = None
    clock_offset_s: float | None = None
    boot: Boot | None = None
    availability: str | None = None
    lifecycle: str | None = None


_STATION_KEY = b"/0/0"  # of a station's own status: station/evse/connector
_connector_decoder = msgspec.json.Decoder(ConnectorStatus)
_station_decoder = msgspec.json.Decoder(StationStatus)


def decode_status(key: bytes | None, value: bytes) -> ConnectorStatus | StationStatus:
    """A record of `status`, which holds two kinds: its key tells them apart. Raises what msgspec does."""
    if key is not None and key.endswith(_STATION_KEY):
        return _station_decoder.decode(value)
    return _connector_decoder.decode(value)


# -- sessions


class Token(msgspec.Struct, frozen=True, omit_defaults=True):
    """The id token a session began with; `ref` as the edge publishes it (plain, HMAC or absent)."""

    ref: str | None = None
    type: str | None = None
    group_ref: str | None = None


class Authorization(msgspec.Struct, frozen=True, omit_defaults=True):
    method: str | None = None
    status: str | None = None
    remote_start_id: int | None = None
    reservation_id: int | None = None


class Sequence(msgspec.Struct, frozen=True, omit_defaults=True):
    """The seqNo of a 2.x transaction's events: least, greatest, and what is missing between."""

    first: int
    last: int
    missing: tuple[int, ...] = ()


class Signed(msgspec.Struct, frozen=True, omit_defaults=True):
    """Signed meter data, verbatim."""

    at: str
    context: str
    data: str
    encoding: str | None = None
    method: str | None = None
    public_key: str | None = None
    carrier: str | None = None


class Superseded(msgspec.Struct, frozen=True):
    """A former point of a session in a time-series store."""

    point_at: str
    evse: int


SessionState = Literal["open", "ended", "zombie", "void"]
EnergyMethod = Literal["register", "interval", "start-stop", "none"]


class Session(Derived, frozen=True, kw_only=True, omit_defaults=True):
    """One charging session, whole (`sessions`, key session_id). The greatest (log, revision) stands.

    `plugged_at` to `unplugged_at`: while the car was there; the latter is known after the end mostly, with one more
    revision. `energy_from` is the reading before the register rose first, `energy_to` the one of its last rise.

    `charging_s`, `suspended_ev_s`, `suspended_evse_s`: seconds in these states; `idle_s`: occupied, but in none of them
    (1.6 Preparing, Occupied, Finishing; 2.x EVConnected, Idle). All four or none; together never more than
    `duration_s`, and less while the state was not known or another. An open session's are up to what was heard last.

    `phases`: through how many something flowed; absent where no phase was read. `error_codes`: the faults of its evse
    while it lasted, in the order of their first sight: an errorCode of 1.6, else what the alarm's cause is.
    """

    session_id: str
    state: SessionState
    superseded_by: str | None = None
    final: bool
    transaction_id: str
    proto: str
    evse: int
    connector: int | None = None
    token: Token | None = None
    stopped_by_ref: str | None = None
    auth: Authorization | None = None
    started_at: str | None = None
    ended_at: str | None = None
    start_clock: Literal["station", "edge"] | None = None
    end_clock: Literal["station", "edge"] | None = None
    plugged_at: str | None = None
    energy_from: str | None = None
    energy_to: str | None = None
    unplugged_at: str | None = None
    duration_s: float | None = None
    charging_s: float | None = None
    suspended_ev_s: float | None = None
    suspended_evse_s: float | None = None
    idle_s: float | None = None
    import_wh: float | None = None
    export_wh: float | None = None
    method: EnergyMethod
    meter_start_wh: float | None = None
    meter_stop_wh: float | None = None
    power_peak_w: float | None = None
    power_mean_w: float | None = None
    offered_max_w: float | None = None
    soc_from_pct: float | None = None
    soc_to_pct: float | None = None
    phases: int | None = None
    stop_reason: str | None = None
    result: Literal["ok", "no-energy", "never-started", "deauthorised", "fault"] | None = None
    error_codes: tuple[str, ...] = ()
    readings: int
    first_reading_at: str | None = None
    last_reading_at: str | None = None
    seq: Sequence | None = None
    offline: bool
    signed: tuple[Signed, ...] = ()
    point_at: str | None = None
    supersedes: tuple[Superseded, ...] = ()
    flags: Flags


# -- energy


class EnergyInterval(Derived, frozen=True, kw_only=True, omit_defaults=True):
    """The energy of one evse and meter in 15 minutes (`energy`, key station/evse/meter/start).

    import_wh = measured_wh + interpolated_wh. `coverage_s`: seconds of the interval that lie between two readings.
    """

    evse: int
    meter: Literal["evse", "main"]
    start: str
    interval_s: int
    import_wh: float
    export_wh: float
    measured_wh: float
    interpolated_wh: float
    register_start_wh: float | None = None
    register_end_wh: float | None = None
    method: EnergyMethod
    coverage_s: float
    readings: int
    power_max_w: float | None = None
    power_mean_w: float | None = None
    session_ids: tuple[str, ...] = ()
    flags: Flags
    final: bool


# -- alarms

Severity = Literal["critical", "major", "minor", "warning", "info"]
AlarmState = Literal["raised", "updated", "cleared", "expired"]


class AlarmCode(msgspec.Struct, frozen=True, omit_defaults=True):
    """The fault as OCPP, the vendor and the unified error codes name it."""

    ocpp: str | None = None
    vendor: str | None = None
    unified: str | None = None


class Affected(msgspec.Struct, frozen=True):
    """How many stations a node's or site's alarm touches, and some of them."""

    count: int
    sample: tuple[str, ...] = ()


class Suppressed(msgspec.Struct, frozen=True, omit_defaults=True):
    reason: str
    until: str | None = None


class Alarm(Derived, frozen=True, kw_only=True, omit_defaults=True):
    """One episode of one alarm, whole (`alarms`, key alarm_id = alarm_key + "/" + raised_at).

    `alarm_key` is rule/object/cause and stable; it is what to deduplicate on. A condition clears by its rule, an
    occurrence expires. `station` of a node's alarm is its node name behind the tenant.
    """

    alarm_id: str
    alarm_key: str
    rule: str
    rule_version: int
    kind: Literal["condition", "occurrence"]
    severity: Severity
    state: AlarmState
    scope: Literal["node", "site", "station", "evse", "connector"]
    evse: int | None = None
    connector: int | None = None
    session_id: str | None = None
    component: str | None = None
    variable: str | None = None
    code: AlarmCode | None = None
    title: str
    detail: str | None = None
    raised_at: str
    detected_at: str
    updated_at: str
    cleared_at: str | None = None
    clear_reason: str | None = None
    count: int
    last_seen_at: str | None = None
    value: float | None = None
    threshold: float | None = None
    unit: str | None = None
    affected: Affected | None = None
    parent_alarm_id: str | None = None
    suppressed: Suppressed | None = None
    observer: Literal["log", "worker"]
    runbook: str | None = None


# -- dead letters


class DeadLetterSource(msgspec.Struct, frozen=True):
    """The record that could not be handled."""

    topic: str
    partition: int
    offset: int
    log: int


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What could not be handled (`dlq`): the bytes verbatim (base64), why, and where they came from."""

    v: int
    part: Literal["edge", "streams", "sink"]
    name: str
    code: str
    error: str
    source: DeadLetterSource | None = None
    key: str | None = None
    value: str | None = None
    line: str | None = None
    store: str | None = None
    conn: str | None = None
    seq: int | None = None


_encoder = msgspec.json.Encoder()


def encode(record: Derived | DeadLetter) -> bytes:
    """The record's JSON."""
    return _encoder.encode(record)
