"""The model behind the live page: what it shows of a station, and what it says has changed."""

import itertools

import msgspec
import pytest

from contracts.events import Boot, SessionState
from dashboards.live.fleet import Fleet
from dashboards.live.station import Event
from dashboards.live.views import StationView
from derived import alarm, at, connector_status, sample, session, station_status


def fleet_of(*events: Event) -> Fleet:
    fleet = Fleet()
    for event in events:
        fleet.apply(event)
    return fleet


def view_of(*events: Event) -> StationView:
    (view,) = fleet_of(*events).take_changes()[0]
    return view


def test_a_station_with_its_connector_session_and_power() -> None:
    view = view_of(
        station_status("default/A", 1, 0, proto="ocpp1.6", boot=Boot(at(0), vendor="Acme", model="X1")),
        connector_status("default/A", 2, 10),
        session("default/A", 3, 10, import_wh=1500.0, soc_to_pct=40.0),
        sample("default/A", 4, 60, power_import_w=7200.0),
    )
    assert (view.id, view.site, view.online, view.since) == ("default/A", "depot 1", True, at(0))
    assert (view.proto, view.model) == ("ocpp1.6", "Acme X1")
    (evse,) = view.evses
    assert (evse.evse, evse.power_w) == (1, 7200.0)
    assert evse.running is not None
    assert (evse.running.started_at, evse.running.energy_wh, evse.running.soc_pct) == (at(10), 1500.0, 40.0)
    assert [(one.state, one.since, one.error) for one in evse.connectors] == [("charging", at(10), None)]
    assert (view.power_w, view.energy_wh, view.alarms) == (7200.0, 1500.0, {})


def test_older_versions_change_nothing_whenever_they_come() -> None:
    events: list[Event] = [
        connector_status("default/A", 2, 10, "preparing"),
        connector_status("default/A", 8, 20, "charging"),
        session("default/A", 3, 10, import_wh=1.0),
        session("default/A", 9, 10, import_wh=2.0),
        sample("default/A", 8, 60, power_import_w=5.0),
        sample("default/A", 9, 70, power_import_w=6.0),
    ]
    views = {msgspec.json.encode(view_of(*order)) for order in itertools.permutations(events)}
    assert len(views) == 1


def test_power_flows_only_where_it_can() -> None:
    base = (
        station_status("default/A", 1, 0),
        connector_status("default/A", 2, 10),
        sample("default/A", 3, 20, power_import_w=7.0),
    )
    assert view_of(*base).power_w == 7.0
    assert view_of(*base, connector_status("default/A", 4, 30, "available")).power_w == 0.0
    assert view_of(*base, connector_status("default/A", 4, 30, "suspended_ev", power_w=1.5)).power_w == 1.5
    gone = view_of(*base, station_status("default/A", 4, 30, online=False))
    assert (gone.online, gone.power_w, gone.evses[0].power_w) == (False, None, None)


def test_power_of_phases_is_added_up() -> None:
    phases = sample("default/A", 3, 20, power_import_l1_w=1.0, power_import_l2_w=2.0, power_import_l3_w=3.5)
    view = view_of(connector_status("default/A", 2, 10), phases)
    assert view.power_w == 6.5
    assert view_of(connector_status("default/A", 2, 10), sample("default/A", 3, 20, soc_pct=5.0)).power_w == 0.0


def test_a_buffered_reading_is_not_the_present_power() -> None:
    base = connector_status("default/A", 2, 10), sample("default/A", 3, 4000, power_import_w=100.0)
    late = sample("default/A", 5, 60, power_import_w=7000.0)
    assert view_of(*base, late).power_w == 100.0
    assert view_of(*base, connector_status("default/A", 4, 4005, power_w=100.0), late).power_w == 100.0
    assert view_of(*base, sample("default/A", 5, 4010, power_import_w=7000.0)).power_w == 7000.0


def test_a_meter_that_tells_no_power_shows_the_mean_between_two_readings() -> None:
    def reading(revision: int, seconds: float, energy_wh: float) -> Event:
        return sample("default/A", revision, seconds, energy_import_wh=energy_wh)

    charging = connector_status("default/A", 2, 10)
    (evse,) = view_of(charging, reading(3, 60, 1000.0)).evses
    assert (evse.power_w, evse.mean) == (0.0, False)
    (evse,) = view_of(charging, reading(3, 60, 1000.0), reading(4, 120, 1120.0)).evses
    assert (evse.power_w, evse.mean) == (7200.0, True)
    for late in (reading(4, 60, 5000.0), reading(4, 30, 900.0), reading(4, 90, 500.0), reading(4, 8000, 2000.0)):
        (evse,) = view_of(charging, reading(3, 60, 1000.0), late).evses
        assert (evse.power_w, evse.mean) == (0.0, False)
    over, again = connector_status("default/A", 5, 130, "available"), connector_status("default/A", 6, 140)
    (evse,) = view_of(charging, reading(3, 60, 1000.0), reading(4, 120, 1120.0), over, again).evses
    assert (evse.power_w, evse.mean) == (0.0, False)
    both = sample("default/A", 5, 180, energy_import_wh=1300.0, power_import_w=3000.0)
    (evse,) = view_of(charging, reading(3, 60, 1000.0), reading(4, 120, 1120.0), both).evses
    assert (evse.power_w, evse.mean) == (3000.0, False)
    (evse,) = view_of(charging, both, reading(6, 240, 1400.0)).evses
    assert (evse.power_w, evse.mean) == (3000.0, False)


