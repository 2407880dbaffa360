"""The script behind `make parts`: what it makes is whole or not there, and what it cannot have is one line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
SCRIPT = PROJECT / "deploy" / "parts"


def run(parts: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    env = {"VOLTSTREAM_PARTS": str(parts), "PATH": path}
    return subprocess.run(
        [sys.executable, str(SCRIPT), *arguments], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def tool(folder: Path, name: str, script: str) -> None:
    """A stand-in for a tool on PATH: the tests must not build anything."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh -e\n{script}\n")
    (folder / name).chmod(0o755)


def test_a_machine_without_tools_gets_a_line_for_each_part(tmp_path: Path) -> None:
    done = run(tmp_path / "parts")
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(lines) >= 7
    # A library of the system's may be installed already, and is found without a PATH.
    assert all("cannot be had" in line or line.split() == ["libfaketime", "there"] for line in lines[:-1])
    assert lines[0].endswith("mvn is not on this machine")
    assert re.search(r"\d+ missing", lines[-1])


def test_strict_fails_where_a_part_is_missing(tmp_path: Path) -> None:
    assert run(tmp_path / "parts", "--strict").returncode == 1


def test_a_part_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "parts" / "kafka-4.1.1").mkdir(parents=True)
    done = run(tmp_path / "parts", "kafka", "--strict")
    assert done.returncode == 0
    assert re.match(r"kafka 4\.1\.1 +there\n", done.stdout)


def test_a_part_appears_when_it_is_complete(tmp_path: Path) -> None:
    tool(tmp_path / "bin", "npm", "mkdir node_modules; test -f package-lock.json")
    done = run(tmp_path / "parts", "ocpp-rpc", "--strict", path=f"{tmp_path / 'bin'}:{os.defpath}")
    assert done.returncode == 0, done.stdout
    (made,) = (each for each in (tmp_path / "parts").iterdir() if each.name != ".lock")
    assert made.name.startswith("ocpp-rpc-")
    assert (made / "node_modules").is_dir()


def test_a_failed_or_cut_run_leaves_no_half_part(tmp_path: Path) -> None:
    parts = tmp_path / "parts"
    (parts / ".making-ocpp-rpc-2.2.1-cut").mkdir(parents=True)
    tool(tmp_path / "bin", "npm", "mkdir node_modules; echo fetching; echo no network here; exit 1")
    done = run(parts, "ocpp-rpc", path=f"{tmp_path / 'bin'}:{os.defpath}")
    assert "npm ci failed: no network here" in done.stdout
    assert [each.name for each in parts.iterdir()] == [".lock"]


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path / "parts", "rabbitmq")
    assert done.returncode == 2
    assert "no such part: rabbitmq" in done.stderr


def test_influxdb2_is_built_from_its_modules_with_the_toolchain_that_is_there(tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tool(tools, "cargo", "exit 1")
    tool(tools, "cc", "exit 1")
    tool(tools, "pkg-config", "exit 1")
    tool(tools, "rustup", "echo 1.95-linux '(default)'")
    tool(
        tools,
        "go",
        """
        case $1 in
            install) mkdir -p "$GOBIN"; touch "$GOBIN/pkg-config" ;;
            build)
                test -f go.mod -a -f go.sum -a -f "$PKG_CONFIG" -a -x "$RUSTC_WRAPPER"
                echo "$RUSTUP_TOOLCHAIN" > bin/influxd ;;
        esac
        """,
    )
    done = run(tmp_path / "parts", "influxdb2", "--strict", path=f"{tools}:{os.defpath}")
    assert done.returncode == 0, done.stdout
    made = tmp_path / "parts" / "influxdb2-2.7.12" / "bin"
    assert [each.name for each in made.iterdir()] == ["influxd"]
    assert (made / "influxd").read_text() == "1.95-linux\n"


def test_influxdb2_without_rust_names_the_package(tmp_path: Path) -> None:
    done = run(tmp_path / "parts", "influxdb2", path=str(tmp_path))
    assert "cargo is not on this machine (Debian's package cargo)" in done.stdout


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("kafka/pom.xml", "4.1.1"), ("influxdb2/go.mod", "2.7.12"), ("ocpp-rpc/package.json", "2.2.1")],
)
def test_the_catalogue_says_the_version_of_the_recipe(name: str, wanted: str) -> None:
    assert wanted in (SCRIPT / name).read_text()
    assert f'"{wanted}"' in (SCRIPT / "catalogue.py").read_text()
