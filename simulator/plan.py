"""What a fleet is going to do, as data: stations, sessions, faults, outages. Times in microseconds."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from contracts.versions import Version
from simulator.battery import Car
from simulator.faults import Fault
from simulator.readings import Style

Aligned = Literal["none", "transaction", "always"]
IdStyle = Literal["uuid", "counter", "digits", "colon"]
TimeStyle = Literal["ms", "s"]


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What a station is: it does not change during a run."""

    identity: str
    version: Version
    evses: int
    dc: bool
    rated_w: float
    reading_s: int
    aligned: Aligned  # clock-aligned readings: none, within transactions, or always and without naming one
    style: Style
    id_style: IdStyle
    time_style: TimeStyle
    skew_us: int
    meter_resets: bool
    lifetime_wh: tuple[int, ...]  # of each evse's meter, at the start
    misbehaviours: tuple[str, ...]
    stop_data: bool = False  # 1.6: StopTransaction carries the transaction's readings
    begins_plugged: bool = False  # 2.x: TxStartPoint is EVConnected, not Authorized
    evse_in_all_events: bool = False  # 2.x: not only in the first
    events_status: bool = False  # 2.1: connector status by NotifyEvent, not StatusNotification
    compresses: bool = False  # offers permessage-deflate


class PlanSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What a plan depends on. `mix`: weight by version; readings every so many seconds, from a range."""

    stations: int
    seed: int
    mix: Mapping[Version, float]
    readings_s: tuple[int, int]
    misbehaviours: frozenset[str]
    faults: bool = True
    id_prefix: str = "CP"
    """What identities begin with: CP0001, CP0002, ..."""
    join_us: int | None = None
    """From one station's joining to the next one's; None: all within two minutes, or a twentieth of a short run."""


class GapPlan(msgspec.Struct, frozen=True):
    """The station loses its network (or, `power`, everything) for so long."""

    at_us: int
    length_us: int
    power: bool = False
    resumes: bool = False  # after a power loss: sessions go on; else they end


class FaultPlan(msgspec.Struct, frozen=True):
    """A fault of an evse (0: the station) from here to there. `ends_session`: it is over with charging."""

    evse: int
    at_us: int
    until_us: int
    fault: Fault


class SessionPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One car's visit. `quirk` is the misbehaviour that touches it, if any."""

    evse: int
    plug_us: int
    start_us: int
    stop_us: int
    unplug_us: int
    id_token: str
    car: Car
    quirk: str | None = None
    gap: GapPlan | None = None
    fault: FaultPlan | None = None


class Happening(msgspec.Struct, frozen=True):
    """Something that a whole station does at a moment: a boot loop, an outage, a frame too large."""

    name: str
    at_us: int
    length_us: int = 0


class SecurityPlan(msgspec.Struct, frozen=True):
    at_us: int
    type: str


class StationPlan(msgspec.Struct, frozen=True, kw_only=True):
    """One station's part of the plan, for one block of time."""

    traits: Traits
    connect_us: int
    sessions: tuple[SessionPlan, ...]
    faults: tuple[FaultPlan, ...]
    happenings: tuple[Happening, ...]
    security: tuple[SecurityPlan, ...]
