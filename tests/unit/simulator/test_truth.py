"""The truth's file: whole or not at all."""

from pathlib import Path

import pytest

from simulator import truth as truths
from simulator.truth import (
    AlarmTruth,
    EndTruth,
    ExpectedSession,
    GapTruth,
    RunTruth,
    SessionTruth,
    Truth,
    connector_fault_key,
    node_key,
    station_key,
)

AT = "2026-11-24T06:00:00.000Z"


def a_truth(**changes: object) -> Truth:
    session = SessionTruth(
        station="default/CP0001",
        proto="ocpp1.6",
        evse=1,
        connector=1,
        transaction_id="17",
        id_token="AB",  # noqa: S106 - a car's, not a secret
        started_at=AT,
        ended_at=AT,
        meter_start_wh=5,
        meter_stop_wh=9,
        wh=4,
        stop_reason="Local",
        misbehaviours=("kwh-registers",),
        delivered=True,
        expected=ExpectedSession(state="ended", started_at=AT, ended_at=AT, import_wh=4),
    )
    parts: dict[str, object] = {
        "run": RunTruth(
            v=1,
            seed=1,
            stations=("default/CP0001",),
            versions={"ocpp1.6": 1},
            started_at=AT,
            speed=1.0,
            misbehaviours=(),
        ),
        "sessions": (session,),
        "alarms": (AlarmTruth(alarm_key="offline/default/CP0001", rule="offline", must=True, near=AT),),
        "gaps": (GapTruth(station="s", cause="c", from_at=AT, to_at=AT, seconds=1.5, verdict="short"),),
        "end": EndTruth(
            ended_at=AT,
            sessions=1,
            energy_wh=4,
            alarms=1,
            gaps=1,
            calls=10,
            answered=10,
            discarded=0,
            undelivered=0,
            misbehaviours={"kwh-registers": 1},
        ),
    }
    return Truth(**{**parts, **changes})  # type: ignore[arg-type]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    truths.write(path, a_truth())
    assert truths.read(path) == a_truth()
    assert path.read_bytes().count(b"\n") == 5
    assert list(tmp_path.iterdir()) == [path]


def test_without_its_last_line_it_is_not_the_truth(tmp_path: Path) -> None:
    path = tmp_path / "truth.jsonl"
    truths.write(path, a_truth())
    path.write_bytes(b"\n".join(path.read_bytes().splitlines()[:-1]))
    with pytest.raises(ValueError, match="not complete"):
        truths.read(path)


def test_keys() -> None:
    assert connector_fault_key("default/A", 2, 1, "E-1") == "connector-fault/default/A/2/1/E-1"
    assert station_key("offline", "default/A") == "offline/default/A"
    assert station_key("security-event", "default/A", "InvalidMessages") == "security-event/default/A/InvalidMessages"
    assert node_key("edge-node-lost", "edge-1") == "edge-node-lost/edge-1"
