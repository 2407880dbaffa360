"""How long a stream worker takes to load its state: seconds, CPU, memory.

usage: python -m tests.bench.streams.loading [--keys N] [--bytes N] [--records-a-key N] [--partitions N]

The state topic holds each key several times, as between two runs of Kafka's cleaner. One worker owns every partition.
"""

import argparse
import contextlib
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "connected"))

from confluent_kafka import Producer

from counting.run import Run
from parts.kafka import start_kafka
from streams.engine.changelog import Changelog
from tests.bench.machine import cpu_s, peak_memory_mb


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--keys", type=int, default=100_000)
    options.add_argument("--bytes", type=int, default=4096)
    options.add_argument("--records-a-key", type=int, default=2)
    options.add_argument("--partitions", type=int, default=12)
    chosen = options.parse_args()
    with start_kafka() as kafka:
        run = Run(kafka.bootstrap, "loading", chosen.partitions)
        run.create_topics()
        fill(run, chosen.keys, chosen.bytes, chosen.records_a_key)
        began = time.monotonic()
        with contextlib.closing(run):
            run.start(0)
            run.wait_ready(0, 300)
            took, pid = time.monotonic() - began, run.workers[0].pid
            what = f"{chosen.keys} keys of {chosen.bytes} bytes, {chosen.records_a_key} records a key"
            cost = f"CPU {cpu_s(pid):.1f} s, memory {peak_memory_mb(pid):.0f} MB"
            print(f"{what}, {chosen.partitions} partitions: ready {took:.1f} s after the process's start, {cost}")


def fill(run: Run, keys: int, size: int, records_a_key: int) -> None:
    """The state topic of a worker that has worked for a while."""
    changelog = Changelog("counting0", 1)
    producer = Producer({"bootstrap.servers": run.bootstrap, "linger.ms": 20, "queue.buffering.max.kbytes": 1 << 18})
    for _ in range(records_a_key):
        for number in range(keys):
            value = changelog.value(os.urandom(size // 2).hex().encode())
            while True:
                try:
                    producer.produce(
                        run.state, value, key=changelog.key(b"K%07d" % number), partition=number % run.partitions
                    )
                    break
                except BufferError:
                    producer.poll(0.05)
    producer.flush()


if __name__ == "__main__":
    main()
