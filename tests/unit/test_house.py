"""The rules of the house that no linter knows: purity, one reader of the environment, a whole lock."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = ("contracts", "ops", "edge", "streams", "sinks", "dashboards", "simulator", "voltstream")

PURE_NAMES = {
    "core.py", "fold.py", "facts.py", "rules.py", "views.py", "points.py", "line_protocol.py",
    "policy.py", "transaction_ids.py", "samples.py", "status.py",
}  # fmt: skip
PURE_FOLDERS = ("contracts", "edge/answers", "streams/sessions", "streams/energy", "streams/alarms")
READ_THE_ENVIRONMENT = {
    "ops/settings.py", "ops/flags.py",
    "streams/engine/process.py",  # what a process tells the one that it replaces itself with
    "voltstream/demo/children.py",  # what a parent tells its children
}  # fmt: skip
GENERATORS = {"contracts/schemas.py", "contracts/schemas/__main__.py", "contracts/asyncapi.py"}  # they write files

# What makes a result depend on more than the arguments: the loop, the network, the disk, the clock, chance, a log.
IMPURE = {
    "asyncio", "concurrent", "http", "io", "logging", "multiprocessing", "os", "pathlib", "random", "secrets",
    "selectors", "shutil", "signal", "socket", "ssl", "subprocess", "sys", "tempfile", "threading", "time",
    "urllib.request", "aiohttp", "aiokafka", "confluent_kafka", "duckdb", "faust", "influxdb_client", "mode",
    "prometheus_client", "pydantic", "pydantic_settings", "uvloop", "ops",
}  # fmt: skip
CLOCK_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4"}


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((PROJECT / package).rglob("*.py")):
            yield path.relative_to(PROJECT).as_posix(), ast.parse(path.read_text(), filename=str(path))


def is_pure(name: str, tree: ast.Module) -> bool:
    """By its place, by its name, or by the word "Pure." that closes the first paragraph of its docstring."""
    service = name.split("/")[0] in {"edge", "streams", "sinks"}
    return name not in GENERATORS and (
        name.startswith(tuple(f"{folder}/" for folder in PURE_FOLDERS))
        or (service and name.rsplit("/", 1)[-1] in PURE_NAMES)
        or (ast.get_docstring(tree) or "").split("\n\n")[0].endswith("Pure.")
    )


def impure(module: str) -> bool:
    return any(module == each or module.startswith(f"{each}.") for each in IMPURE)


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            if node.module == "random" and [alias.name for alias in node.names] == ["Random"]:
                continue  # the type of an argument: chance that is given
            yield node.module, node.lineno


PURE = {name: tree for name, tree in modules() if is_pure(name, tree)}


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_sees_nothing_but_its_arguments(name: str) -> None:
    shells = [f"line {line}: {module}" for module, line in imported(PURE[name]) if impure(module)]
    clocks = [
        f"line {node.lineno}: .{node.func.attr}()"
        for node in ast.walk(PURE[name])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_CALLS
    ]
    assert shells + clocks == []


def test_contracts_need_nothing_but_msgspec() -> None:
    foreign = [
        f"{name}: {module}"
        for name, tree in PURE.items()
        if name.startswith("contracts/")
        for module, _ in imported(tree)
        if module.split(".")[0] not in {*sys.stdlib_module_names, "msgspec", "contracts"}
    ]
    assert foreign == []


def test_only_the_settings_read_the_environment() -> None:
    reads = [
        f"{name}: line {node.lineno}"
        for name, tree in modules()
        if name not in READ_THE_ENVIRONMENT
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "getenv"}
    ]
    assert reads == []


def test_no_package_of_tests_hides_another() -> None:
    assert list((PROJECT / "tests").rglob("__init__.py")) == []


def test_every_package_is_typed_and_shipped() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    assert tuple(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]) == PACKAGES
    assert [package for package in PACKAGES if not (PROJECT / package / "py.typed").exists()] == []


class TestTheLock:
    text = (PROJECT / "requirements.lock").read_text()
    pins: ClassVar = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", text, re.MULTILINE))

    def test_names_versions_and_hashes_and_no_place(self) -> None:
        assert "://" not in self.text
        assert len(self.pins) == len(re.findall(r"^\S", self.text, re.MULTILINE))
        blocks = re.split(r"^(?=\S)", self.text, flags=re.MULTILINE)[1:]
        assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []

    def test_holds_what_the_project_asks_for(self) -> None:
        project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
        asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
        unmet = [
            line
            for line in asked
            if (need := Requirement(line)).specifier.contains(self.pins.get(canonicalize_name(need.name), "0")) is False
        ]
        assert unmet == [], "run `make lock`"


class TestTheMakefile:
    text = (PROJECT / "Makefile").read_text()

    def test_every_target_explains_itself(self) -> None:
        (phony,) = re.findall(r"^\.PHONY: (.*)$", self.text, re.MULTILINE)
        explained = re.findall(r"^([a-z0-9-]+):.*## \S", self.text, re.MULTILINE)
        assert sorted(phony.split()) == sorted(explained)

    def test_ci_runs_what_developers_run(self) -> None:
        script = (PROJECT / ".ci" / "run").read_text()
        assert [f"make {target}" in script for target in ("parts", "check", "test")] == [True, True, True]
