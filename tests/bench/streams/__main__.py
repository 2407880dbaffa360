"""The stream engine against stock Faust: CPU per record, each with a state and an output for every record.

usage: python -m tests.bench.streams [--records N] [--rounds N] [--json]

A real Kafka holds N records of a meter's readings (2,000 stations, 4 partitions). Each round starts stock Faust with a
table and a topic (tests/bench/peers/stock_faust.py, MODE=eachtblout) and the engine with the same fold and its default
settings, one after the other; both read from the beginning, each in a group of its own. CPU is the process's, user
and system, from the first records on; a figure is the median of the rounds, a ratio is taken within a round.
"""

import argparse
import json
import os
import platform
import random
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import msgspec

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "connected"))

from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from parts.kafka import start_kafka
from parts.places import PartMissing
from parts.processes import spawn
from tests.bench.streams.patience import wait_while_it_works

ROOT = Path(__file__).resolve().parents[3]
STOCK = Path(__file__).parent / "stock_worker.py"
ENGINE = Path(__file__).parent / "engine_worker.py"
PARTITIONS, STATIONS = 4, 2000
MARK = 20.0


class Round(msgspec.Struct, frozen=True):
    """CPU in microseconds a record."""

    stock_us: float
    engine_us: float

    @property
    def ratio(self) -> float:
        return self.stock_us / self.engine_us


def main() -> int:
    options = argparse.ArgumentParser(prog="make bench-streams ARGS=...")
    options.add_argument("--records", type=int, default=60_000)
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--json", action="store_true", help="the last line is one JSON object")
    chosen = options.parse_args()
    if chosen.rounds < 5:
        options.error("a ratio is the median of at least 5 rounds")
    try:
        rounds = measure(chosen.records, chosen.rounds)
    except PartMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    show(rounds)
    if chosen.json:
        print(json.dumps(summary(chosen.records, rounds)))
    return 0


def measure(records: int, rounds: int) -> list[Round]:
    """Stock Faust and the engine in turn, over the same records."""
    with tempfile.TemporaryDirectory(prefix="voltstream-bench-") as folder, start_kafka() as kafka:
        where = Path(folder)
        (where / "bs.addr").write_text(kafka.bootstrap)
        load(kafka.bootstrap, records)
        found = []
        for number in range(rounds):
            state = f"engine-state-{number}"
            create(kafka.bootstrap, state, "compact")
            stock = cpu_us(STOCK, where, records, {"MODE": "eachtblout", "PARTITIONS": str(PARTITIONS)})
            engine = cpu_us(ENGINE, where, records, {"STATE": state})
            found.append(Round(stock, engine))
            figures = f"stock Faust {stock:.0f} us, engine {engine:.1f} us a record: {found[-1].ratio:.1f}x"
            print(f"round {number + 1}: {figures}", flush=True)
        return found


def cpu_us(program: Path, where: Path, records: int, env: Mapping[str, str]) -> float:
    """Run a worker until it has handled all records. Gives the CPU a record that it prints, in microseconds."""
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "connected")])
    log = where / f"{program.stem}-{time.monotonic_ns()}.log"
    worker = spawn(
        [sys.executable, str(program)], log=log, env={"N": str(records), "PYTHONPATH": paths, **env}, cwd=where
    )
    try:
        wait_while_it_works(worker)
    finally:
        worker.kill()
    said = log.read_text()  # Faust makes a log line of each word that is printed
    if (figure := re.search(r"cpu us/\w+\s+(?:\[.*\] )?([\d.]+)", said)) is None:
        raise RuntimeError(f"{program.name} gave no figure:\n{said[-4000:]}")
    return float(figure[1])


def load(bootstrap: str, records: int) -> None:
    """Meter values as a station sends them, the stations in turn."""
    for topic in ("raw", "derived"):
        create(bootstrap, topic, "delete")
    measurands = (
        ("Energy.Active.Import.Register", "Wh"), ("Power.Active.Import", "W"), ("Current.Import", "A"),
        ("Voltage", "V"), ("SoC", "Percent"),
    )  # fmt: skip
    sampled = [
        {"value": str(random.random() * 100), "measurand": measurand, "context": "Sample.Periodic", "unit": unit}
        for measurand, unit in measurands
    ]
    time = "2026-11-22T10:00:00Z"
    payload = {"connectorId": 1, "transactionId": 5, "meterValue": [{"timestamp": time, "sampledValue": sampled}]}
    frame = [2, "abc", "MeterValues", payload]
    value = json.dumps({"ts": time, "cp": "CP0001", "dir": "in", "frame": frame}).encode()
    producer = Producer({"bootstrap.servers": bootstrap, "linger.ms": 5, "queue.buffering.max.messages": 1_000_000})
    for number in range(records):
        producer.produce("raw", value, key=b"CP%05d" % (number % STATIONS))
    producer.flush()


def create(bootstrap: str, topic: str, cleanup: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    new = NewTopic(topic, PARTITIONS, 1, config={"cleanup.policy": cleanup})
    admin.create_topics([new])[topic].result()


def show(rounds: list[Round]) -> None:
    """What a person wants to read."""
    ratios = sorted(each.ratio for each in rounds)
    stock = statistics.median(each.stock_us for each in rounds)
    engine = statistics.median(each.engine_us for each in rounds)
    print(f"stock Faust {stock:.0f} us, engine {engine:.1f} us of CPU a record, medians of {len(rounds)} rounds")
    print(f"{statistics.median(ratios):.1f}x (from {ratios[0]:.1f}x to {ratios[-1]:.1f}x); the mark is {MARK:g}x")


def summary(records: int, rounds: list[Round]) -> dict[str, object]:
    ratios = [each.ratio for each in rounds]
    return {
        "vs_stock_faust": round(statistics.median(ratios), 1),
        "spread": [round(min(ratios), 1), round(max(ratios), 1)],
        "stock_us": round(statistics.median(each.stock_us for each in rounds), 1),
        "engine_us": round(statistics.median(each.engine_us for each in rounds), 2),
        "rounds": len(rounds),
        "records": records,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
    }


if __name__ == "__main__":
    sys.exit(main())
