"""What a message, a connection and a station cost: CPU and memory of every service, with default settings.

usage: python -m tests.bench.sizing [--stations N] [--speed X] [--seconds S] [--idle N]

The simulator's stations charge as a fleet does, its day passing at --speed so that they send more; a message is a CALL
with its answer, which is two records of the log. Real Kafka, real InfluxDB, one process of each service, in turn:

1. each service at rest: its CPU and memory with nothing to do but the ticks of one edge;
2. a fleet with the edge alone; then a stream worker, and then a sink, works through what has gathered. Nothing waits
   there and batches are full: what the whole derivation, and writing all of it to InfluxDB, costs at least;
3. the fleet again with all three: what a message costs while it is fresh, and batches are small;
4. the worker anew: what the stations' state takes in its memory;
5. an edge anew: with idle connections, and with a thousand messages a second, where a batch holds many.

CPU is the process's own time, user and system. Other load does not count, but slows what is shared: on a busy machine
figures were seen to double, so the load is printed. What a service takes at rest is taken off in 2 and 3.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "connected"))

from parts.places import PartMissing
from parts.service import Service
from tests.bench.machine import cpu_s, described, memory_mb, peak_memory_mb
from tests.bench.sizing.report import Cost, Report, Rest
from tests.bench.sizing.stack import Stack, started, wait_ended

REST_S = 20.0
SETTLE_S = 3.0
PACED = 1000
FLEET_PATIENCE_S = 300.0
"""How much longer than planned a fleet may take: it waits for its last answers."""
RECORDS = {
    "edge": "voltstream_edge_answered_total",
    "streams": "voltstream_streams_records_total",
    "sink": "voltstream_sink_records_total",
}


def main() -> int:
    options = argparse.ArgumentParser(prog="make bench-sizing ARGS=...")
    options.add_argument("--stations", type=int, default=300)
    options.add_argument("--speed", type=float, default=60.0, help="the stations' seconds in a real one")
    options.add_argument("--seconds", type=float, default=240.0, help="real seconds that a fleet runs, twice")
    options.add_argument("--idle", type=int, default=5000, help="idle connections")
    chosen = options.parse_args()
    print(f"# {described()}")
    print(f"# make bench-sizing ARGS='{' '.join(sys.argv[1:])}'", flush=True)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="voltstream-sizing-", ignore_cleanup_errors=True) as folder,
            started(Path(folder), chosen.speed) as stack,
        ):
            report = measure(stack, chosen.stations, chosen.seconds, chosen.idle)
    except PartMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    print(report.text(hours=chosen.seconds * chosen.speed / 3600))
    return 0


def measure(stack: Stack, stations: int, seconds: float, idle: int) -> Report:
    services = (stack.edge, stack.streams, stack.sink)
    began_s = {service.command: stack.started(service) for service in services}
    rest = {service.command: at_rest(service) for service in services}
    for service in (stack.streams, stack.sink):
        service.stop()

    say(f"{stations} stations, and the edge alone")
    edge_alone = edge_cost(stack, stations, seconds, rest["edge"])
    calls = edge_alone.calls
    say(f"{calls:.0f} messages wait for a stream worker, then for a sink")
    derived = backlog_cost(stack, stack.streams, began_s["streams"], calls)
    stored = backlog_cost(stack, stack.sink, began_s["sink"], calls)

    say(f"{stations} stations, and everything")
    live = live_costs(stack, stations, seconds, rest)

    say("the state of both fleets")
    stack.streams.stop()
    stack.started(stack.streams)
    time.sleep(SETTLE_S)
    state_mb = memory_mb(stack.streams.process.pid) - rest["streams"].memory_mb
    state_bytes = stack.shown(stack.streams, "voltstream_streams_state_bytes")

    say(f"{idle} idle connections")
    stack.edge.stop()
    stack.started(stack.edge)
    time.sleep(SETTLE_S)
    empty_mb = memory_mb(stack.edge.process.pid)
    with stack.idle_stations(idle):
        time.sleep(SETTLE_S)
        idle_kb = (memory_mb(stack.edge.process.pid) - empty_mb) * 1024 / idle
        idle_cpu = at_rest(stack.edge).cpu
    say(f"{PACED} messages a second from as many stations")
    paced_us = stack.paced_us(PACED)
    return Report(
        rest=rest,
        edge_alone=edge_alone,
        paced_us=paced_us,
        derived=derived,
        stored=stored,
        live=live,
        stations=2 * stations,
        state_kb=state_bytes / 1024 / (2 * stations),
        state_memory_kb=state_mb * 1024 / (2 * stations),
        idle=idle,
        idle_kb=idle_kb,
        idle_cpu=idle_cpu,
    )


def at_rest(service: Service) -> Rest:
    """A service that has nothing to do: the share of a core that it takes, and its memory."""
    pid = service.process.pid
    before, began = cpu_s(pid), time.monotonic()
    time.sleep(REST_S)
    return Rest((cpu_s(pid) - before) / (time.monotonic() - began), memory_mb(pid))


def edge_cost(stack: Stack, stations: int, seconds: float, rest: Rest) -> Cost:
    """What a fleet costs an edge that nobody reads behind."""
    pid = stack.edge.process.pid
    before_s, began = cpu_s(pid), time.monotonic()
    wait_ended(stack.fleet("A", stations, seconds), seconds + FLEET_PATIENCE_S)
    took_s = time.monotonic() - began
    calls = stack.counted(stack.edge, RECORDS["edge"])
    return Cost(cpu_s(pid) - before_s - rest.cpu * took_s, calls, calls, peak_memory_mb(pid), calls / took_s)


def live_costs(stack: Stack, stations: int, seconds: float, rest: Mapping[str, Rest]) -> dict[str, Cost]:
    """What a fleet costs every service while all of them run and keep up."""
    services = (stack.edge, stack.streams, stack.sink)
    before_s = {service.command: cpu_s(service.process.pid) for service in services}
    before = {service.command: stack.counted(service, RECORDS[service.command]) for service in services}
    began = time.monotonic()
    wait_ended(stack.fleet("B", stations, seconds), seconds + FLEET_PATIENCE_S)
    for service in (stack.streams, stack.sink):
        stack.wait_drained(service)
    took_s = time.monotonic() - began
    calls = stack.counted(stack.edge, RECORDS["edge"]) - before["edge"]
    return {
        service.command: Cost(
            cpu_s=cpu_s(service.process.pid) - before_s[service.command] - rest[service.command].cpu * took_s,
            records=stack.counted(service, RECORDS[service.command]) - before[service.command],
            calls=calls,
            peak_mb=peak_memory_mb(service.process.pid),
            rate=calls / took_s,
        )
        for service in services
    }


def backlog_cost(stack: Stack, service: Service, start_s: float, calls: float) -> Cost:
    """What it costs to work through all that waits. `start_s` is the CPU of a start with nothing to do."""
    began = time.monotonic()
    spent_s = stack.started(service) - start_s
    took_s = time.monotonic() - began
    records = stack.counted(service, RECORDS[service.command])
    return Cost(spent_s, records, calls, peak_memory_mb(service.process.pid), calls / took_s)


def say(what: str) -> None:
    print(f"... {what}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
