"""An evse and its session: whole Wh between a start and a stop."""

import pytest

from contracts.times import MINUTE, SECOND
from simulator import misbehaviour as names
from simulator.battery import Car
from simulator.charging import Evse, Session
from simulator.meter import Meter
from simulator.plan import SessionPlan
from simulator.readings import PERIODIC

T = 1_800_000_000_000_000


def a_plan(quirk: str | None = None) -> SessionPlan:
    return SessionPlan(
        evse=1,
        plug_us=T,
        start_us=T,
        stop_us=T + 60 * MINUTE,
        unplug_us=T + 61 * MINUTE,
        id_token="AB",  # noqa: S106 - a car's, not a secret
        car=Car(50_000, 11_040, 3, 0.1, 1.0),
        quirk=quirk,
    )


def test_an_evse_counts_only_while_a_car_charges_and_there_is_power() -> None:
    evse = Evse(1, Meter(1000), 22_080)
    evse.advance(T)
    evse.advance(T + 60 * MINUTE)
    assert evse.meter.register_wh == 1000
    evse.begin(T + 60 * MINUTE, a_plan())
    evse.advance(T + 90 * MINUTE)
    assert evse.meter.register_wh == 1000 + 5520
    evse.rest(T + 120 * MINUTE)  # dark for half an hour
    evse.end(T + 150 * MINUTE)
    assert evse.meter.register_wh == 1000 + 2 * 5520
    evse.advance(T + 180 * MINUTE)
    assert evse.meter.register_wh == 1000 + 2 * 5520


def test_how_often_one_looks_changes_nothing_but_rounding() -> None:
    once, often = Evse(1, Meter(0), 22_080), Evse(1, Meter(0), 22_080)
    for evse in (once, often):
        evse.begin(T, a_plan())
    for second in range(0, 3600, 30):
        often.advance(T + second * SECOND)
    for evse in (once, often):
        evse.end(T + 60 * MINUTE)
    assert once.meter.register_wh == pytest.approx(often.meter.register_wh, abs=1)


def test_a_snapshot_says_what_the_meter_shows() -> None:
    evse = Evse(1, Meter(500), 22_080)
    evse.begin(T, a_plan())
    snapshot = evse.snapshot(T + MINUTE, T + MINUTE + 5, PERIODIC)
    assert (snapshot.energy_wh, snapshot.at_us, snapshot.power_w) == (500 + 184, T + MINUTE + 5, 11_040)
    assert evse.snapshot(T + MINUTE, T, PERIODIC, with_energy=False).energy_wh is None


def ended(quirk: str | None = None) -> Session:
    session = Session(a_plan(quirk), T, 1000)
    session.transaction_id, session.start_answered = "17", quirk != names.MISSING_START
    session.stop_us, session.stop_wh, session.stop_answered = T + MINUTE, 1500, True
    return session


def test_the_truth_of_a_plain_session() -> None:
    truth = ended().truth("default/A", "ocpp1.6")
    assert (truth.wh, truth.expected.import_wh, truth.expected.flags, truth.delivered) == (500, 500, (), True)
    assert truth.expected.started_at == truth.started_at == "2027-01-15T08:00:00.000Z"


def test_the_truth_of_a_session_without_its_start() -> None:
    session = ended(names.MISSING_START)
    session.touched.add(names.MISSING_START)
    session.seen(T + 10 * SECOND)
    session.seen(T + 20 * SECOND, 1100)
    session.seen(T + 30 * SECOND, 1200)
    truth = session.truth("default/A", "ocpp2.1")
    assert truth.wh == 500
    assert truth.expected.import_wh == 400
    assert truth.expected.started_at == "2027-01-15T08:00:10.000Z"
    assert truth.expected.flags == ("missing-start",)
    assert truth.delivered


def test_a_session_over_a_gap_may_be_called_offline() -> None:
    session = ended()
    session.over_gap = True
    assert session.truth("default/A", "ocpp1.6").expected.may_flags == ("offline",)
