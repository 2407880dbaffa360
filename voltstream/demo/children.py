"""The demo's processes: the CLI commands they are, with their output in files, and their deaths noticed."""

import asyncio
import os
import random
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import aiohttp

from contracts.errors import VoltstreamError

_TAIL_LINES = 20
_POLL_S = 0.1
_PORTS = range(20_000, 32_000)


class ChildDiedError(VoltstreamError):
    """A process of the demo ended when it must not; the message holds its last lines."""

    code = "child-died"


class NoPortError(VoltstreamError):
    """Nowhere to listen."""

    code = "no-port"


class Child:
    """One process: `voltstream COMMAND flags`."""

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.output = folder / f"{name}.out"
        with self.log.open("ab") as errors, self.output.open("wb") as output:
            self.process = subprocess.Popen(  # noqa: S603 - our own command line
                [sys.executable, "-m", "voltstream", *arguments],
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=errors,
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def last_lines(self) -> str:
        """What it said last."""
        with self.log.open(errors="replace") as lines:
            return "".join(deque(lines, _TAIL_LINES)).rstrip()

    def died(self) -> ChildDiedError:
        return ChildDiedError(f"{self.name} ended with status {self.process.returncode}:\n{self.last_lines()}")

    def stop(self, seconds: float = 15.0) -> None:
        """Ask it to end, and end it where it does not."""
        if not self.running:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Children:
    """All processes of a run. While they run, `check` raises ChildDiedError as soon as one of them has ended."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.folder, self.environment = folder, environment
        self.services: list[Child] = []

    def start(self, name: str, *arguments: str, service: bool = True) -> Child:
        """Start `voltstream NAME arguments`; a service must not end before it is stopped."""
        child = Child(name, [name, *arguments], self.environment, self.folder)
        if service:
            self.services.append(child)
        return child

    def check(self) -> None:
        for child in self.services:
            if not child.running:
                raise child.died()

    async def ready(self, http: aiohttp.ClientSession, addresses: Mapping[str, str], seconds: float = 60.0) -> None:
        """Wait until every service says so on its /readyz."""
        async with asyncio.timeout(seconds):
            for address in addresses.values():
                while not await _is_ready(http, f"http://{address}/readyz"):
                    self.check()
                    await asyncio.sleep(_POLL_S)

    def stop(self) -> None:
        """Stop them in the order they were started, each when the one before has ended."""
        for child in self.services:
            child.stop()


async def _is_ready(http: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with http.get(url) as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


def free_addresses(count: int) -> list[str]:
    """Addresses on loopback that nobody listens on now.

    They lie below the ports that systems give to outgoing connections: of those a busy machine's next one may be ours,
    before a child of the demo listens there.
    """
    found: list[str] = []
    with ExitStack() as held:
        for port in random.SystemRandom().sample(_PORTS, len(_PORTS)):
            if len(found) == count:
                return found
            probe = held.enter_context(socket.socket())
            with suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(f"127.0.0.1:{port}")
    raise NoPortError(f"fewer than {count} ports between {_PORTS.start} and {_PORTS.stop - 1} are free")
