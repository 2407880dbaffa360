"""Where `make parts` put the real parts, and what to say when one is not there."""

import os
import shutil
from pathlib import Path


class PartMissing(Exception):
    """A part that is not there. tests/conftest.py looks for the words of its message."""

    def __init__(self, name: str, where: str) -> None:
        super().__init__(f"without {name}: get it with `make parts` ({where})")


def parts_folder() -> Path:
    """$VOLTSTREAM_PARTS, or .parts beside the project's Makefile."""
    return Path(os.environ.get("VOLTSTREAM_PARTS") or Path(__file__).resolve().parents[3] / ".parts")


def part(name: str) -> Path:
    """The folder of the part `name` (kafka, influxdb, ...), the newest version that is there. Raises PartMissing."""
    found = sorted(parts_folder().glob(f"{name}-[0-9a-f]*"), key=lambda folder: folder.stat().st_mtime)
    if not found:
        raise PartMissing(name, f"not in {parts_folder()}")
    return found[-1]


def program(*names: str) -> str:
    """The path of the first of `names` that is on PATH. Raises PartMissing."""
    for name in names:
        if path := shutil.which(name):
            return path
    raise PartMissing(names[0], "not on this machine")
