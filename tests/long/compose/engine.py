"""A Docker engine of our own: socket and processes go with it, images stay with the parts, as a cache.

with started(folder) as engine:
    engine.docker("images")
"""

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from parts.places import PartMissing, parts_folder, program
from parts.processes import spawn

START_S, STOP_S, COMMAND_S = 60.0, 60.0, 1800.0


class CommandFailed(Exception):
    """A docker or compose command that failed: the command, and the last of what it said."""


class Engine:
    """A running dockerd."""

    def __init__(self, folder: Path) -> None:
        self.env = {
            **os.environ,
            "DOCKER_HOST": f"unix://{folder}/docker.sock",
            "DOCKER_BUILDKIT": "0",  # BuildKit is a plugin that Debian has no package of
            "DOCKER_CONFIG": str(folder),  # no login of this user's
        }
        self._docker, self._compose = program("docker"), compose_program()

    def docker(self, *arguments: str) -> str:
        """What `docker ARGUMENTS` wrote to stdout. Raises CommandFailed."""
        return run([self._docker, *arguments], self.env)

    def compose(self, *arguments: str) -> str:
        """Likewise of `docker compose ARGUMENTS`."""
        return run([self._compose, *arguments], self.env)


def run(command: list[str], env: Mapping[str, str]) -> str:
    """Run to the end; stdout. Raises CommandFailed."""
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, errors="replace", timeout=COMMAND_S, check=False
    )
    if done.returncode:
        said = (done.stdout + done.stderr).strip().splitlines()[-20:]
        raise CommandFailed("\n".join([f"{' '.join(command)}: status {done.returncode}", *said]))
    return done.stdout


def compose_program() -> str:
    """Compose itself, which runs without docker's command line too: a development dependency. Raises PartMissing."""
    ours = Path(sys.executable).with_name("docker-compose")
    return str(ours) if ours.exists() else program("docker-compose")


@contextlib.contextmanager
def started(folder: Path) -> Iterator[Engine]:
    """An engine with nothing in it but images; stopped at the end. One at a time. Raises PartMissing or PartFailed."""
    dockerd = program("dockerd")
    if os.geteuid() != 0:
        raise PartMissing("root", "a Docker engine starts as root only")
    data = parts_folder() / "engine"
    data.mkdir(parents=True, exist_ok=True)
    engine = Engine(folder)
    with (data / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [
            dockerd, "--host", engine.env["DOCKER_HOST"], "--pidfile", str(folder / "docker.pid"),
            "--data-root", str(data), "--exec-root", str(folder / "exec"), "--exec-opt", "native.cgroupdriver=cgroupfs",
            "--iptables=false", "--ip-masq=false", "--bridge=none",  # Compose makes networks; nothing leaves them
        ]  # fmt: skip
        process = spawn(command, log=folder / "dockerd.log")
        try:
            process.wait_until(lambda: _answers(engine), START_S)
            _clear(engine)
            yield engine
        finally:
            process.stop(STOP_S)


def _answers(engine: Engine) -> bool:
    try:
        engine.docker("info")
    except CommandFailed:
        return False
    return True


def _clear(engine: Engine) -> None:
    """Remove what a run that was cut short left in the data folder."""
    if left := engine.docker("ps", "--all", "--quiet").split():
        engine.docker("rm", "--force", "--volumes", *left)
    engine.docker("network", "prune", "--force")
    if volumes := engine.docker("volume", "ls", "--quiet").split():
        engine.docker("volume", "rm", "--force", *volumes)
