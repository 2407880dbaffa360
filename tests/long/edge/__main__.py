"""Edge and brokers killed again and again under load: whatever was answered must be on the log, with its reply.

usage: python -m tests.long.edge [--kills N] [--stations N]

Three brokers (replication 3), one edge, stations that keep their own list. In each round the edge is killed, a broker
is killed, and one is stopped for longer than a request's time-out, in random order and after random times. Exits with 1
where an answered CALL or its reply is missing, or a connection's records have a gap; a station that is not answered
again within two minutes ends it, too.
"""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "connected"))

from edge_load import Load, faults, repeats
from edge_log import read_log
from edge_process import Edge, start_edge
from parts.handles import Broker
from parts.kafka import Kafka, start_kafka
from parts.places import PartMissing

STOPPED_S = 7.0


def main() -> int:
    options = argparse.ArgumentParser(prog="make crash-edge ARGS=...")
    options.add_argument("--kills", type=int, default=12, help="rounds; each kills the edge once and a broker once")
    options.add_argument("--stations", type=int, default=60)
    chosen = options.parse_args()
    try:
        with start_kafka(brokers=3) as kafka:
            broker = Broker("kafka", kafka.bootstrap)
            with start_edge(broker) as edge:
                load = asyncio.run(run(kafka, edge, chosen.kills, chosen.stations))
                status = edge.service.stop()
            kafka.wait_in_sync()
            rows = read_log(kafka.bootstrap, broker.prefix, timeout=300)
    except PartMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    found = faults(load.clients, rows)
    connections = sum(client.connections for client in load.clients)
    print(
        f"{load.answered} CALLs answered of {load.sent} sent on {connections} connections; "
        f"{len(rows)} records, {repeats(rows)} of them repeats; the edge's last exit status {status}"
    )
    for fault in found:
        print(f"FAULT {fault}")
    print("nothing that was answered is missing" if not found else f"{len(found)} faults")
    return 1 if found or status or not load.answered else 0


async def run(kafka: Kafka, edge: Edge, kills: int, stations: int) -> Load:
    """The load, once all is over and every station was answered again."""
    began = time.monotonic()

    def kill_edge() -> None:
        edge.service.kill()
        time.sleep(random.choice((0.0, 0.5, 3.0)))
        edge.service.start(timeout=120)

    def kill_broker() -> None:
        number = random.randint(1, 3)
        kafka.kill(number)
        time.sleep(random.choice((0.5, 3.0, 12.0)))
        kafka.start(number)

    def stop_broker() -> None:
        number = random.randint(1, 3)
        kafka.pause(number)
        time.sleep(STOPPED_S)
        kafka.resume(number)

    incidents: list[tuple[str, Callable[[], None]]] = [
        ("edge killed", kill_edge),
        ("broker killed", kill_broker),
        ("broker stopped", stop_broker),
    ]
    async with Load(edge.port, stations) as load:
        for number in range(kills):
            random.shuffle(incidents)
            for name, incident in incidents:
                await load.until_answered(1000)  # each incident hits processes that had work
                await asyncio.sleep(random.uniform(0, 2))
                before = load.answered
                await asyncio.to_thread(incident)
                await load.until_all_answered()
                print(
                    f"{time.monotonic() - began:7.1f} s  round {number + 1}/{kills}  {name}: "
                    f"{load.answered - before} answered until all were served again",
                    flush=True,
                )
    return load


if __name__ == "__main__":
    sys.exit(main())
