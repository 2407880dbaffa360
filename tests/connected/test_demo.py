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
    (tmp_path / "demo" / ".voltstream-demo").touch()
    for name in ("voltstream.duckdb", "edge.log"):
        (tmp_path / "demo" / name).write_text("left by an earlier run")
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
    assert "left by" not in (tmp_path / "demo" / "edge.log").read_text()


def test_ctrl_c_which_all_processes_hear_is_no_death(tmp_path: Path) -> None:
    demo = DemoProcess(tmp_path, "--stations", "4", "--seconds", "600")
    demo.process.wait_until(lambda: demo.says("messages"), timeout=90)
    os.killpg(demo.process.pid, signal.SIGINT)
    assert demo.wait(timeout=90) == 130
    assert "stopping (again to quit at once)" in demo.output
    assert " ended with status " not in demo.output
    for command in ("edge", "streams", "sink", "live", "simulate"):
        assert demo.child(command) is None


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (("--misbehave", "foo"), "DEMO_MISBEHAVE (--misbehave): no misbehaviour is named 'foo'"),
        (("--datadir", "/proc/nope"), "DEMO_DATADIR (--datadir): /proc/nope cannot be used"),
        (("--datadir", "."), "DEMO_DATADIR (--datadir): voltstream.duckdb is there, and no demo made it"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_before_anything_starts(
    tmp_path: Path, flags: tuple[str, ...], told: str
) -> None:
    (tmp_path / "voltstream.duckdb").write_text("precious")
    demo = DemoProcess(tmp_path, *flags)
    assert demo.wait(timeout=60) == 2
    assert demo.output.startswith(f"voltstream demo: {told}")
    assert demo.output.count("\n") == 1
    assert (tmp_path / "voltstream.duckdb").read_text() == "precious"
    assert not list(tmp_path.rglob("*.duckdb.wal")) + list(tmp_path.rglob("edge.log"))


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
