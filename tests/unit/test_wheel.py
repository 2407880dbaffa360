"""The built wheel, away from the checkout, in an environment that holds only the wheel and what its metadata asks for.

The dependencies are those of this environment (the lock's), linked file by file: nothing is fetched, and a package that
is needed but not declared is missing there.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email.parser import Parser
from importlib.metadata import Distribution, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]

IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1:]:
    package = importlib.import_module(name)
    print(package.__file__)
    for module in pkgutil.walk_packages(package.__path__, f"{name}."):
        if not module.name.endswith("__main__"):
            print(importlib.import_module(module.name).__file__)
"""


@dataclass(frozen=True)
class Installed:
    """An environment with the wheel in it; commands run in an empty folder, with an empty environment."""

    folder: Path
    wheel: Path

    def run(self, program: str, *arguments: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        away = self.folder / "away"
        away.mkdir(exist_ok=True)
        return subprocess.run(
            [str(self.folder / "venv" / "bin" / program), *arguments],
            cwd=away,
            env={"PATH": os.defpath, "HOME": str(away), "LANG": "C.UTF-8"},
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def wanted(requirements: list[str], extras: set[str], seen: dict[tuple[str, str], Distribution]) -> None:
    """Adds to `seen` what `requirements` name for this Python and these extras, and what that needs in turn."""
    for line in requirements:
        requirement = Requirement(line)
        marker = requirement.marker
        if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in extras or {""}):
            continue
        name = canonicalize_name(requirement.name)
        for extra in sorted(requirement.extras) or [""]:
            if (name, extra) not in seen:
                seen[name, extra] = found = distribution(name)
                wanted(found.requires or [], {extra, ""}, seen)


def files(found: Distribution) -> Iterator[tuple[Path, Path]]:
    """Each file of a distribution: where it is, and where in site-packages it belongs (its commands are left out)."""
    for file in found.files or []:
        if ".." not in file.parts and (path := Path(str(found.locate_file(file)))).is_file():
            yield path, Path(*file.parts)


def python(*arguments: str) -> None:
    subprocess.run([sys.executable, *arguments], cwd=PROJECT, stdout=subprocess.DEVNULL, check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    venv = folder / "venv"
    python("-m", "hatchling", "build", "-t", "wheel", "-d", str(folder))
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (metadata,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        requirements = Parser().parsestr(archive.read(metadata).decode()).get_all("Requires-Dist", [])
    python("-m", "venv", "--without-pip", str(venv))
    (site,) = venv.glob("lib/python3*/site-packages")
    seen: dict[tuple[str, str], Distribution] = {}
    wanted(requirements, set(), seen)
    for found in {name: found for (name, _), found in seen.items()}.values():
        for source, place in files(found):
            target = site / place
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                target.hardlink_to(source)
            except OSError:  # another file system
                shutil.copy2(source, target)
    python("-m", "pip", "--python", str(venv), "install", "--quiet", "--no-deps", "--no-index", str(wheel))
    return Installed(folder, wheel)


def test_the_command_explains_itself(installed: Installed) -> None:
    done = installed.run("voltstream", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: voltstream COMMAND")


def test_every_module_imports_from_the_wheel_with_its_declared_dependencies(installed: Installed) -> None:
    packages = ["contracts", "ops", "edge", "streams", "sinks", "dashboards", "simulator", "voltstream"]
    done = installed.run("python", "-I", "-c", IMPORT_ALL, *packages)
    assert done.returncode == 0, done.stderr
    places = done.stdout.split()
    assert len(places) > len(packages)
    assert [place for place in places if not place.startswith(str(installed.folder))] == []


def test_the_boards_and_alert_rules_are_in_it(installed: Installed) -> None:
    done = installed.run("voltstream", "dashboards", "check")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_nothing_but_the_packages_is_shipped(installed: Installed) -> None:
    with zipfile.ZipFile(installed.wheel) as archive:
        tops = {name.split("/")[0] for name in archive.namelist()}
    metadata = {top for top in tops if top.endswith(".dist-info")}
    assert len(metadata) == 1
    assert tops - metadata <= {"contracts", "ops", "edge", "streams", "sinks", "dashboards", "simulator", "voltstream"}
