"""JavaScript clients under Node, with the npm package ocpp-rpc within reach of `require`."""

import contextlib
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from parts.places import part, program
from parts.processes import PartFailed, Process, spawn


def _command(script: Path, arguments: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
    modules = part("ocpp-rpc") / "node_modules"
    return [program("node", "nodejs"), str(script), *arguments], {"NODE_PATH": str(modules)}


def run_node(script: Path, *arguments: str, timeout: float = 60) -> str:
    """Runs the CommonJS `script` to its end; gives what it printed. Raises PartMissing, PartFailed with its complaint.

    It blocks: beside a server in the same event loop, call it through asyncio.to_thread.
    """
    command, env = _command(script, arguments)
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **env},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise PartFailed(f"{script.name} still ran after {timeout:g} s: {late.stdout!r} {late.stderr!r}") from None
    if done.returncode:
        raise PartFailed(f"{script.name} ended with status {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def start_node(script: Path, *arguments: str) -> Iterator[Process]:
    """Runs the CommonJS `script` beside the test; killed at the end. Raises PartMissing."""
    command, env = _command(script, arguments)
    with tempfile.TemporaryDirectory(prefix="voltstream-node-") as folder:
        process = spawn(command, log=Path(folder) / "node.log", env=env)
        try:
            yield process
        finally:
            process.kill()
