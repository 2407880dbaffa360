"""What `make` sets up the environment with: the first Python on PATH that the project runs on."""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def taken(folder: Path, found: Mapping[str, str]) -> str:
    """The command that make takes where these Pythons, and no others, are on PATH: names and versions."""
    for name, version in found.items():
        told = f"import sys; sys.version_info = ({version.replace('.', ', ')}); exec(sys.argv[1])"
        (folder / name).write_text(f"#!/bin/sh\nexec {sys.executable} -c '{told}' \"$2\"\n")
        (folder / name).chmod(0o755)
    make = shutil.which("make")
    assert make is not None
    done = subprocess.run(
        [make, "-n", "parts"], cwd=PROJECT, env={"PATH": str(folder)}, capture_output=True, text=True, check=True
    )
    return done.stdout.split()[0]


@pytest.mark.parametrize(
    ("found", "command"),
    [
        ({"python3": "3.11.2", "python3.13": "3.13.0"}, "python3"),
        ({"python3": "3.13.1"}, "python3"),
        ({"python3": "3.14.0", "python3.12": "3.12.0", "python3.11": "3.11.0"}, "python3.12"),
        ({"python3": "3.9.6", "python3.13": "3.13.0", "python3.12": "3.12.0"}, "python3.13"),
        ({"python3": "3.14.0"}, "python3"),  # which is then told what is wanted
    ],
)
def test_the_first_python_that_fits_is_taken(tmp_path: Path, found: Mapping[str, str], command: str) -> None:
    assert taken(tmp_path, found) == command
