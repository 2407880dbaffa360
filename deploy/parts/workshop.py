"""How a part is made: in a folder beside its place, moved there when it is complete. Standard library only."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

COMMAND_TIMEOUT_S = 15 * 60
CORES = "2"


class Unavailable(Exception):
    """The part cannot be had on this machine; the message is one line that says why."""


@dataclass(frozen=True)
class Part:
    """`make` fills an empty folder, or installs a program of the system, which `installed` then finds."""

    name: str
    version: str
    purpose: str
    make: Callable[[Path], None]
    installed: Callable[[], bool] | None = None

    @property
    def title(self) -> str:
        return f"{self.name} {self.version}".strip()

    @property
    def folder(self) -> str:
        return f"{self.name}-{self.version}"


def run(
    command: Sequence[str], *, cwd: Path, env: Mapping[str, str] | None = None, timeout_s: float = COMMAND_TIMEOUT_S
) -> str:
    """Runs `command` quietly; gives what it said.

    Raises Unavailable: not on this machine, or failed, with the last thing it said.
    """
    if shutil.which(command[0]) is None:
        raise Unavailable(f"{command[0]} is not on this machine")
    try:
        done = subprocess.run(
            command,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout_s,
            text=True,
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"{' '.join(command[:2])} took longer than {timeout_s / 60:g} minutes") from None
    if done.returncode:
        said = [line.strip() for line in done.stdout.splitlines() if line.strip()]
        raise Unavailable(f"{' '.join(command[:2])} failed: {said[-1] if said else f'status {done.returncode}'}")
    return done.stdout


@contextlib.contextmanager
def sole_workshop(parts: Path) -> Iterator[None]:
    """One run at a time in this folder; what a run that was cut short left behind is removed."""
    parts.mkdir(parents=True, exist_ok=True)
    with (parts / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in parts.glob(".making-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield


def obtain(part: Part, parts: Path) -> str:
    """Makes `part` unless it is there; gives the line to print. Raises Unavailable."""
    present = part.installed or (parts / part.folder).is_dir
    if present():
        return "there"
    began = time.monotonic()
    making = Path(tempfile.mkdtemp(prefix=f".making-{part.folder}-", dir=parts))
    try:
        part.make(making)
        if part.installed is None:
            making.chmod(0o755)
            making.rename(parts / part.folder)
        elif not part.installed():
            raise Unavailable("was installed, and still is not found")
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return f"made in {time.monotonic() - began:.1f} s"
