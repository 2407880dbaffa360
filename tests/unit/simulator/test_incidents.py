"""What a driver's incidents do to the truth."""

from pathlib import Path

import pytest

from contracts.times import MINUTE, SECOND, from_rfc3339, rfc3339_ms
from simulator.incidents import Incident, read_incidents, with_incidents
from simulator.truth import AlarmTruth, EndTruth, RunTruth, Truth

T = from_rfc3339("2026-11-24T06:00:00Z")
STATIONS = ("default/A", "default/B")


def truth(*alarms: AlarmTruth) -> Truth:
    return Truth(
        run=RunTruth(
            v=1, seed=1, stations=STATIONS, versions={}, started_at=rfc3339_ms(T), speed=1.0, misbehaviours=()
        ),
        sessions=(),
        alarms=alarms,
        gaps=(),
        end=EndTruth(
            ended_at=rfc3339_ms(T),
            sessions=0,
            energy_wh=0,
            alarms=0,
            gaps=0,
            calls=0,
            answered=0,
            discarded=0,
            undelivered=0,
            misbehaviours={},
        ),
    )


def offline(at_us: int) -> AlarmTruth:
    return AlarmTruth(alarm_key="offline/default/A", rule="offline", must=True, near=rfc3339_ms(at_us))


def node_alarms(down_s: float | None) -> list[tuple[str, bool]]:
    until_us = None if down_s is None else T + round(down_s * SECOND)
    incident = Incident(at_us=T, until_us=until_us, kind="edge-killed", node="edge-1")
    return [
        (alarm.alarm_key, alarm.must)
        for alarm in with_incidents(truth(), [incident]).alarms
        if alarm.rule == "edge-node-lost"
    ]


@pytest.mark.parametrize(
    ("down_s", "must"), [(2.0, None), (3.0, None), (10.0, False), (30.0, False), (45.0, True), (None, True)]
)
def test_an_edge_that_is_away_for_long_is_lost(down_s: float | None, must: bool | None) -> None:
    expected = [] if must is None else [("edge-node-lost/edge-1", must)]
    assert node_alarms(down_s) == expected


def test_stations_of_a_killed_edge_that_are_soon_back_were_never_offline() -> None:
    incident = Incident(at_us=T, until_us=T + 2 * SECOND, kind="edge-killed", node="edge-1")
    assert with_incidents(truth(), [incident]).alarms == ()


def test_gaps_near_a_broker_outage_are_no_longer_certain_and_others_stay() -> None:
    incident = Incident(at_us=T, until_us=T + 5 * MINUTE, kind="broker-killed")
    near, far = offline(T + 3 * MINUTE), offline(T + 60 * MINUTE)
    found = with_incidents(truth(near, far), [incident]).alarms
    assert [alarm.must for alarm in found if alarm.near in (near.near, far.near)] == [False, True]


@pytest.mark.parametrize("kind", ["worker-killed", "worker-paused", "sink-killed", "sink-paused"])
def test_behind_the_log_nothing_is_seen(kind: str) -> None:
    incident = Incident(at_us=T, until_us=T + MINUTE, kind=kind)  # type: ignore[arg-type]
    assert with_incidents(truth(offline(T)), [incident]).alarms == (offline(T),)


def test_a_clock_that_is_wrong_is_an_alarm() -> None:
    incident = Incident(at_us=T, until_us=T + MINUTE, kind="edge-clock", node="edge-2")
    alarms = with_incidents(truth(), [incident]).alarms
    assert ("edge-clock/edge-2", True) in [(alarm.alarm_key, alarm.must) for alarm in alarms]


def test_an_edge_has_a_name() -> None:
    with pytest.raises(ValueError, match="names no node"):
        with_incidents(truth(), [Incident(at_us=T, kind="edge-killed")])


def test_the_drivers_file(tmp_path: Path) -> None:
    path = tmp_path / "incidents.jsonl"
    path.write_text('{"at_us":2,"kind":"sink-killed"}\n\n{"at_us":1,"until_us":5,"kind":"edge-killed","node":"e"}\n')
    assert read_incidents(path) == [
        Incident(at_us=1, until_us=5, kind="edge-killed", node="e"),
        Incident(at_us=2, kind="sink-killed"),
    ]
