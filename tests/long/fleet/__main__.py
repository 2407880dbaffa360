"""Ten hours of 200 stations of all versions that misbehave in every way: what is derived equals the truth.

usage: python -m tests.long.fleet [--real] [--stations N] [--hours H] [--speed X] [--seed N]

It is `voltstream demo` on the embedded broker and DuckDB, or with --real on real Kafka and InfluxDB. Exits with 1 where
the demo does, or where a misbehaviour came up fewer than five times (those that are only had at speed 1 apart).
"""

import argparse
import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "connected"))

import msgspec

from parts.influx import start_influx
from parts.kafka import start_kafka
from parts.places import PartMissing
from simulator.misbehaviour import MISBEHAVIOURS

LEAST_TIMES = 5
# The embedded broker looks for a batch by walking through all that it keeps: with many small ones it does nothing else.
EMBEDDED = {"EDGE_LINGER_MS": "200"}


class Summary(msgspec.Struct):
    """What is needed of the demo's last line."""

    messages: int
    misbehaviours: dict[str, int]


def main() -> int:
    options = argparse.ArgumentParser(prog="make fleet ARGS=...")
    options.add_argument("--real", action="store_true", help="on real Kafka and InfluxDB")
    options.add_argument("--stations", type=int, default=200)
    options.add_argument("--hours", type=float, default=10.0, help="of the stations' time")
    options.add_argument("--speed", type=float, default=30.0, help="the stations' seconds in a real one")
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    seconds = chosen.hours * 3600 / chosen.speed
    folder = tempfile.mkdtemp(prefix="voltstream-fleet-")
    print(f"{chosen.stations} stations, {chosen.hours:g} hours at speed {chosen.speed:g}: {seconds:.0f} s", flush=True)
    flags = ["--stations", str(chosen.stations), "--seconds", str(seconds), "--speed", str(chosen.speed)]
    flags += ["--seed", str(chosen.seed), "--datadir", folder]
    environment = dict(os.environ)
    with contextlib.ExitStack() as parts:
        if chosen.real:
            try:
                kafka, influx = parts.enter_context(start_kafka()), parts.enter_context(start_influx())
            except PartMissing as missing:
                print(missing, file=sys.stderr)
                return 1
            flags += ["--bootstrap", kafka.bootstrap, "--influx", influx.url, "--partitions", "12"]
        else:
            environment |= EMBEDDED
        command = [sys.executable, "-m", "voltstream", "demo", *flags]
        demo = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False, env=environment)
    print(demo.stdout, end="")
    if demo.returncode:
        print(f"WRONG: the demo ended with {demo.returncode}; what its services say is in {folder}")
        return 1
    rare = too_rare(msgspec.json.decode(demo.stdout.splitlines()[-1], type=Summary).misbehaviours)
    for complaint in rare:
        print(f"NOT AS IT MUST BE: {complaint}")
    print("RIGHT" if not rare else "RIGHT, but not everything was tried")
    return 1 if rare else 0


def too_rare(times: Mapping[str, int]) -> list[str]:
    """Complaints about misbehaviours that did not come up often enough."""
    wanted = [name for name, one in MISBEHAVIOURS.items() if not one.real_time_only]
    return [f"{name} came up {times.get(name, 0)} times" for name in wanted if times.get(name, 0) < LEAST_TIMES]


if __name__ == "__main__":
    sys.exit(main())
