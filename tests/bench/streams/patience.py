"""How long a worker is waited for: as long as it works, however slowly a busy machine lets it.

A worker that stands still (waiting for a broker that is gone, say) uses next to no CPU; a busy one uses its share,
however small. So time alone never ends a measurement.
"""

import subprocess
import time
from collections.abc import Callable

from parts.processes import Process

WINDOW_S = 120.0
"""A worker that stands still is given up after so long."""
LEAST_SHARE = 0.02
"""Of one core, over the window: less is standing still. Heartbeats need about 0.005; at a load of 10, a busy worker
gets 0.2."""


def stands_still(cpu_s: float, seconds: float) -> bool:
    """Whether so much CPU in so many seconds of the clock is no more than a process uses that waits."""
    return cpu_s < LEAST_SHARE * seconds


def cpu_seconds(pid: int) -> float:
    """User and system CPU of a process so far, in seconds, by `ps`; 0 where it has ended."""
    told = subprocess.run(["ps", "-o", "time=", "-p", str(pid)], capture_output=True, text=True, check=False)
    days, _, rest = told.stdout.strip().rpartition("-")
    seconds = 0.0
    for part in rest.split(":"):
        seconds = seconds * 60 + float(part or 0)
    return seconds + 86_400 * int(days or 0)


def wait_while_it_works(
    worker: Process, *, cpu: Callable[[int], float] = cpu_seconds, window_s: float = WINDOW_S
) -> None:
    """Return when `worker` has ended. Raises TimeoutError, the worker killed, when it stood still for the window."""
    since, used_s = time.monotonic(), cpu(worker.pid)
    while worker.alive:
        time.sleep(0.1)
        if (seconds := time.monotonic() - since) < window_s:
            continue
        now_s = cpu(worker.pid)
        if worker.alive and stands_still(now_s - used_s, seconds):
            worker.kill()
            raise TimeoutError(f"it used {now_s - used_s:.1f} s of CPU in {seconds:.0f} s and was given up")
        since, used_s = time.monotonic(), now_s
