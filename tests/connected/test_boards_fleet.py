"""The board Fleet on real InfluxDBs: what each panel says of a simulated fleet, against the fleet's truth."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from contracts.events import Alarm, Sample
from contracts.times import MINUTE, SECOND, from_rfc3339
from fleet_run import Asked, FleetRun, run_fleet
from parts.handles import Broker, Database
from simulator.faults import FATAL_2X, FATAL_16
from simulator.truth import CONNECTOR_FAULT, SessionTruth

FATAL = {fault.cause for fault in (*FATAL_16, *FATAL_2X)} | {"Faulted"}
Check = Callable[[FleetRun, Asked], None]
SENDING = 60 * SECOND
"""The clock's time, three real seconds, that a frame may take: what was that fresh may have been told or not."""


@pytest.mark.timeout(500)
def test_every_panel_says_what_the_fleet_did(
    kafka: Broker, influx: Database, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """One run of three minutes, into 1.8 and, where that part is there, 2.7; then a table: panel -> expectation."""
    stores = {"influx": influx}
    with contextlib.suppress(pytest.skip.Exception):
        stores["influx2"] = request.getfixturevalue("influx2")
    run = run_fleet(kafka, stores, tmp_path)
    for store in stores:
        for check in AT_WORK:
            check(run, run.amid[store])
        for check in GONE_HOME:
            check(run, run.after[store])


# -- the fleet at work


def up_and_offline(run: FleetRun, amid: Asked) -> None:
    shown = {row["station"] for row in amid.rows("Offline stations")}
    assert offline(run) <= shown <= offline(run, perhaps=True)
    assert shown
    assert amid.number("Offline") == len(shown)
    assert amid.number("Stations up") == len(run.truth.run.stations) - len(shown)


def faulted(run: FleetRun, amid: Asked) -> None:
    certain, possible = set[object](), set[object]()
    for alarm in run.truth.alarms:
        if alarm.rule != CONNECTOR_FAULT or alarm.alarm_key.rpartition("/")[2] not in FATAL:
            continue
        station = "/".join(alarm.alarm_key.split("/")[1:3])
        from_us = from_rfc3339(alarm.near)
        to_us = from_rfc3339(alarm.cleared_at) if alarm.cleared_at else amid.after_us
        if from_us <= run.paused_us and to_us > run.paused_us - SENDING:
            possible.add(station)
        if alarm.must and from_us <= run.paused_us - SENDING and to_us > run.paused_us:
            certain.add(station)
    shown = {row["station"] for row in amid.rows("Faulted connectors")}
    assert certain - offline(run, perhaps=True) <= shown <= possible - offline(run)
    assert shown
    assert amid.number("Faulted") == len(shown)


def charging(run: FleetRun, amid: Asked) -> None:
    """A station that counts has a session under way; one of 1.6 counts where its last frames say so."""
    counted = {station for station, number in amid.charging.items() if number}
    assert counted
    assert amid.number("Charging") == len(counted)
    assert counted <= {session.station for session in run.truth.sessions if is_open(session, run, perhaps=True)}
    states, away = states_16(run, amid), {row["station"] for row in amid.rows("Offline stations")}
    charging_16 = {station for (station, _), status in states.items() if status == "Charging"} - away
    assert counted & {station for station, _ in states} == charging_16
    assert charging_16


def power_flows_only_where_a_session_is_under_way(run: FleetRun, amid: Asked) -> None:
    """The newest power that was read in each session; evses without one deliver nothing."""
    readings = said(run, amid)
    least_w, most_w = (
        sum(
            newest_power_w(session, readings, amid)
            for session in run.truth.sessions
            if is_open(session, run, perhaps=perhaps)
        )
        for perhaps in (False, True)
    )
    shown_w = amid.number("Power now")
    assert shown_w
    assert least_w * 0.999999 <= shown_w <= most_w * 1.000001


def open_alarms(run: FleetRun, amid: Asked) -> None:
    def is_raised(alarm: Alarm, at_us: int) -> bool:
        over = alarm.cleared_at is not None and from_rfc3339(alarm.cleared_at) <= at_us
        return alarm.suppressed is None and from_rfc3339(alarm.raised_at) <= at_us and not over

    times = (run.paused_us, amid.before_us, amid.after_us)
    counts = [sum(is_raised(alarm, at_us) for alarm in run.alarms.values()) for at_us in times]
    number = amid.number("Open alarms")
    assert number
    assert min(counts) <= number <= max(counts)


def the_newest_data_is_as_old_as_its_reading(run: FleetRun, amid: Asked) -> None:
    (row,) = amid.rows("Newest data", "A")
    times = [from_rfc3339(sample.at) // 1000 for sample in said(run, amid) if "energy_import_wh" in sample.values]
    assert row["time"] == max(times)


def sites_are_the_same_numbers(_: FleetRun, amid: Asked) -> None:
    (states,), (connectors,), (power,) = (amid.rows("Sites", ref) for ref in "ABC")
    up, away = amid.number("Stations up"), amid.number("Offline")
    assert (states["site"], states["up"], states["offline"]) == ("default", up, away)
    assert (connectors["charging"], connectors["faulted"]) == (amid.number("Charging"), amid.number("Faulted"))
    assert power["power"] == amid.number("Power now")


def pipeline_health_of_the_same_run(run: FleetRun, amid: Asked) -> None:
    """As the sink itself tells it; the real seconds of a lag are as many as the machine is busy."""
    shown = {panel: number for panel, number in amid.pipeline.items() if not panel.endswith("lag")}
    assert shown == {
        "Sinks": 1,
        "Store": 1,
        "Dead letters": None,
        "Refused": 0,
        "Edges alive": 1,
        "Connections": len(run.truth.run.stations) - len(amid.rows("Offline stations")),
    }


# -- when the fleet has gone home


def at_the_end_nothing_is_up_or_charging(run: FleetRun, after: Asked) -> None:
    shown = {panel: after.number(panel) for panel in ("Stations up", "Offline", "Charging", "Faulted", "Power now")}
    everyone = len(run.truth.run.stations)
    assert shown == {"Stations up": 0, "Offline": everyone, "Charging": 0, "Faulted": 0, "Power now": 0}


def energy_today(run: FleetRun, after: Asked) -> None:
    assert after.number("Energy today") == pytest.approx(run.truth.end.energy_wh, abs=1)
    quarters = [float(str(row["power"])) / 4 for row in after.rows("Mean power")]
    assert sum(quarters) == pytest.approx(run.truth.end.energy_wh, abs=1)


def newest_alarms(run: FleetRun, after: Asked) -> None:
    shown = [(str(row["station"]), str(row["title"])) for row in after.rows("Newest alarms")]
    titles = {alarm.alarm_key: (alarm.station, alarm.title) for alarm in run.alarms.values()}
    assert {titles[alarm.alarm_key] for alarm in run.truth.alarms if alarm.must} <= set(shown)
    times = [int(str(row["time"])) for row in after.rows("Newest alarms")]
    assert times == sorted(times, reverse=True)
    exact = {from_rfc3339(alarm.raised_at) // 1000 for alarm in run.truth.alarms if alarm.must and alarm.raised_at}
    assert exact <= set(times)


AT_WORK: tuple[Check, ...] = (
    up_and_offline,
    faulted,
    charging,
    power_flows_only_where_a_session_is_under_way,
    open_alarms,
    the_newest_data_is_as_old_as_its_reading,
    sites_are_the_same_numbers,
    pipeline_health_of_the_same_run,
)
GONE_HOME: tuple[Check, ...] = (at_the_end_nothing_is_up_or_charging, energy_today, newest_alarms)


# -- what was true when the simulator stood still


def offline(run: FleetRun, *, perhaps: bool = False) -> set[object]:
    """The stations without a connection; `perhaps`: those too that were about to get one."""
    soon_us = run.resumed_us + (0 if perhaps else SENDING)
    return {
        gap.station
        for gap in run.truth.gaps
        if from_rfc3339(gap.from_at) <= run.paused_us < from_rfc3339(gap.to_at) and from_rfc3339(gap.to_at) > soon_us
    }


def is_open(session: SessionTruth, run: FleetRun, *, perhaps: bool = False) -> bool:
    """Whether it was under way; `perhaps`: its end may not have been told yet."""
    over_us = run.paused_us - (SENDING if perhaps else 0)
    over = session.ended_at is not None and from_rfc3339(session.ended_at) <= over_us
    return from_rfc3339(session.started_at) <= run.paused_us and not over


def newest_power_w(session: SessionTruth, readings: list[Sample], asked: Asked) -> float:
    """What was read last in a session in the quarter of an hour before; 0 where nothing was."""
    since = max(from_rfc3339(session.started_at), asked.before_us - 15 * MINUTE)
    found = [
        (sample.at, sample.values["power_import_w"])
        for sample in readings
        if (sample.station, sample.evse) == (session.station, session.evse)
        and since < from_rfc3339(sample.at) <= asked.before_us
        and "power_import_w" in sample.values
        and sample.context != "Transaction.End"
    ]
    return max(found, default=("", 0.0))[1]


def said(run: FleetRun, asked: Asked) -> list[Sample]:
    """The readings whose frames were on the log; others of that time came later."""
    places = {(row.partition, row.offset) for row in run.messages if from_rfc3339(row.envelope.ts) <= asked.before_us}
    return [sample for sample in run.samples if (sample.source.partition, sample.source.offset) in places]


def states_16(run: FleetRun, asked: Asked) -> dict[tuple[object, int], str]:
    """What each connector of OCPP 1.6 said last in its own frames, by station and connector."""
    found: dict[tuple[object, int], str] = {}
    for envelope in (row.envelope for row in run.messages):
        if envelope.proto != "ocpp1.6" or envelope.action != "StatusNotification" or envelope.type != "CALL":
            continue
        if from_rfc3339(envelope.ts) <= asked.before_us and isinstance(envelope.frame, msgspec.Raw):
            payload = json.loads(bytes(envelope.frame))[3]
            found[envelope.station, payload["connectorId"]] = payload["status"]
    return found
