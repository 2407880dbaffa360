"""Kafka away for ten minutes at speed 1, under a fleet that gives a message up after three attempts, as chargers do.

usage: python -m tests.long.outage [--stations N] [--before S] [--away S] [--after S]

A connected station that gets no answer loses a session in minutes; one without a connection queues. So the edge must
turn its stations away in time. Exits with 1 where a session or a Wh differs from the truth, a message was given up, or
a station was called offline for what was the log's outage.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "connected"))


from contracts.times import MINUTE, rfc3339_ms
from ops.clock import Clock
from parts.places import PartMissing
from simulator import misbehaviour as names
from simulator.incidents import Incident
from simulator.truth import OFFLINE_RULE
from tests.long.pipeline import Fleet, Pipeline, started, tell

# What these make offline alarms of is their own business; here none must come.
_LEFT_OUT = {names.LONG_OUTAGE, names.OFFLINE_REPLAY, names.POWER_LOSS_END, names.POWER_LOSS_RESUME, names.BOOT_LOOP}


def main() -> int:
    options = argparse.ArgumentParser(prog="make outage ARGS=...")
    options.add_argument("--stations", type=int, default=60)
    options.add_argument("--before", type=float, default=300.0, help="seconds that the fleet charges before")
    options.add_argument("--away", type=float, default=600.0, help="seconds that Kafka is away")
    options.add_argument("--after", type=float, default=420.0, help="seconds that the fleet charges after")
    options.add_argument("--attempts", type=int, default=3)
    options.add_argument("--readings", default="15-30", help="seconds between a session's readings")
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="voltstream-outage-"))
    print(f"what the services say is in {folder}", flush=True)
    seconds = chosen.before + chosen.away + chosen.after
    misbehaviours = ",".join(sorted(names.MISBEHAVIOURS.keys() - _LEFT_OUT))
    flags = ["--stations", str(chosen.stations), "--seconds", str(seconds), "--attempts", str(chosen.attempts)]
    flags += ["--readings", chosen.readings, "--aligned", "120", "--misbehave", misbehaviours, "--drain", "120"]
    try:
        with started(folder, Clock.system()) as pipeline:
            fleet = pipeline.start_fleet(*flags)
            outage = take_kafka_away(pipeline, chosen.before, chosen.away)
            wait_for(pipeline, fleet)
            verdict, letters = pipeline.verdict(fleet, [outage])
            status = tell(verdict, letters)
            complaints = [*given_up(fleet), *called_offline(pipeline, outage)]
    except PartMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    for complaint in complaints:
        print(f"NOT AS IT MUST BE: {complaint}")
    return 1 if complaints else status


def take_kafka_away(pipeline: Pipeline, before_s: float, away_s: float) -> Incident:
    """Kill the only broker after a while, and start it again after another; what that was."""
    time.sleep(before_s)
    at_us = pipeline.clock.now_us()
    pipeline.kafka.kill()
    print(f"Kafka killed after {pipeline.messages:,} messages", flush=True)
    ends_s = time.monotonic() + away_s
    while time.monotonic() < ends_s:
        supervise(pipeline)
        time.sleep(1)
    pipeline.kafka.start()
    until_us = pipeline.clock.now_us()
    print(f"Kafka is back after {(until_us - at_us) / 1e6:.0f} s", flush=True)
    return Incident(at_us=at_us, until_us=until_us, kind="broker-killed")


def wait_for(pipeline: Pipeline, fleet: Fleet) -> None:
    while not fleet.ended:
        supervise(pipeline)
        time.sleep(0.5)


def supervise(pipeline: Pipeline) -> None:
    for line in pipeline.start_what_ended():
        print(line, flush=True)


def given_up(fleet: Fleet) -> list[str]:
    """Complaints about messages that a station discarded, and sessions of which the log does not know all."""
    end = fleet.truth().end
    print(f"{end.calls:,} CALLs, {end.answered:,} answered, {end.discarded} messages given up by their stations")
    found = [] if fleet.process.returncode == 0 else [f"the fleet ended with {fleet.process.returncode}"]
    if end.discarded:
        found.append(f"{end.discarded} messages were given up")
    if end.undelivered:
        found.append(f"{end.undelivered} sessions were not told in full")
    return found


def called_offline(pipeline: Pipeline, outage: Incident) -> list[str]:
    """Offline alarms between Kafka's going and two minutes after its return: the stations were not to blame."""
    from_at, to_at = rfc3339_ms(outage.at_us), rfc3339_ms((outage.until_us or outage.at_us) + 2 * MINUTE)
    return [
        f"{alarm.alarm_id} was raised"
        for alarm in pipeline.alarms
        if alarm.alarm_key.startswith(f"{OFFLINE_RULE}/") and from_at <= alarm.raised_at <= to_at
    ]


if __name__ == "__main__":
    sys.exit(main())
