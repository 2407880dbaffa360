"""A benchmark waits for a worker as long as it works, and gives one up that stands still."""

import itertools
import os
import sys
import time
from pathlib import Path

import pytest

from parts.processes import Process, spawn
from tests.bench.streams.patience import cpu_seconds, stands_still, wait_while_it_works

WAITS = "import time\ntime.sleep({})"


def python(program: str, folder: Path) -> Process:
    return spawn([sys.executable, "-c", program], log=folder / "log")


def test_a_small_share_of_a_busy_machine_is_work() -> None:
    assert not stands_still(cpu_s=12.0, seconds=120.0)
    assert stands_still(cpu_s=0.6, seconds=120.0)


def test_a_worker_that_works_is_waited_for_beyond_the_window(tmp_path: Path) -> None:
    used = itertools.count()
    worker = python(WAITS.format(2), tmp_path)
    wait_while_it_works(worker, cpu=lambda _: float(next(used)), window_s=0.2)
    assert worker.returncode == 0


def test_a_worker_that_stands_still_is_given_up(tmp_path: Path) -> None:
    worker = python(WAITS.format(600), tmp_path)
    with pytest.raises(TimeoutError, match="given up"):
        wait_while_it_works(worker, cpu=lambda _: 1.0, window_s=0.2)
    assert not worker.alive


def test_the_cpu_of_a_process_counts_up() -> None:
    before = cpu_seconds(os.getpid())
    until = time.process_time() + 1.1  # ps tells whole seconds
    while time.process_time() < until:
        pass
    assert cpu_seconds(os.getpid()) >= before + 1


def test_the_cpu_of_a_process_that_has_ended_is_none(tmp_path: Path) -> None:
    worker = python("", tmp_path)
    worker.wait()
    assert cpu_seconds(worker.pid) == 0.0
