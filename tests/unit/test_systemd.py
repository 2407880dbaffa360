"""deploy/systemd: what systemd's own checkers say, and that units and example settings fit the services."""

import os
import re
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from dashboards.live.server import LiveSettings
from edge.service import SPARE_FILES
from edge.settings import EdgeSettings
from ops.flags import load
from ops.kafka import KafkaSettings
from ops.logs import LogSettings
from ops.service import EXIT_WRONG_SETTING
from ops.settings import Settings
from sinks.service import SinkSettings
from streams.app import StreamsSettings

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "systemd"
EXAMPLES = FOLDER / "examples"
PROGRAM = "/opt/voltstream/current/bin/voltstream"
UNITS = ("voltstream-edge@1", "voltstream-streams@1", "voltstream-sink@1", "voltstream-live")
CREDENTIALS = {"kafka-password.conf": "voltstream-.service.d", "influx-token.conf": "voltstream-sink@.service.d"}
MOST_EXPOSURE = 15
"""Of 100, as `systemd-analyze security` counts. What is left is the network, which they need."""
SETTINGS: dict[str, tuple[type[Settings], ...]] = {
    "kafka": (KafkaSettings, LogSettings),
    "edge": (EdgeSettings,),
    "streams": (StreamsSettings,),
    "sink": (SinkSettings,),
    "live": (LiveSettings,),
}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of units as deploy/install leaves it, with both credentials, and a program that is there."""
    folder = tmp_path_factory.mktemp("units")
    shutil.copytree(FOLDER, folder, dirs_exist_ok=True)
    for name, drop_in in CREDENTIALS.items():
        (folder / drop_in).mkdir(exist_ok=True)
        shutil.copy(EXAMPLES / name, folder / drop_in)
    for unit in folder.glob("*.service"):
        unit.write_text(unit.read_text().replace(PROGRAM, sys.executable))
    return folder


def systemd_analyze(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    if (program := shutil.which("systemd-analyze")) is None:
        missing = "without systemd-analyze: the units are not checked (Debian: apt install systemd)"
        if os.environ.get("CI") == "true":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    env = {**os.environ, "SYSTEMD_UNIT_PATH": f"{folder}:"}  # and the system's own behind it
    return subprocess.run(
        [program, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_the_unit_without_a_word(installed: Path, unit: str) -> None:
    """An unknown key is a word, and no error."""
    done = systemd_analyze(installed, "verify", f"{unit}.service")
    assert (done.returncode, done.stdout) == (0, "")


def test_a_misspelt_key_is_noticed(installed: Path, tmp_path: Path) -> None:
    """In what all units have in common too: systemd finds it by the beginning of their names."""
    shutil.copytree(installed, tmp_path, dirs_exist_ok=True)
    common = tmp_path / "voltstream-.service.d" / "common.conf"
    common.write_text(common.read_text().replace("ProtectHome", "ProtektHome"))
    assert "ProtektHome" in systemd_analyze(tmp_path, "verify", "voltstream-edge@1.service").stdout


@pytest.mark.parametrize("unit", UNITS)
def test_a_unit_may_do_little_but_talk(installed: Path, unit: str) -> None:
    done = systemd_analyze(
        installed, "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", "--no-pager", f"{unit}.service"
    )
    assert done.returncode == 0, done.stdout


def unit(path: Path) -> ConfigParser:
    parser = ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys as they are written
    parser.read(path)
    return parser


def test_a_wrong_setting_is_not_tried_again() -> None:
    common = unit(FOLDER / "voltstream-.service.d" / "common.conf")
    assert common["Service"]["Restart"] == "always"
    assert int(common["Service"]["RestartPreventExitStatus"]) == EXIT_WRONG_SETTING
    assert int(common["Unit"]["StartLimitIntervalSec"]) == 0


def test_a_service_has_time_to_finish() -> None:
    common = unit(FOLDER / "voltstream-.service.d" / "common.conf")
    drains_s = (EdgeSettings.model_fields["drain_s"].default, SinkSettings.model_fields["drain_s"].default)
    assert int(common["Service"]["TimeoutStopSec"]) > 2 * max(drains_s)


def test_an_edge_may_open_as_many_files_as_it_takes_stations() -> None:
    edge = unit(FOLDER / "voltstream-edge@.service")
    most = EdgeSettings.model_fields["max_connections"].default
    assert int(edge["Service"]["LimitNOFILE"]) >= most + SPARE_FILES


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.service")), ids=lambda path: path.stem)
def test_a_unit_reads_settings_that_there_is_an_example_of(path: Path) -> None:
    files = re.findall(r"^EnvironmentFile=(?!-)/etc/voltstream/(.+)$", path.read_text(), re.MULTILINE)
    assert "kafka.env" in files
    assert [name for name in files if not (EXAMPLES / name).exists()] == []


def variables(path: Path) -> dict[str, str]:
    """What an example sets, and what it would if its comments were taken away."""
    return dict(re.findall(r"^#?([A-Z_]+)=(.*)$", path.read_text(), re.MULTILINE))


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.env")), ids=lambda path: path.name)
def test_every_example_is_of_a_setting_and_its_value_will_do(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    classes = SETTINGS[re.split("[@.]", path.name)[0]]
    found = variables(path)
    assert found
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    assert found.keys() <= frozenset().union(*(cls.variables() for cls in classes))
    load("voltstream", "", classes, [])


@pytest.mark.parametrize("name", CREDENTIALS)
def test_a_credential_goes_to_a_secret_of_ours(name: str) -> None:
    text = (EXAMPLES / name).read_text()
    (credential,) = re.findall(r"^LoadCredential=([a-z-]+):/etc/voltstream/", text, re.MULTILINE)
    ((variable, given),) = re.findall(r"^Environment=([A-Z_]+)=%d/(.+)$", text, re.MULTILINE)
    assert credential == given
    assert variable in KafkaSettings.variables() | SinkSettings.variables()
    assert f"/etc/systemd/system/{CREDENTIALS[name]}/{name}" in text
