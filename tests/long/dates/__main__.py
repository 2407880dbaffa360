"""The whole suite in other worlds: on later days, on a leap day, over a new year, in another zone and language.

usage: python -m tests.long.dates [WORLD ...] [-- pytest's options]

libfaketime (Debian) shows another clock to the tests and to all that they start. Kafka, whose Java spins under it,
InfluxDB, whose Go asks the kernel itself, and the browser cannot live there: the tests that need them run in the world
"elsewhere" only, whose clock is the real one. Exits with 1 where a world was not green.
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "connected"))

from parts.places import PartMissing, part
from tests.long.dates.worlds import World, worlds

WAITS = Path(__file__).parent / "waits.c"
LIVE_UNDER_A_SHIFTED_CLOCK = ("toxiproxy", "ocpp-rpc")
WORKERS = 4
HANG_S = 600
"""After so many seconds a test hangs; the everyday bound is for a machine that does nothing else."""


def main() -> int:
    now = datetime.now(UTC)
    known = {world.name: world for world in worlds(now)}
    options = argparse.ArgumentParser(prog="make test-dates ARGS=...", usage="%(prog)s [WORLD ...] [-- OPTIONS]")
    options.add_argument("names", nargs="*", metavar="WORLD", help=f"one of {', '.join(known)}; all by default")
    ours, theirs = split(sys.argv[1:])
    chosen = options.parse_args(ours).names or list(known)
    if unknown := set(chosen) - known.keys():
        options.error(f"no such world: {', '.join(sorted(unknown))}")
    red = []
    for name in chosen:
        began = time.monotonic()
        try:
            with tempfile.TemporaryDirectory(prefix="voltstream-dates-") as folder:
                status = run(known[name], theirs, Path(folder))
        except PartMissing as missing:
            print(missing, file=sys.stderr)
            status = 1
        red += [name] if status else []
        print(f"{name}: {'RED' if status else 'green'} in {time.monotonic() - began:.0f} s", flush=True)
    print(f"red: {', '.join(red)}" if red else f"{len(chosen)} worlds, all green")
    return 1 if red else 0


def split(arguments: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Our arguments and, behind `--`, pytest's."""
    if "--" not in arguments:
        return arguments, ()
    at = list(arguments).index("--")
    return arguments[:at], arguments[at + 1 :]


def run(world: World, options: Sequence[str], folder: Path) -> int:
    """pytest's exit status in this world."""
    print(f"== {world.name}: {world.start or ''} {' '.join(f'{k}={v}' for k, v in world.env.items())}", flush=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", f"timeout={HANG_S}"]
    if not world.shifted:
        command += ["--numprocesses", str(WORKERS), "--dist", "worksteal", *options]
        return subprocess.run(command, env={**os.environ, **world.env}, check=False).returncode
    env = {**os.environ, **shifted(world, folder), "VOLTSTREAM_PARTS": str(shared_parts(folder)), "CI": ""}
    command += ["-m", "not kafka and not influx and not influx2 and not browser", *tx(world, folder)]
    if world.every_test_anew:
        command += ["-p", "tests.long.dates.set_clock"]
    with clean_shared_memory():
        return subprocess.run([*command, *options], env=env, check=False).returncode


def shifted(world: World, folder: Path) -> Mapping[str, str]:
    """The variables that give this world's clock to a process and to all that it starts."""
    assert world.start is not None
    offset_s = world.start.timestamp() - time.time()
    waits = folder / "waits.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", str(waits), str(WAITS)], check=True)
    clock = {"VOLTSTREAM_DATES_START": str(world.start.timestamp()), "FAKETIME": f"{offset_s:+.6f}"}
    if world.every_test_anew:
        for worker in range(WORKERS + 1):
            offset_file(folder, worker).write_text(clock["FAKETIME"])
        clock = {**clock, "FAKETIME": "", "FAKETIME_NO_CACHE": "1"}
        clock["FAKETIME_TIMESTAMP_FILE"] = str(offset_file(folder, WORKERS))
    return {
        **clock,
        "LD_PRELOAD": f"{waits} {libfaketime()}",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",  # a file's time says whether its compiled twin is fresh
    }


def libfaketime() -> Path:
    """Raises PartMissing."""
    found = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))
    if not found:
        raise PartMissing("libfaketime", "not on this machine")
    return found[0]


def offset_file(folder: Path, worker: int) -> Path:
    """Where a worker of pytest keeps its clock's offset: tests that run side by side set it apart."""
    return folder / f"offset-{worker}"


def tx(world: World, folder: Path) -> Sequence[str]:
    """How pytest-xdist starts its workers."""
    if not world.every_test_anew:
        return ["--numprocesses", str(WORKERS), "--dist", "worksteal"]
    workers = [
        f"popen//python=/usr/bin/env FAKETIME_TIMESTAMP_FILE={offset_file(folder, worker)} {sys.executable}"
        for worker in range(WORKERS)
    ]
    return ["--dist", "worksteal", *(option for worker in workers for option in ("--tx", worker))]


def shared_parts(folder: Path) -> Path:
    """A folder with the parts that can live under a shifted clock, as far as they are there."""
    chosen = folder / "parts"
    chosen.mkdir()
    for name in LIVE_UNDER_A_SHIFTED_CLOCK:
        with contextlib.suppress(PartMissing):
            (chosen / part(name).name).symlink_to(part(name))
    return chosen


@contextlib.contextmanager
def clean_shared_memory() -> Iterator[None]:
    """Remove what libfaketime's processes leave in shared memory when they are killed, as tests do."""
    shared = Path("/dev/shm")  # noqa: S108 - libfaketime chose the place
    before = set(shared.glob("*faketime_*"))
    try:
        yield
    finally:
        for leftover in set(shared.glob("*faketime_*")) - before:
            leftover.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.exit(main())
