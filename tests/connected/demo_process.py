"""`voltstream demo` as a user runs it: a process, its summary, its children."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from parts.processes import Process, spawn


class DemoProcess:
    """Runs, or ran; what it wrote on stdout and stderr is in one log, its children's in `folder`."""

    def __init__(self, folder: Path, *flags: str, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder / "demo"
        command = [sys.executable, "-m", "voltstream", "demo", "--datadir", str(self.folder), *flags]
        self.process: Process = spawn(command, log=folder / "demo.log", env=env, cwd=folder)

    def wait(self, timeout: float = 200) -> int:
        """Its exit status; what is left of it is killed where it takes longer."""
        try:
            return self.process.wait(timeout)
        finally:
            self.process.kill()

    @property
    def output(self) -> str:
        return self.process.log.read_text(errors="replace")

    def summary(self) -> dict[str, Any]:
        """The one JSON object of the last line."""
        found = json.loads(self.output.splitlines()[-1])
        assert isinstance(found, dict)
        return found

    def says(self, text: str) -> bool:
        return text in self.output

    def child(self, command: str) -> int | None:
        """The process id of `voltstream COMMAND` among its children."""
        table = subprocess.run(["ps", "-A", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True)
        for line in table.stdout.splitlines():
            pid, parent, arguments = line.split(None, 2)
            if int(parent) == self.process.pid and f" voltstream {command} " in f"{arguments} ":
                return int(pid)
        return None
