"""The demo on the embedded broker: right as it is, and loud when a part of it dies."""

import os
import signal
from pathlib import Path

import pytest

from demo_process import DemoProcess

pytestmark = pytest.mark.timeout(300)

FIELDS = {
    "stations", "messages", "sessions", "sessions_equal", "sessions_extra", "energy_wh", "energy_truth_wh",
    "alarms", "alarms_missed", "alarms_extra", "lost", "misbehaviours", "p50_ms", "p99_ms",
}  # fmt: skip


def test_what_is_derived_is_what_was_true(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "voltstream.duckdb").write_text("left by an earlier run")
    demo = DemoProcess(tmp_path, "--stations", "8", "--seconds", "25")
    status = demo.wait()
    assert status == 0, demo.output
    summary = demo.summary()
    assert summary.keys() == FIELDS
    assert summary["stations"] == 8
    assert summary["sessions"] == summary["sessions_equal"] >= 8
    assert summary["energy_wh"] == summary["energy_truth_wh"] > 0
    assert (summary["sessions_extra"], summary["alarms_missed"], summary["alarms_extra"], summary["lost"]) == (0,) * 4
    assert summary["p50_ms"] <= summary["p99_ms"]
    assert summary["misbehaviours"]


def test_a_child_that_is_killed_ends_the_demo_with_its_last_lines(tmp_path: Path) -> None:
    demo = DemoProcess(tmp_path, "--stations", "4", "--seconds", "600")
    demo.process.wait_until(lambda: demo.says("messages"), timeout=90)  # the fleet charges
    streams = demo.child("streams")
    assert streams is not None
    os.kill(streams, signal.SIGKILL)
    assert demo.wait(timeout=90) == 1
    _, found, last_lines = demo.output.partition("streams ended with status -9:\n")
    assert found, demo.output
    log = (demo.folder / "streams.log").read_text().splitlines()
    assert last_lines.splitlines() == log[-20:]
    for command in ("edge", "sink", "simulate"):
        assert demo.child(command) is None
