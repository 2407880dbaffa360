"""How much is done between two turns of the event loop, by a clock that the work itself moves on."""

import asyncio
import contextlib

import pytest

from streams.engine.slices import Slice, in_slices
from streams.engine.steps import Steps, finish


class Work:
    """Steps that take their time on a clock of their own; at each it notes how often the loop has turned before."""

    def __init__(self, steps: int, step_s: float) -> None:
        self.now = 0.0
        self.turns = 0
        self.seen: list[int] = []
        self._steps, self._step_s = steps, step_s

    def steps(self) -> Steps[str]:
        for _ in range(self._steps):
            self.now += self._step_s
            self.seen.append(self.turns)
            yield
        return "done"

    async def count_turns(self) -> None:
        while True:
            await asyncio.sleep(0)
            self.turns += 1

    def between_turns(self) -> list[int]:
        """How many steps were taken before the first turn, before the second, and so on."""
        return [self.seen.count(turn) for turn in sorted(set(self.seen))]


async def run(work: Work, slice_s: float) -> str:
    counting = asyncio.create_task(work.count_turns())
    await asyncio.sleep(0)  # it begins to count
    try:
        return await in_slices(work.steps(), Slice(slice_s, lambda: work.now))
    finally:
        counting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await counting


@pytest.mark.parametrize(
    ("step_s", "slice_s", "most"),
    [
        (0.005, 0.05, 10),
        (0.0005, 0.05, 100),
        (0.02, 0.05, 3),  # the slice is over within the third
        (0.3, 0.05, 1),
        (0.0, 0.05, 1000),
    ],
)
async def test_the_loop_turns_when_a_slice_is_over(step_s: float, slice_s: float, most: int) -> None:
    work = Work(1000, step_s)
    assert await run(work, slice_s) == "done"
    assert len(work.seen) == 1000
    *whole, last = work.between_turns()
    assert set(whole) <= {most, most + 1}  # the clock adds fractions that are not exact
    assert last <= most + 1


async def test_what_a_step_raises_is_raised() -> None:
    def steps() -> Steps[None]:
        yield
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await in_slices(steps(), Slice(0.05))


def test_all_steps_may_be_taken_at_once() -> None:
    work = Work(3, 1.0)
    assert finish(work.steps()) == "done"
    assert work.now == 3.0
