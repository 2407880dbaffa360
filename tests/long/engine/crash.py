"""Breaks counting stream workers on real Kafka under load, and compares the outcome with a fresh fold of the log.

    make crash-engine                                      everything, with two and with three workers
    make crash-engine ARGS="kill --times 20 --workers 3"   one of kill, term, pause, scale, brokers
    make crash-engine ARGS=controls                        broken engines: the verdict must be WRONG

Exits non-zero when a verdict is not as it must be.
"""

import argparse
import random
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

_ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(_ROOT), str(_ROOT / "tests" / "connected")]

from counting.pauses import batches_by_process, longest, pauses  # noqa: E402
from counting.run import Run  # noqa: E402
from parts.kafka import start_kafka  # noqa: E402

_HERE = Path(__file__).parent
LONGEST_STANDSTILL_S = 3.0


class Plan(msgspec.Struct, frozen=True):
    """The size of a run."""

    bootstrap: str
    times: int
    workers: int
    partitions: int
    rate: int


def _begin(name: str, plan: Plan, program: Path | None = None, **worker: object) -> Run:
    run = Run(plan.bootstrap, name, plan.partitions, program=program, **worker)
    run.create_topics()
    for worker_number in range(plan.workers):
        run.start(worker_number)
    run.load(plan.rate)
    run.wait_folding()
    return run


def _finish(run: Run, plan: Plan, *figures: str, right: bool = True) -> bool:
    run.rate = 0
    time.sleep(1)
    verdict = run.verdict()
    processes = len(batches_by_process(run))
    name = f"{run.name.rpartition('-')[0]}: {plan.workers} workers, {plan.partitions} partitions, {plan.rate}/s"
    as_it_must_be = verdict.right == right
    print(f"{name}: {verdict}; {processes} processes committed; {'; '.join(figures)}", flush=True)
    if not as_it_must_be:
        print(f"NOT AS IT MUST BE; what the workers said is in {run.folder}", flush=True)
    run.close(keep_logs=not as_it_must_be)
    return as_it_must_be


def kill(plan: Plan, *, program: Path | None = None, right: bool = True) -> bool:
    """SIGKILL of random workers, most of them at work; started again at once, later, or after their session."""
    run = _begin("kill" if right else "control-forgetful", plan, program)
    for n in range(plan.times):
        worker = random.choice(list(run.workers))
        if n % 4 < 3:
            run.wait_ready(worker)
        time.sleep(random.uniform(0.5, 4))
        run.kill(worker)
        time.sleep(12 if n % 5 == 4 else random.choice([0, 0, 1, 2]))
        run.start(worker)
        run.supervise()
    return _finish(run, plan, f"{plan.times} kills", right=right)


def term(plan: Plan) -> bool:
    """SIGTERM in the middle of batches: the folds take so long that all workers together are just fast enough."""
    run = _begin("term", plan, fold_s=0.8 * plan.workers / plan.rate, pause_s=1.0, batch_records=80)
    took = []
    for n in range(plan.times):
        worker = n % plan.workers
        run.wait_ready(worker)
        time.sleep(random.uniform(0.5, 3))
        took.append(run.stop(worker))
        run.start(worker)
        run.supervise()
    took.sort()
    figures = f"exit p50 {took[len(took) // 2]:.1f} s, longest {took[-1]:.1f} s"
    return _finish(run, plan, f"{plan.times} SIGTERMs", figures) and took[-1] < 7


def pause(plan: Plan, *, program: Path | None = None, right: bool = True) -> bool:
    """SIGSTOP for three times the session time-out in the middle of a backlog, then SIGCONT."""
    # Half a millisecond a record: a worker is in the middle of a batch when it is stopped, however busy the machine.
    run = _begin("pause" if right else "control-unfenced", plan, program, batch_records=200, fold_s=0.0005)
    for _ in range(plan.times):
        run.backlog(20_000)
        time.sleep(0.4)
        process = run.workers[random.choice(list(run.workers))]
        process.pause()
        time.sleep(3 * run.settings.session_timeout_s)
        process.resume()
        time.sleep(8)
        run.supervise()
    run.rate = 0
    time.sleep(2)
    for worker in list(run.workers):  # what a worker holds in memory must not matter
        run.kill(worker)
        run.start(worker)
    return _finish(run, plan, f"{plan.times} pauses of {3 * run.settings.session_timeout_s:g} s", right=right)


def scale(plan: Plan) -> bool:
    """Workers join and leave (SIGTERM); nobody is killed, so no kept partition may stand still for long."""
    run = _begin("scale", plan)
    began = time.time()
    joiner = plan.workers
    for _ in range(plan.times):
        run.start(joiner)
        time.sleep(8)
        run.stop(joiner)
        time.sleep(6)
        run.supervise()
    found = pauses(run, since=began)
    kept, moved = longest(found, kept=True), longest(found, kept=False)
    figures = f"longest pause of a kept partition {kept:.2f} s, of a moved one {moved:.2f} s"
    return _finish(run, plan, f"{plan.times} joins and leaves", figures) and kept <= LONGEST_STANDSTILL_S


def brokers(plan: Plan) -> bool:
    """SIGKILL of one of three brokers at a time, for a while."""
    with start_kafka(brokers=3) as kafka:
        run = _begin("brokers", msgspec.structs.replace(plan, bootstrap=kafka.bootstrap))
        for _ in range(plan.times):
            number = random.randint(1, 3)
            kafka.kill(number)
            time.sleep(random.choice([3, 6, 14]))
            run.supervise()
            kafka.start(number)
            kafka.wait_in_sync()
            time.sleep(5)
            run.supervise()
        return _finish(run, plan, f"{plan.times} brokers killed")


def controls(plan: Plan) -> bool:
    """The verdict can say WRONG: workers that do not fence, and workers that read on where the group committed."""
    unfenced = pause(msgspec.structs.replace(plan, times=3), program=_HERE / "unfenced_worker.py", right=False)
    forgetful = kill(msgspec.structs.replace(plan, times=5), program=_HERE / "forgetful_worker.py", right=False)
    return unfenced and forgetful


_RUNS: dict[str, tuple[Callable[[Plan], bool], int]] = {
    "kill": (kill, 20),
    "term": (term, 20),
    "pause": (pause, 10),
    "scale": (scale, 10),
    "brokers": (brokers, 8),
    "controls": (controls, 1),
}
_ONCE = {"brokers", "controls"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="*", choices=[[], *_RUNS], default=[])
    parser.add_argument("--times", type=int)
    parser.add_argument("--workers", type=int, nargs="*", default=[2, 3])
    parser.add_argument("--partitions", type=int, default=12)
    parser.add_argument("--rate", type=int, default=400)
    options = parser.parse_args()
    wrong = 0
    with start_kafka() as kafka:
        for name in options.what or _RUNS:
            run, times = _RUNS[name]
            for workers in options.workers if name not in _ONCE else options.workers[-1:]:
                plan = Plan(kafka.bootstrap, options.times or times, workers, options.partitions, options.rate)
                began = time.monotonic()
                wrong += not run(plan)
                print(f"  {time.monotonic() - began:.0f} s", flush=True)
    print("everything as it must be" if not wrong else f"{wrong} runs NOT AS THEY MUST BE")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
