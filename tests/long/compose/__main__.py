"""docker-compose.yml on a real Docker engine, with real Kafka, InfluxDB and HAProxy in its containers.

usage: python -m tests.long.compose [--stations N] [--seconds S] [--no-kills] [--no-faults]

Builds the images, brings the file up, lets a fleet charge through the balancer while each container's process is killed
once, compares the sessions in InfluxDB with the truth, and starts the profile `demo`. Then one variable of the file at
a time is wrong, and somebody has to notice. Exits with 1 where anything is not as it must be.

Kafka, InfluxDB and HAProxy run in images of our own under the official names (images.py); the official images
themselves are not run, and Grafana is left out.
"""

import argparse
import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "connected"))

from parts.places import PartMissing
from parts.processes import PartFailed
from tests.long.compose import engine as engines
from tests.long.compose import faults, images
from tests.long.compose.stack import NotInTime, Stack
from tests.long.pipeline import DRAIN_S, Fleet
from voltstream.demo import store
from voltstream.demo.compare import Comparison, DerivedSession, compare
from voltstream.demo.drain import drained

PARTITIONS = 12  # the default, which the file leaves alone
UP_S, BACK_S = 300.0, 300.0
WARM_S = 60.0
_LAG_PORTS = {"streams-1": 9102, "streams-2": 9102, "sink-1": 9103, "sink-2": 9103}


def main() -> int:
    options = argparse.ArgumentParser(prog="make compose-test ARGS=...")
    options.add_argument("--stations", type=int, default=50)
    options.add_argument("--seconds", type=float, default=900.0, help="how long the fleet charges")
    options.add_argument("--no-faults", action="store_true", help="leave the wrong variables out")
    options.add_argument("--no-kills", action="store_true", help="leave the fleet and the kills out")
    chosen = options.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the containers go first
    folder = Path(tempfile.mkdtemp(prefix="voltstream-compose-"))
    print(f"what the engine and the fleet say is in {folder}", flush=True)
    try:
        with engines.started(folder) as engine:
            return tell(list(run(engine, folder, chosen)))
    except PartMissing as missing:
        print(f"docker-compose.yml is not tried here: {missing}", file=sys.stderr)
        return 1 if os.environ.get("CI") == "true" else 0
    except (PartFailed, engines.CommandFailed, NotInTime) as failed:
        print(failed, file=sys.stderr)
        return 1


def run(engine: engines.Engine, folder: Path, chosen: argparse.Namespace) -> list[str]:
    """All of it; complaints."""
    timed("images are built", lambda: images.build(engine))
    found = images.complaints(engine)
    stack = Stack(engine, folder, "voltstream-test")
    try:
        timed("docker compose up --detach", stack.up)
        timed("and all is healthy", lambda: stack.wait_good(UP_S))
        if not chosen.no_kills:
            found += charged(stack, folder, chosen)
            timed("the demo's fleet is connected", lambda: demonstrated(stack))
        if not chosen.no_faults:
            found += faults.unnoticed(engine, folder, stack)
    finally:
        stack.down()
    return found


def charged(stack: Stack, folder: Path, chosen: argparse.Namespace) -> list[str]:
    """A fleet charges, everything is killed once, and its sessions are looked for in InfluxDB."""
    flags = ["--stations", str(chosen.stations), "--seconds", str(chosen.seconds), "--readings", "10-20"]
    flags += ["--aligned", "60", "--heartbeat", "60", "--drain", "120"]
    fleet = Fleet(folder, f"ws://127.0.0.1:{stack.stations_port}/ocpp", flags, {})
    time.sleep(WARM_S)
    for state in stack.states():
        if state.health:
            print(f"{state.name} was killed; all is healthy after {stack.kill(state.name, BACK_S):.1f} s", flush=True)
    if fleet.ended:
        return ["the fleet had ended before everything was killed: more --seconds are wanted"]
    status = fleet.process.wait(chosen.seconds + DRAIN_S)
    compared = compare(asyncio.run(stored(stack)), [], fleet.truth().sessions, [])
    return [*differences(compared), *([f"the fleet ended with {status}"] if status else [])]


def demonstrated(stack: Stack) -> None:
    """The stations of the profile `demo` find the balancer. They are called as those of the fleet before."""
    stack.up("simulate")
    stack.wait(lambda: "connected=50 " in stack.logs("simulate"), UP_S)
    stack.compose("rm", "--force", "--stop", "simulate")


async def stored(stack: Stack) -> list[DerivedSession]:
    """The sessions in InfluxDB, when the stream workers and sinks have nothing left to do."""
    addresses = [f"{state.address}:{port}" for service, port in _LAG_PORTS.items() for state in stack.states(service)]
    (influx,) = stack.states("influxdb")
    headers = {"Authorization": f"Token {stack.setting('INFLUX_ADMIN_TOKEN')}"}
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60), headers=headers) as http:
        await drained(http, addresses, PARTITIONS, lambda: None, DRAIN_S)
        sessions, _ = await store.from_influx(http, f"http://{influx.address}:8086", "voltstream")
    return sessions


def differences(compared: Comparison) -> list[str]:
    print(
        f"sessions: {compared.sessions_equal} of {compared.sessions} equal, {compared.sessions_extra} too many; "
        f"{compared.energy_wh:,.0f} Wh of {compared.energy_truth_wh:,} Wh",
        flush=True,
    )
    return compared.differences if compared.sessions else ["the fleet had no session: more --seconds are wanted"]


def timed(what: str, action: Callable[[], object]) -> None:
    began_s = time.monotonic()
    action()
    print(f"{time.monotonic() - began_s:6.1f} s  {what}", flush=True)


def tell(complaints: list[str]) -> int:
    for complaint in complaints:
        print(f"NOT AS IT MUST BE: {complaint}")
    print("WRONG" if complaints else "RIGHT", flush=True)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
