"""The edge against a naive one: CPU per answered CALL, side by side on one real Kafka.

usage: python -m tests.bench.edge [--connections N] [--rounds N] [--json]

Each round starts the naive stack (tests/bench/peers/naive_edge.py) and ours (`voltstream edge`, default settings) one
after the other and loads each with the same frames from the same connections, until it is saturated, then at half of
that. The server has core 1 for itself, the load generator core 0. CPU is the server's, user and system; a figure is
the median of the rounds.
"""

import argparse
import contextlib
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "connected"))

from parts.kafka import start_kafka
from parts.places import PartMissing, part
from parts.processes import Process, accepts_connections, free_port, spawn
from tests.bench.machine import described

PEERS = Path(__file__).resolve().parents[1] / "peers"
MIX = ("MeterValues", "StatusNotification", "MeterValues", "Heartbeat")
WARM_S, LOAD_S = 1.0, 2.0
ATTEMPTS = 3  # a stack that is still warming up, or starved, may answer nothing at first
PARTITIONS = 12
SERVER_CORE, LOAD_CORE = "1", "0"
MARK = 12.0

Row = dict[str, float]


def main() -> int:
    options = argparse.ArgumentParser(prog="make bench-edge ARGS=...")
    options.add_argument("--connections", type=int, default=100)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("--json", action="store_true", help="the last line is one JSON object")
    chosen = options.parse_args()
    if chosen.rounds < 5:
        options.error("a ratio is the median of at least 5 rounds")
    try:
        with tempfile.TemporaryDirectory(prefix="voltstream-bench-") as folder, kafka() as bootstrap:
            full, half = measure(Path(folder), bootstrap, chosen.connections, chosen.rounds)
    except PartMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    show(chosen.connections, full, half)
    if chosen.json:
        print(json.dumps(summary(chosen.connections, chosen.rounds, full, half)))
    return 0


@contextlib.contextmanager
def kafka() -> Iterator[str]:
    """A broker of its own, or the one that $VOLTSTREAM_TEST_KAFKA names, with the naive stack's topic on it."""
    with contextlib.ExitStack() as at_end:
        bootstrap = os.environ.get("VOLTSTREAM_TEST_KAFKA") or at_end.enter_context(start_kafka()).bootstrap
        admin = AdminClient({"bootstrap.servers": bootstrap})
        if "ocpp" not in admin.list_topics(timeout=30).topics:
            admin.create_topics([NewTopic("ocpp", PARTITIONS, 1)])["ocpp"].result(30)
        yield bootstrap


def measure(folder: Path, bootstrap: str, connections: int, rounds: int) -> tuple[Mapping[str, list[Row]], ...]:
    """Rows of every stack, saturated and at half of that."""
    wsload = load_generator(folder)
    full: dict[str, list[Row]] = {"naive": [], "voltstream": []}
    half: dict[str, list[Row]] = {"naive": [], "voltstream": []}
    for number in range(rounds):
        for stack in full:
            with serving(stack, folder, bootstrap) as (process, port):
                common = {"port": port, "n": connections, "pid": process.pid, "warm": WARM_S, "dur": LOAD_S}
                row = load(wsload, common)
                full[stack].append(row)
                half[stack].append(load(wsload, {**common, "mode": "paced", "rate": row["rps"] / 2}))
            print(f"round {number + 1}/{rounds} {stack}: {row['cpu_us']:.1f} us, {row['rps']:.0f}/s", file=sys.stderr)
    return full, half


@contextlib.contextmanager
def serving(stack: str, folder: Path, bootstrap: str) -> Iterator[tuple[Process, int]]:
    """The stack, listening, on its core; ended afterwards."""
    port = free_port()
    if stack == "naive":
        command, env = [sys.executable, str(PEERS / "naive_edge.py"), "naive", str(port)], {"BOOT": bootstrap}
    else:
        command = [str(Path(sys.executable).with_name("voltstream")), "edge"]
        command += ["--listen", f"127.0.0.1:{port}", "--http", f"127.0.0.1:{free_port()}", "--bootstrap", bootstrap]
        env = {}
    process = spawn([*pinned(SERVER_CORE), *command], log=folder / f"{stack}.log", env=env)
    try:
        process.wait_until(lambda: answers(port), 30)
        yield process, port
    finally:
        process.stop()