@pytest.mark.parametrize("state", ["ended", "zombie", "void"])
def test_a_session_that_is_over_runs_no_more(state: SessionState) -> None:
    opened = session("default/A", 3, 10)
    fleet = fleet_of(opened)
    assert fleet.take_changes()[0][0].energy_wh == 1000.0
    fleet.apply(msgspec.structs.replace(opened, revision=5, state=state))
    (view,), _ = fleet.take_changes()
    assert (view.energy_wh, fleet.totals().running) == (0.0, 0)
    fleet.apply(msgspec.structs.replace(opened, revision=6, state=state))
    assert fleet.take_changes() == ([], None)


def test_a_faulted_connector_says_why() -> None:
    view = view_of(
        connector_status("default/A", 2, 10, "faulted", error_code="OtherError", info="C;420", vendor_error_code="E4")
    )
    assert view.evses[0].connectors[0].error == "OtherError · E4 · C;420"
    view = view_of(connector_status("default/A", 2, 10, "faulted", error_code="NoError"))
    assert view.evses[0].connectors[0].error is None


def test_only_what_changed_is_told_once() -> None:
    fleet = fleet_of(station_status("default/A", 1, 0), station_status("default/B", 1, 0), alarm("default/B", 2, 5))
    stations, alarms = fleet.take_changes()
    assert [view.id for view in stations] == ["default/A", "default/B"]
    assert alarms is not None
    assert fleet.take_changes() == ([], None)
    fleet.apply(sample("default/A", 5, 10, power_import_w=1.0))
    stations, alarms = fleet.take_changes()
    assert ([view.id for view in stations], alarms) == (["default/A"], None)
    assert {view.id for view in fleet.stations()} == {"default/A", "default/B"}


def test_each_severity_of_a_station_is_counted_as_itself() -> None:
    fleet = fleet_of(
        alarm("default/A", 1, 10, severity="major"),
        alarm("default/A", 2, 30, severity="minor"),
        alarm("default/A", 3, 40, severity="critical", state="updated"),
        alarm("default/A", 4, 50, severity="major"),
        alarm("default/B", 5, 50, state="cleared", cleared_at=at(60)),
        alarm("default/edge-1", 6, 70, scope="node", rule="node-lost"),
    )
    stations, _ = fleet.take_changes()
    assert [(view.id, list(view.alarms.items())) for view in stations] == [
        ("default/A", [("critical", 1), ("major", 2), ("minor", 1)]),
        ("default/B", []),
    ]
    assert fleet.totals().alarms == {"critical": 1, "major": 3, "minor": 1, "warning": 0, "info": 0}
    fleet.apply(alarm("default/A", 9, 40, severity="critical", state="cleared", cleared_at=at(90)))
    (view,), alarms = fleet.take_changes()
    assert view.alarms == {"major": 2, "minor": 1}
    assert alarms is not None
    assert [one.open for one in alarms.alarms] == [True, True, True, True, False, False]


@pytest.mark.parametrize("told_by", ["station", "connector"])
def test_what_an_offline_station_said_last_is_stale(told_by: str) -> None:
    gone: Event = station_status("default/A", 5, 60, online=False)
    if told_by == "connector":
        gone = msgspec.structs.replace(connector_status("default/A", 5, 10), stale=True)
    fleet = fleet_of(
        station_status("default/A", 1, 0),
        connector_status("default/A", 2, 10),
        msgspec.structs.replace(connector_status("default/A", 3, 10, "faulted"), evse=2),
    )
    (view,), _ = fleet.take_changes()
    assert [one.stale for evse in view.evses for one in evse.connectors] == [False, False]
    assert (fleet.totals().charging, fleet.totals().faulted) == (1, 1)
    fleet.apply(gone)
    (view,), _ = fleet.take_changes()
    (connector,) = view.evses[0].connectors
    assert (connector.state, connector.stale) == ("charging", True)
    assert fleet.totals().charging == 0
    assert fleet.totals().faulted == (0 if told_by == "station" else 1)


def test_the_totals_of_a_fleet() -> None:
    fleet = fleet_of(
        station_status("default/A", 1, 0), connector_status("default/A", 2, 0), session("default/A", 3, 0),
        sample("default/A", 4, 9, power_import_w=7000.0), station_status("default/B", 1, 0, online=False),
        connector_status("default/B", 2, 0, "faulted"),
        msgspec.structs.replace(connector_status("default/A", 3, 0, "faulted"), evse=2),
    )  # fmt: skip
    fleet.take_changes()
    totals = fleet.totals()
    assert (totals.stations, totals.online, totals.charging, totals.faulted, totals.running) == (2, 1, 1, 1, 1)
    assert (totals.power_w, totals.energy_wh) == (7000.0, 1000.0)
