"""A worker with more to fold than it has time for is busy, not away. On Kafka, where a fetch brings a whole backlog.

The fold takes its time by sleeping: on a slow machine less is folded between two turns of the event loop, never more.
"""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from counting import busy
from counting.run import Run
from parts.handles import Broker

pytestmark = pytest.mark.timeout(180)

FOLD_S = 0.005
BATCH = 300  # 1.5 s in one piece
BACKLOG = 3600  # 18 s; what is fetched of it at once lasts for longer than silence is excused


@pytest.fixture
def run(kafka: Broker) -> Iterator[Run]:
    program = Path(busy.__file__)
    name = kafka.prefix.rstrip(".")
    run = Run(kafka.bootstrap, name, kafka.partitions, program, fold_s=FOLD_S, batch_records=BATCH, pause_s=0.0)
    with contextlib.closing(run):
        run.create_topics()
        yield run


def folded(run: Run) -> int:
    """How many records the committed states hold."""
    return sum(fence + 1 for fence in run.states()[1].values())


def test_a_long_backlog_neither_holds_the_loop_nor_looks_like_a_silent_kafka(run: Run) -> None:
    run.backlog(BACKLOG)
    run.start(0)
    run.wait_ready(0)
    run.workers[0].wait_until(lambda: folded(run) >= 6 * BATCH, 60)  # 9 s
    said = run.logs()
    assert "does not answer" not in said
    most = max(int(found) for found in re.findall(r"folded between turns most=(\d+)", said))
    assert 1 < most <= run.settings.engine().slice_s / FOLD_S + 1
    run.settings = msgspec.structs.replace(run.settings, fold_s=0.0)
    run.start(1)  # partitions move while batches are folded, and wait to be
    run.wait_ready(1)
    assert run.stop(0) < 7
    assert (verdict := run.verdict()).right, f"{verdict}\n{run.logs()}"
