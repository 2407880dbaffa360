"""Where `make parts` put the real parts, and what to say when one is not there."""

import os
import shutil
from pathlib import Path

HOW = "make parts"


class PartMissing(Exception):
    """A part that is not on this machine; the message names it and how to get it."""


def parts_folder() -> Path:
    """$VOLTSTREAM_PARTS, or .parts beside the project's Makefile."""
    return Path(os.environ.get("VOLTSTREAM_PARTS") or Path(__file__).resolve().parents[3] / ".parts")


def part(name: str) -> Path:
    """The folder of the part `name` (kafka, influxdb, ...), the newest version that is there. Raises PartMissing."""
    found = sorted(parts_folder().glob(f"{name}-[0-9a-f]*"), key=lambda folder: folder.stat().st_mtime)
    if not found:
        raise PartMissing(f"{name} is not in {parts_folder()}: get it with `{HOW}`")
    return found[-1]


def program(*names: str) -> str:
    """The path of the first of `names` that is on PATH. Raises PartMissing."""
    for name in names:
        if path := shutil.which(name):
            return path
    raise PartMissing(f"{names[0]} is not on this machine: get it with `{HOW}` or from your system's packages")
