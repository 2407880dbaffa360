"""Child processes of tests and long runs: a port of one's own, a log that can be read back, and no orphans.

`spawn` starts a command in a session of its own. When the process that called it is gone, by SIGKILL too, the child's
whole process group is killed: one small keeper process holds the read end of a pipe, and the kernel closes the other
end. That needs no preexec_fn (unsafe beside threads), and unlike PR_SET_PDEATHSIG it does not fire when only the
calling thread ends.
"""

import atexit
import contextlib
import fcntl
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

_KEEPER = """
import os, signal, sys
groups = set()
for line in sys.stdin:
    (groups.add if line[0] == "+" else groups.discard)(int(line[1:]))
for group in groups:
    try:
        os.killpg(group, signal.SIGKILL)
    except OSError:
        pass
"""


class PartFailed(Exception):
    """A part that ended, or was not ready in time; the message carries the last lines of its log."""


class _Keeper:
    """The one keeper of this process, started with the first child."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._owner = 0
        self._lock = threading.Lock()

    def tell(self, sign: str, group: int) -> None:
        with self._lock:
            if self._process is None or self._owner != os.getpid():  # a forked child needs a keeper of its own
                self._process = subprocess.Popen(
                    [sys.executable, "-I", "-S", "-c", _KEEPER],
                    stdin=subprocess.PIPE,
                    text=True,
                    start_new_session=True,
                )
                self._owner = os.getpid()
            assert self._process.stdin is not None
            self._process.stdin.write(f"{sign}{group}\n")
            self._process.stdin.flush()

    def close(self) -> None:
        """At the interpreter's orderly end: lets the keeper do its work and go, so that no warning speaks of it."""
        with self._lock:
            if self._process is not None and self._owner == os.getpid():
                assert self._process.stdin is not None
                self._process.stdin.close()
                self._process.wait()
                self._process = None


_keeper = _Keeper()
atexit.register(_keeper.close)


class Process:
    """One child and its log file. `env` is the whole environment of the child."""

    def __init__(self, command: Sequence[str], *, log: Path, env: Mapping[str, str], cwd: Path | None) -> None:
        self.command = list(command)
        self.log = log
        self.paused = False
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                self.command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env=dict(env), cwd=cwd, start_new_session=True,
            )  # fmt: skip
        _keeper.tell("+", self._popen.pid)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative after a signal; None while it runs."""
        return self._popen.poll()

    @property
    def alive(self) -> bool:
        return self.returncode is None

    def signal(self, number: signal.Signals) -> None:
        self._popen.send_signal(number)

    def pause(self) -> None:
        """SIGSTOP; returns when it stands still. A server answers for some milliseconds after the signal."""
        self.paused = True
        self.signal(signal.SIGSTOP)
        if hasattr(os, "waitid"):  # macOS has none before Python 3.13
            os.waitid(os.P_PID, self.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        else:
            time.sleep(0.2)

    def resume(self) -> None:
        """SIGCONT."""
        self.paused = False
        self.signal(signal.SIGCONT)

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status; raises subprocess.TimeoutExpired when it still runs after `timeout` seconds."""
        status = self._popen.wait(timeout)
        _keeper.tell("-", self.pid)
        return status

    def kill(self) -> None:
        """SIGKILL to its whole process group, and waits until it is gone; does nothing to a process that has ended."""
        if self.alive:
            os.killpg(self.pid, signal.SIGKILL)
        self.wait()

    def stop(self, timeout: float = 30) -> int:
        """SIGTERM, and SIGKILL after `timeout` seconds; gives the exit status."""
        self.signal(signal.SIGTERM)
        self.resume()
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(timeout)
        self.kill()
        return self.wait()

    def tail(self, lines: int = 20) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_until(self, ready: Callable[[], bool], timeout: float, *, every: float = 0.05) -> None:
        """Asks `ready` until it says yes; raises PartFailed when the process ends or `timeout` seconds pass before."""
        deadline = time.monotonic() + timeout
        while not ready():
            if not self.alive:
                raise PartFailed(f"{self.command[0]} ended with status {self.returncode}:\n{self.tail()}")
            if time.monotonic() > deadline:
                raise PartFailed(f"{self.command[0]} was not ready within {timeout:g} s:\n{self.tail()}")
            time.sleep(every)


def spawn(
    command: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Process:
    """Starts `command`; what it writes is appended to `log`. `env` is added to this process's environment."""
    return Process(command, log=log, env={**os.environ, **(env or {})}, cwd=cwd)


def accepts_connections(port: int) -> bool:
    """Whether something listens on 127.0.0.1:`port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


_claims: list[IO[str]] = []


def free_port() -> int:
    """A loopback port that no other test process takes while this one lives, even while nobody listens on it.

    It lies below the range from which systems pick the ports of outgoing connections: a server that is killed and
    comes back on its port would now and then find it taken by one, and a client that retries there can even connect
    to itself.
    """
    folder = Path(tempfile.gettempdir()) / f"voltstream-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for _ in range(1000):
        port = random.randint(20_000, 32_000)
        claim = (folder / str(port)).open("w")
        try:
            fcntl.flock(claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
    raise PartFailed("no free port was found between 20000 and 32000")
