"""Several edges on one log at speed 1: one dies for good, then another's clock is an hour ahead, and an hour behind.

usage: python -m tests.long.edges [--stations N]

Each of edge-a and edge-b has N stations with a session each, edge-c has a quarter of that. edge-a is killed; three of
four of its stations come to edge-b within 60 s, the others nowhere. Then edge-c is started again with a wrong clock,
twice, and with the right one after each. Exits with 1 where an alarm is missing or too many, or where a station of
edge-a (that moved) or edge-b has not the session that it had, or was called offline.
"""

import argparse
import asyncio
import contextlib
import random
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "connected"))

from contracts.events import Alarm
from contracts.times import HOUR, SECOND, from_rfc3339
from edge_process import start_edge
from parts.handles import Broker
from parts.kafka import start_kafka
from parts.places import PartMissing
from parts.service import start_service
from two_edges import Station, alarms, clock_off_by, sessions, station_statuses

DEADLINE_S, GRACE_S, TICK_S = 15, 60, 5
WRONG_FOR_S, RIGHT_FOR_S = 90, 30


def main() -> int:
    options = argparse.ArgumentParser(prog="make edges ARGS=...")
    options.add_argument("--stations", type=int, default=40)
    chosen = options.parse_args()
    try:
        with start_kafka() as kafka:
            found = asyncio.run(run(Broker("kafka", kafka.bootstrap), chosen.stations))
    except PartMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    for fault in found:
        print(f"FAULT {fault}")
    print("RIGHT" if not found else f"WRONG: {len(found)} faults")
    return 1 if found else 0


async def run(broker: Broker, stations: int) -> list[str]:
    """What was not as it must be."""
    of_a = [Station(f"A-{number:03}") for number in range(stations)]
    of_b = [Station(f"B-{number:03}") for number in range(stations)]
    of_c = [Station(f"C-{number:03}") for number in range(max(1, stations // 4))]
    movers, lost = of_a[: stations * 3 // 4], of_a[stations * 3 // 4 :]
    async with contextlib.AsyncExitStack() as at_end:
        edge_a, edge_b = (at_end.enter_context(start_edge(broker, "--node", f"edge-{name}")) for name in "ab")
        at_end.enter_context(start_service("streams", env=broker.env))
        for station in (*of_a, *of_b, *of_c):
            await at_end.enter_async_context(station)
        await asyncio.gather(*(station.charge_at(edge_a) for station in of_a))
        await asyncio.gather(*(station.charge_at(edge_b) for station in of_b))
        with start_edge(broker, "--node", "edge-c") as edge_c:
            await asyncio.gather(*(station.charge_at(edge_c) for station in of_c))
            await asyncio.sleep(TICK_S + 2)
            edge_a.service.kill()
            killed_us = time.time_ns() // 1000
            say(f"edge-a is dead, and {len(movers)} of its {len(of_a)} stations move within 58 s")

            async def move(station: Station) -> None:
                await asyncio.sleep(random.uniform(1, 58))
                await station.move_to(edge_b)

            await asyncio.gather(*(move(station) for station in movers))
            await asyncio.sleep(DEADLINE_S + GRACE_S + 2 * TICK_S)
            await asyncio.to_thread(edge_c.service.stop)
        for name, off_us in (("ahead", HOUR), ("right", 0), ("behind", -HOUR), ("right", 0)):
            say(f"edge-c's clock is {name}")
            with start_edge(broker, "--node", "edge-c", **clock_off_by(off_us)) as edge_c:
                await asyncio.gather(*(station.move_to(edge_c) for station in of_c))
                await asyncio.sleep(WRONG_FOR_S if off_us else RIGHT_FOR_S)
                await asyncio.to_thread(edge_c.service.stop)
        kept = [*movers, *of_b]
        await asyncio.gather(*(station.stop() for station in kept))
        await asyncio.sleep(2 * TICK_S)
        raised = alarms(broker)
        return [
            *wrong_deaths(raised, killed_us, of_a),
            *wrong_offline(raised, lost, of_c),
            *wrong_clocks(raised),
            *harmed(broker, kept, of_b),
        ]


def wrong_deaths(raised: list[Alarm], killed_us: int, of_a: list[Station]) -> list[str]:
    """edge-a, once, in time, with its connections."""
    found = [alarm for alarm in raised if alarm.alarm_key == "edge-node-lost/edge-a"]
    for alarm in found:
        after_s = (from_rfc3339(alarm.raised_at) - killed_us) / SECOND
        count = alarm.affected.count if alarm.affected is not None else None
        say(f"{alarm.alarm_id}: {after_s:.1f} s after the kill, {count} connections, {alarm.state}")
        if not DEADLINE_S - TICK_S - 1 <= after_s <= DEADLINE_S + 1 or count != len(of_a) or alarm.state != "raised":
            return [f"{alarm.alarm_id}: {after_s:.1f} s, {count} connections, {alarm.state}"]
    return [] if len(found) == 1 else [f"{len(found)} alarms edge-node-lost/edge-a"]


def wrong_offline(raised: list[Alarm], lost: list[Station], of_c: list[Station]) -> list[str]:
    """One for each lost station and none for another; those at the edge with the wrong clock may have one."""
    wanted, may = {f"offline/{station.name}" for station in lost}, {f"offline/{station.name}" for station in of_c}
    keys = [alarm.alarm_key for alarm in raised if alarm.rule == "offline"]
    say(f"{sum(key in wanted for key in keys)} stations of edge-a offline, {sum(key in may for key in keys)} of edge-c")
    found = [f"{keys.count(key)} alarms {key}" for key in sorted(wanted) if keys.count(key) != 1]
    return found + [f"an alarm {key}" for key in sorted(set(keys) - wanted - may)]


def wrong_clocks(raised: list[Alarm]) -> list[str]:
    """Two episodes of edge-c's clock, both over; and nothing else of any node."""
    clocks = [alarm for alarm in raised if alarm.rule == "edge-clock"]
    for alarm in clocks:
        say(f"{alarm.alarm_id}: off by {alarm.value} s, {alarm.state}")
    found = [f"an alarm {alarm.alarm_id}" for alarm in clocks if alarm.alarm_key != "edge-clock/edge-c"]
    if len(clocks) != 2 or any(alarm.state != "cleared" for alarm in clocks):
        found.append(f"edge-c's clock was off twice, and has {len(clocks)} alarms")
    others = {"offline", "edge-clock"}
    return found + [
        f"an alarm {alarm.alarm_id}"
        for alarm in raised
        if alarm.rule not in others and alarm.alarm_key != "edge-node-lost/edge-a"
    ]


def harmed(broker: Broker, kept: list[Station], of_b: list[Station]) -> list[str]:
    """Stations whose session is not what they say, or that were called offline without having been it."""
    derived, statuses = sessions(broker), station_statuses(broker)
    found = []
    for station in kept:
        session = derived.get(station.name)
        said = (station.transaction, station.started_at, station.ended_at, "ended", station.wh, ())
        if session is None:
            found.append(f"no session of {station.name}")
            continue
        got = (session.transaction_id, session.started_at, session.ended_at, session.state)
        if (*got, session.import_wh, session.flags) != said:
            found.append(f"{station.name}: {got} {session.import_wh} {session.flags}, not {said}")
    found += [f"{one.name} was offline" for one in of_b if not all(status.online for status in statuses[one.name])]
    say(f"{len(kept)} sessions compared, {sum(station.wh for station in kept):,} Wh")
    return found


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
