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
    """`stale`: the station is offline, so `state` is the last that was heard, not the present one."""

    evse: int
    connector: int
    state: ConnectorState
    stale: bool
    since: str | None
    error: str | None

    def is_now(self, state: ConnectorState) -> bool:
        return self.state == state and not self.stale


class EvseView(msgspec.Struct, frozen=True):
    """`power_w` is null while the station is offline. `mean`: the meter tells no power, so it is from its register."""

    evse: int
    power_w: float | None
    mean: bool
    running: Running | None
    connectors: list[ConnectorView]


class StationView(msgspec.Struct, frozen=True):
    """One row of the page. `online` is null where no status of the station itself was seen yet.

    `alarms` counts the open ones of each severity that has any, the worst first.
    """

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
    alarms: dict[str, int]


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


class AlarmPage(msgspec.Struct, frozen=True):
    """Page `number` of `pages`; `first` says which of the `total` alarms it begins with, from 1."""

    number: int
    pages: int
    first: int
    total: int
    alarms: list[AlarmView]


class Totals(msgspec.Struct, frozen=True):
    """`charging` counts evses, `faulted` connectors (both of stations not offline), `running` open sessions.

    `alarms` counts the open ones by severity.
    """

    stations: int
    online: int
    charging: int
    faulted: int
    running: int
    power_w: float
    energy_wh: float
    alarms: dict[str, int]
