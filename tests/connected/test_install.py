"""deploy/install below a folder of its own: what it puts there, what it leaves alone, and what it refuses."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def install(*arguments: object, python: str = "python3") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(PROJECT / "deploy" / "install"), *map(str, arguments)],
        env={**os.environ, "PYTHON": python},
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.timeout(900)  # pip fetches what its cache does not have
def test_it_installs_the_program_the_units_and_settings_once(tmp_path: Path) -> None:
    done = install("--root", tmp_path)
    assert done.returncode == 0, done.stderr
    opt, settings, units = tmp_path / "opt/voltstream", tmp_path / "etc/voltstream", tmp_path / "etc/systemd/system"
    program = opt / "current" / "bin" / "voltstream"
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, cwd=tmp_path).stdout
    home = (opt / "current").readlink()
    assert str(home).startswith(version.split()[1])
    assert program.read_text().splitlines()[0] == f"#!{opt / home}/bin/python3"  # not through the link, which moves
    assert (tmp_path / "usr/local/bin/voltstream").readlink() == Path("/opt/voltstream/current/bin/voltstream")
    shipped = {path.name for path in (PROJECT / "deploy/systemd").glob("*.service")}
    assert {path.name for path in units.glob("*.service")} == shipped
    assert (units / "voltstream-.service.d" / "common.conf").exists()
    assert {stat.S_IMODE(path.stat().st_mode) for path in settings.iterdir()} == {0o640}

    (settings / "kafka.env").write_text("KAFKA_BOOTSTRAP=mine:9092\n")
    (settings / "live.env").unlink()
    (units / "voltstream-live.service").write_text("an older one")
    before = program.stat().st_ino
    assert install("--root", tmp_path).returncode == 0
    assert (settings / "kafka.env").read_text() == "KAFKA_BOOTSTRAP=mine:9092\n"
    assert (settings / "live.env").exists()
    assert "ExecStart" in (units / "voltstream-live.service").read_text()
    assert ((opt / "current").readlink(), program.stat().st_ino) == (home, before)


def test_it_explains_itself() -> None:
    done = install("--help")
    assert done.returncode == 0
    assert "usage: deploy/install" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--wheel", "nowhere.whl"], "nowhere.whl is not there"),
        (["--prefix", "/usr"], "there is no option --prefix"),
    ],
)
def test_it_refuses_what_it_does_not_know(arguments: list[str], words: str) -> None:
    done = install(*arguments)
    assert done.returncode != 0
    assert words in done.stderr


def test_it_names_the_python_that_is_wanted(tmp_path: Path) -> None:
    done = install("--root", tmp_path, python="false")
    assert done.returncode == 1
    assert "Python 3.11, 3.12 or 3.13 with venv is wanted" in done.stderr
    assert list(tmp_path.iterdir()) == []
