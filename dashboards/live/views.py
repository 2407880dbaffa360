"""What the page shows: the data of its events, as plain JSON."""

import msgspec

from contracts.events import ConnectorState

SEVERITIES = ("critical", "major", "minor", "warning", "info")


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
    """`power_w` is null while the station is offline. `mean`: the meter tells no power, so it is from its register."""

    evse: int
    power_w: float | None
    mean: bool
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
