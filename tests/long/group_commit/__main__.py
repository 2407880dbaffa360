"""The group commit on three brokers that are killed, paused and taken away, each run with its verdict.

make crash-commit [ARGS='kills leaderless replicas pauses refusals outage control']    (all: about 15 minutes)
"""

import asyncio
import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "connected"))

from ops import loop
from parts.kafka import start_kafka
from tests.long.group_commit import scenarios

RUNS = {
    "control": scenarios.control,
    "kills": scenarios.kills,
    "leaderless": scenarios.leaderless,
    "replicas": scenarios.replicas,
    "pauses": scenarios.pauses,
    "refusals": scenarios.refusals,
    "outage": scenarios.outage,
}


async def main(names: list[str]) -> int:
    logging.basicConfig(level=logging.CRITICAL)
    failed = []
    with start_kafka(brokers=3) as kafka:
        for name in names or RUNS:
            for line in await RUNS[name](kafka):
                print(f"{name}: {line}", flush=True)
                failed += [name] if "FAIL" in line else []
            await asyncio.to_thread(kafka.wait_in_sync)
    print(f"failed: {', '.join(failed)}" if failed else "all passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(loop.run(main(sys.argv[1:])))
