"""docker-compose.yml, brought up as a project of its own on ports of its own, with Grafana left out."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import yaml

from parts.processes import free_port
from tests.long.compose.engine import Engine
from tests.long.compose.images import OURS, PROJECT

Changes = Mapping[str, Mapping[str, str]]
"""Environment variables by service that are other than the file says."""
POLL_S = 0.5


class NotInTime(Exception):
    """Something that was waited for did not come; the message says what there was instead."""


class State(msgspec.Struct, frozen=True):
    """What the engine says of a container. `health` is empty where it has no health check."""

    name: str
    service: str
    status: str
    pid: int
    exit_code: int
    health: str
    address: str

    @property
    def good(self) -> bool:
        """Healthy; or ended as a one-shot service ends."""
        return self.health == "healthy" or (not self.health and self.status == "exited" and self.exit_code == 0)


class _Health(msgspec.Struct, frozen=True, rename="pascal"):
    status: str


class _Run(msgspec.Struct, frozen=True, rename="pascal"):
    status: str
    pid: int
    exit_code: int
    health: _Health | None = None


class _Config(msgspec.Struct, frozen=True, rename="pascal"):
    labels: dict[str, str]


class _Network(msgspec.Struct, frozen=True):
    address: str = msgspec.field(default="", name="IPAddress")


class _Networks(msgspec.Struct, frozen=True, rename="pascal"):
    networks: dict[str, _Network]


class _Container(msgspec.Struct, frozen=True, rename="pascal"):
    """What `docker inspect` says, as far as it is read here."""

    name: str
    state: _Run
    config: _Config
    network_settings: _Networks

    def as_state(self) -> State:
        return State(
            name=self.name.lstrip("/"),
            service=self.config.labels["com.docker.compose.service"],
            status=self.state.status,
            pid=self.state.pid,
            exit_code=self.state.exit_code,
            health=self.state.health.status if self.state.health else "",
            address=next((network.address for network in self.network_settings.networks.values()), ""),
        )


class Stack:
    """The file as one project. Two stacks share nothing but images."""

    def __init__(self, engine: Engine, folder: Path, project: str, changes: Changes | None = None) -> None:
        self.engine, self.project = engine, project
        self.stations_port, self.live_port = free_port(), free_port()
        self._folder = folder / project
        self._folder.mkdir()
        self.env_file = self._folder / "env"
        subprocess.run([PROJECT / "deploy" / "make-env", self.env_file], check=True, stdout=subprocess.DEVNULL)
        with self.env_file.open("a") as file:
            file.write(f"VOLTSTREAM_TAG={OURS.partition(':')[2]}\n")
            file.write(f"PUBLISH_STATIONS=127.0.0.1:{self.stations_port}\nPUBLISH_LIVE=127.0.0.1:{self.live_port}\n")
        self.change(changes or {})

    def change(self, changes: Changes) -> None:
        """What the next `up` takes from here on."""
        services: dict[str, object] = {name: {"environment": dict(env)} for name, env in changes.items()}
        services["grafana"] = {"profiles": ["left-out"]}  # no image of it can be had without a registry
        (self._folder / "override.yml").write_text(yaml.safe_dump({"services": services}))

    def setting(self, name: str) -> str:
        """What the env file says."""
        lines = dict(line.split("=", 1) for line in self.env_file.read_text().splitlines())
        return lines[name]

    def compose(self, *arguments: str) -> str:
        files = [PROJECT / "docker-compose.yml", self._folder / "override.yml"]
        which = [f"--file={file}" for file in files]
        return self.engine.compose(f"--project-name={self.project}", f"--env-file={self.env_file}", *which, *arguments)

    def up(self, *arguments: str) -> None:
        """As a user's `docker compose up --detach`, with the images that are there. Raises CommandFailed."""
        self.compose("up", "--detach", "--no-build", "--pull=never", "--quiet-pull", *arguments)

    def down(self) -> None:
        """Containers, networks and volumes away."""
        self.compose("down", "--volumes", "--remove-orphans", "--timeout=5")

    def states(self, service: str = "") -> list[State]:
        """Every container of the project, or of one service, whether it runs or not."""
        mine = ["--filter", f"label=com.docker.compose.project={self.project}"]
        if service:
            mine += ["--filter", f"label=com.docker.compose.service={service}"]
        found = self.engine.docker("ps", "--all", "--quiet", *mine).split()
        shown = self.engine.docker("inspect", *found) if found else "[]"
        containers = msgspec.json.decode(shown, type=list[_Container])
        return sorted((container.as_state() for container in containers), key=lambda state: state.name)

    def logs(self, service: str, since: float = 0.0) -> str:
        """What the containers of a service have written, stderr too, since a time (seconds since the epoch)."""
        said = ""
        for state in self.states(service):
            command = ["docker", "logs", f"--since={since:.3f}", state.name]
            done = subprocess.run(command, env=self.engine.env, capture_output=True, text=True, check=False)
            said += done.stdout + done.stderr
        return said

    def wait_good(self, seconds: float) -> float:
        """Until every container is healthy; how long it took. Raises NotInTime."""
        return self.wait(lambda: all(state.good for state in self.states()), seconds)

    def wait(self, there: Callable[[], bool], seconds: float) -> float:
        """Until `there` says so; how long it took. Raises NotInTime."""
        began_s = time.monotonic()
        while not there():
            if time.monotonic() - began_s > seconds:
                bad = [f"{each.name} is {each.status} {each.health}" for each in self.states() if not each.good]
                raise NotInTime(f"after {seconds:g} s: {', '.join(bad) or 'all containers are healthy'}")
            time.sleep(POLL_S)
        return time.monotonic() - began_s

    def kill(self, name: str, seconds: float) -> float:
        """SIGKILL to the container's first process; until all is healthy again with another; how long it took.

        `docker kill` would not do: a container that it ends is not started again.
        """
        (before,) = (state for state in self.states() if state.name == name)
        os.kill(before.pid, signal.SIGKILL)

        def back() -> bool:
            states = self.states()
            again = any(each.name == name and each.pid not in (0, before.pid) for each in states)
            return again and all(each.good for each in states)

        return self.wait(back, seconds)
