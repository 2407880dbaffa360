"""A service of ours as a user runs it: `voltstream COMMAND`, a process of its own, ready when /readyz says so.

with start_service("edge", "--listen", f"127.0.0.1:{port}", env=broker.env) as edge:
    edge.kill()
    edge.start()
    assert edge.metrics()["edge_frames_total"] == 0
"""

import contextlib
import os
import sys
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from parts.processes import Process, free_port

OURS = ("KAFKA_", "CLOCK_", "EDGE_", "STREAMS_", "SINK_", "LIVE_", "SIM_", "LOG_")


class Service:
    """Runs, or ran. `http` is where /healthz, /readyz and /metrics are; `log` holds what every start of it wrote."""

    def __init__(self, folder: Path, command: str, arguments: tuple[str, ...], env: Mapping[str, str]) -> None:
        self.command = command
        self.http = f"127.0.0.1:{free_port()}"
        self.log = folder / f"{command}.log"
        self._folder = folder
        self._arguments = [sys.executable, "-m", "voltstream", command, "--http", self.http, *arguments]
        shell = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        self._env = {**shell, **env}
        self._process: Process | None = None

    @property
    def process(self) -> Process:
        assert self._process is not None
        return self._process

    def launch(self) -> None:
        """Starts it, the first time or again, without waiting for it."""
        self._process = Process(self._arguments, log=self.log, env=self._env, cwd=self._folder)

    def start(self, *, timeout: float = 60) -> None:
        """Starts it, the first time or again; returns when it is ready. Raises PartFailed."""
        self.launch()
        self.process.wait_until(self.ready, timeout)

    def ready(self) -> bool:
        """Whether /readyz says so."""
        try:
            self._get("/readyz")
        except OSError:  # nobody there, or 503
            return False
        return True

    def metrics(self) -> dict[str, float]:
        """Every sample of /metrics: its name with its labels, as it is written there -> its value."""
        lines = (line for line in self._get("/metrics").splitlines() if line and not line.startswith("#"))
        return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}

    def kill(self) -> None:
        """SIGKILL, and waits until it is gone."""
        self.process.kill()

    def stop(self, timeout: float = 30) -> int:
        """SIGTERM; gives its exit status, -9 where it took longer than `timeout` seconds."""
        return self.process.stop(timeout)

    def pause(self) -> None:
        """SIGSTOP."""
        self.process.pause()

    def resume(self) -> None:
        """SIGCONT."""
        self.process.resume()

    def _get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.http}{path}", timeout=5) as response:
            body: bytes = response.read()
            return body.decode()


@contextlib.contextmanager
def start_service(
    command: str, *arguments: str, env: Mapping[str, str], folder: Path | None = None
) -> Iterator[Service]:
    """`voltstream COMMAND ARGUMENTS` with the settings in `env`, ready; killed at the end.

    With `folder` its log is put there and left.
    """
    with contextlib.ExitStack() as at_end:
        if folder is None:
            made = tempfile.TemporaryDirectory(prefix=f"voltstream-{command}-", ignore_cleanup_errors=True)
            folder = Path(at_end.enter_context(made))
        service = Service(folder, command, arguments, env)
        service.launch()
        at_end.callback(service.kill)
        service.process.wait_until(service.ready, timeout=60)
        yield service