def answers(port: int) -> bool:
    """Whether a station is admitted: it listens, and reached Kafka."""
    import asyncio

    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException

    async def knock() -> bool:
        try:
            async with connect(f"ws://127.0.0.1:{port}/ocpp/CP999999", subprotocols=["ocpp1.6"]):  # type: ignore[list-item]
                return True
        except (OSError, WebSocketException):
            return False

    return accepts_connections(port) and asyncio.run(knock())


def load(wsload: str, options: Mapping[str, object]) -> Row:
    """One run of the load generator. It must have got an answer to every CALL."""
    arguments = [f"{name}={value}" for name, value in options.items()]
    frames = ",".join(f"fr/{frame}.json" for frame in MIX)
    command = [*pinned(LOAD_CORE), wsload, *arguments, f"files={frames}"]
    for _ in range(ATTEMPTS):
        run = subprocess.run(command, cwd=PEERS, capture_output=True, text=True, check=True)
        row: Row = json.loads(re.sub(r"-?(nan|inf)", "0", run.stdout))
        if row["err"] or row["closed"]:
            raise SystemExit(f"not every CALL was answered: {row}")
        if row["rps"]:
            return row
    raise SystemExit(f"nothing was answered within {LOAD_S} s, {ATTEMPTS} times: is the machine busy?")


def load_generator(folder: Path) -> str:
    """The path of wsload: the part, or built here."""
    try:
        return str(part("wsload") / "bin" / "wsload")
    except PartMissing:
        program = folder / "wsload"
        subprocess.run(["cc", "-O2", "-o", str(program), str(PEERS / "wsload.c"), "-lm"], check=True)
        return str(program)


def pinned(core: str) -> Sequence[str]:
    return ["taskset", "-c", core] if (os.cpu_count() or 1) > 1 and sys.platform == "linux" else []


def show(connections: int, full: Mapping[str, list[Row]], half: Mapping[str, list[Row]]) -> None:
    print(f"# {described()}")
    for title, stacks in (("saturated", full), ("paced at half of that", half)):
        print(f"# {connections} connections, {title}")
        for stack, rows in stacks.items():
            spread = [row["cpu_us"] for row in rows]
            print(
                f"{stack:12s} {middle(rows, 'rps'):7.0f}/s  CPU {middle(rows, 'cpu_us'):7.1f} us a CALL "
                f"[{min(spread):.1f}..{max(spread):.1f}]  "
                f"p50 {middle(rows, 'p50_us') / 1000:.2f} ms  p99 {middle(rows, 'p99_us') / 1000:.2f} ms"
            )
        ratios = ratio_of_rounds(stacks)
        print(f"naive / voltstream: {ratio(stacks):.1f} [{min(ratios):.1f}..{max(ratios):.1f}]  (mark: {MARK:g})")


def summary(
    connections: int, rounds: int, full: Mapping[str, list[Row]], half: Mapping[str, list[Row]]
) -> dict[str, object]:
    ratios = ratio_of_rounds(full)
    return {
        f"vs_naive_{connections}": round(ratio(full), 2),
        "spread": [round(min(ratios), 2), round(max(ratios), 2)],
        f"vs_naive_{connections}_half": round(ratio(half), 2),
        "cpu_us": {stack: round(middle(rows, "cpu_us"), 1) for stack, rows in full.items()},
        "rps": {stack: round(middle(rows, "rps")) for stack, rows in full.items()},
        "p99_ms_half": {stack: round(middle(rows, "p99_us") / 1000, 2) for stack, rows in half.items()},
        "rounds": rounds,
    }


def ratio(stacks: Mapping[str, list[Row]]) -> float:
    return middle(stacks["naive"], "cpu_us") / middle(stacks["voltstream"], "cpu_us")


def ratio_of_rounds(stacks: Mapping[str, list[Row]]) -> list[float]:
    pairs = zip(stacks["naive"], stacks["voltstream"], strict=True)
    return [naive["cpu_us"] / ours["cpu_us"] for naive, ours in pairs]


def middle(rows: Sequence[Row], key: str) -> float:
    return statistics.median(row[key] for row in rows)


if __name__ == "__main__":
    sys.exit(main())
