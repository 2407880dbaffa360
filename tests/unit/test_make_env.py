"""deploy/make-env: secrets that are random, the owner's alone, and never replaced."""

import re
import stat
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "deploy" / "make-env"
NAMES = {"INFLUX_ADMIN_PASSWORD", "INFLUX_ADMIN_TOKEN", "GRAFANA_ADMIN_PASSWORD"}


def make(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SCRIPT, file], capture_output=True, text=True, check=False)


def read(file: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in file.read_text().splitlines() if line and not line.startswith("#"))


def test_a_new_file_has_a_random_value_for_every_name(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    assert make(first).returncode == make(second).returncode == 0
    values = [*read(first).values(), *read(second).values()]
    assert read(first).keys() == NAMES
    assert len(set(values)) == len(values)
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in values)


def test_no_value_is_printed(tmp_path: Path) -> None:
    done = make(tmp_path / "env")
    assert not any(value in done.stdout + done.stderr for value in read(tmp_path / "env").values())


def test_only_the_owner_may_read_it(tmp_path: Path) -> None:
    make(tmp_path / "env")
    assert stat.S_IMODE((tmp_path / "env").stat().st_mode) == 0o600


def test_a_second_run_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "env"
    make(file)
    before = file.read_bytes()
    assert "nothing was written" in make(file).stdout
    assert file.read_bytes() == before


def test_what_is_there_is_kept_and_what_is_missing_added(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("# mine\nPUBLISH_LIVE=0.0.0.0:80\nINFLUX_ADMIN_TOKEN=my token\nGRAFANA_ADMIN_PASSWORD=")
    file.chmod(0o644)
    assert make(file).returncode == 0
    assert file.read_text().startswith("# mine\nPUBLISH_LIVE=0.0.0.0:80\nINFLUX_ADMIN_TOKEN=my token\n")
    found = read(file)
    assert found["INFLUX_ADMIN_TOKEN"] == "my token"  # noqa: S105
    assert len(found["INFLUX_ADMIN_PASSWORD"]) == len(found["GRAFANA_ADMIN_PASSWORD"]) == 64  # an empty one was missing
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_link_or_a_folder_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("")
    (tmp_path / "link").symlink_to(target)
    for place in (tmp_path / "link", tmp_path):
        assert make(place).returncode == 1
    assert target.read_text() == ""


def test_it_says_what_went_wrong_where_it_cannot_write(tmp_path: Path) -> None:
    done = make(tmp_path / "no" / "such" / "env")
    assert done.returncode != 0
    assert "env" in done.stderr


def test_an_option_is_no_file(tmp_path: Path) -> None:
    done = subprocess.run([SCRIPT, "--help"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: deploy/make-env [FILE]" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_names_what_else_may_be_set(tmp_path: Path) -> None:
    make(tmp_path / "env")
    named = re.findall("^# ([A-Z_]+)=", (tmp_path / "env").read_text(), re.MULTILINE)
    assert named == ["PUBLISH_STATIONS", "PUBLISH_GRAFANA", "PUBLISH_LIVE", "RETENTION_DAYS"]
