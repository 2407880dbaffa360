"""The crash run: the pipeline on real Kafka and InfluxDB at speed 1, and everything in it is killed.

usage: python -m tests.long.crash [--minutes N] [--stations N] [--times N] [--handled N]

While a fleet charges, the edge, a stream worker and the sink are killed (three times each), the broker once, and one of
two stream workers is stopped for three times its session time-out; what was killed is started again. Then what was
derived is compared with what was true, and every CALL that a station says was answered is looked for on the log. Exits
with 1 where anything differs, where fewer than 80 % of the CALLs sent outside outages were answered, or where a process
was killed that had handled fewer than `--handled` messages since its start.
"""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "connected"))

from ops.clock import Clock
from parts.places import PartMissing
from tests.long.crash.answered import answered
from tests.long.crash.driver import Driver
from tests.long.pipeline import started, tell

LEAST_SHARE = 0.8


def main() -> int:
    options = argparse.ArgumentParser(prog="make crash ARGS=...")
    options.add_argument("--minutes", type=float, default=30.0)
    options.add_argument("--stations", type=int, default=200)
    options.add_argument("--times", type=int, default=3, help="how often edge, worker and sink are killed each")
    options.add_argument("--handled", type=int, default=1000, help="messages that a process must have handled before")
    options.add_argument("--calls", type=int, default=20_000, help="CALLs that must have been answered in all")
    options.add_argument("--readings", default="10-20", help="seconds between a session's readings")
    options.add_argument("--partitions", type=int, default=12)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="voltstream-crash-"))
    print(f"what the services say is in {folder}", flush=True)
    seconds = chosen.minutes * 60
    flags = ["--stations", str(chosen.stations), "--seconds", str(seconds), "--seed", str(chosen.seed)]
    flags += ["--readings", chosen.readings, "--aligned", "60", "--heartbeat", "60", "--drain", "120"]
    try:
        with started(folder, Clock.system(), partitions=chosen.partitions, workers=2) as pipeline:
            fleet = pipeline.start_fleet(*flags)
            driver = Driver(pipeline, folder / "incidents.jsonl", chosen.handled)
            driver.run(fleet, seconds, chosen.times)
            verdict, letters = pipeline.verdict(fleet, driver.incidents)
            status = tell(verdict, letters)
            count, share = answered(fleet.journal(), driver.incidents)
    except PartMissing as missing:
        print(missing, file=sys.stderr)
        return 1
    print(f"{count:,} CALLs answered; of those sent outside outages {share:.2%}")
    complaints = list(driver.complaints)
    if count < chosen.calls:
        complaints.append(f"fewer than {chosen.calls:,} CALLs were answered")
    if share < LEAST_SHARE:
        complaints.append(f"fewer than {LEAST_SHARE:.0%} of the CALLs sent outside outages were answered")
    for complaint in complaints:
        print(f"NOT AS IT MUST BE: {complaint}")
    return 1 if complaints else status


if __name__ == "__main__":
    sys.exit(main())
