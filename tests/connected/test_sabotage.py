"""Whoever falsifies one record is found out: the demo ends non-zero and names that record."""

import os
import shutil
from pathlib import Path

import pytest

import sabotage
from demo_process import DemoProcess

# Well-behaved 1.6 stations: each StopTransaction comes once, and among the first sessions are some with faults.
FLEET = ("--stations", "8", "--seconds", "15", "--speed", "120", "--misbehave", "none")


def run(folder: Path, lie: str) -> tuple[DemoProcess, str]:
    """The demo with that lie, or none (""), in its stream worker; its status is 1 or 0. Whom the lie was about."""
    told, path = folder / "told", folder / "path"
    path.mkdir()
    shutil.copy(sabotage.__file__, path / "sitecustomize.py")
    env = {"PYTHONPATH": os.pathsep.join(filter(None, (str(path), os.environ.get("PYTHONPATH")))), "SIM_MIX": "1.6"}
    if lie:
        env |= {"VOLTSTREAM_SABOTAGE": lie, "VOLTSTREAM_SABOTAGED": str(told)}
    demo = DemoProcess(folder, *FLEET, env=env)
    status = demo.wait()
    assert (status, told.exists()) == ((1, True) if lie else (0, False)), demo.output
    return demo, told.read_text() if lie else ""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("lie", sabotage.LIES)
def test_a_lie_is_found_out_and_named(tmp_path: Path, lie: str) -> None:
    demo, about = run(tmp_path, lie)
    summary = demo.summary()
    lines = demo.output.splitlines()[:-1]
    alarms = (summary["alarms_missed"], summary["alarms_extra"])
    if lie in ("drop-stop", "add-wh"):
        missing = [line for line in lines if line.startswith("session missing:")]
        extra = [line for line in lines if line.startswith("session extra:")]
        assert (len(missing), len(extra), alarms) == (1, 1, (0, 0)), demo.output
        station, transaction = about.split("/")[1:3]
        assert about in extra[0]
        assert f"default/{station} " in missing[0]
        assert f" transaction {transaction} " in missing[0]
        assert (summary["sessions_equal"], summary["sessions_extra"]) == (summary["sessions"] - 1, 1)
        if lie == "add-wh":
            assert summary["energy_wh"] == summary["energy_truth_wh"] + 1
    else:
        word = "missing" if lie == "hide-alarm" else "extra"
        named = [line for line in lines if line.startswith(f"alarm {word}: {about}")]
        assert (len(named), alarms) == (1, (1, 0) if lie == "hide-alarm" else (0, 1)), demo.output
        assert summary["sessions_equal"] == summary["sessions"]


@pytest.mark.timeout(240)
def test_the_same_demo_without_a_lie_is_right(tmp_path: Path) -> None:
    demo, _ = run(tmp_path, "")
    assert demo.summary()["alarms"] > 0
