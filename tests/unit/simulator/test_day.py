"""Visits at one evse: never two at once, never where it is closed, the first one early."""

import random

from hypothesis import given
from hypothesis import strategies as st

from contracts.times import HOUR, MINUTE
from simulator.day import BUSY, LEAST, visits

BEGIN = 1_800_000_000_000_000
seeds = st.integers(0, 2**32)
horizons = st.integers(30 * MINUTE, 24 * HOUR)


def test_the_day_is_busy_on_average_as_it_should_be() -> None:
    assert len(BUSY) == 24
    assert abs(sum(BUSY) / 24 - 1) < 0.03


@given(seeds, horizons)
def test_visits_follow_each_other(seed: int, horizon_us: int) -> None:
    end_us = BEGIN + horizon_us
    planned = list(visits(random.Random(seed), 1, BEGIN, end_us, [], horizon_us, dc=False))
    assert planned
    assert planned[0].start_us < BEGIN + horizon_us // 2
    free_us = BEGIN
    for visit in planned:
        assert free_us <= visit.plug_us < visit.start_us < visit.stop_us < visit.unplug_us
        assert visit.start_us < end_us
        assert visit.stop_us - visit.start_us >= LEAST - 1_000_000
        free_us = visit.unplug_us


@given(seeds, st.lists(st.tuples(st.integers(0, 20 * HOUR), st.integers(MINUTE, HOUR)), max_size=5))
def test_nobody_comes_where_it_is_closed(seed: int, closed: list[tuple[int, int]]) -> None:
    windows = [(BEGIN + at, BEGIN + at + length) for at, length in closed]
    for visit in visits(random.Random(seed), 1, BEGIN, BEGIN + 24 * HOUR, windows, 24 * HOUR, dc=True):
        assert all(visit.unplug_us < begin or visit.plug_us > end for begin, end in windows)


def test_the_same_seed_the_same_visits() -> None:
    def plan(seed: int) -> list[object]:
        return list(visits(random.Random(seed), 1, BEGIN, BEGIN + 10 * HOUR, [], 10 * HOUR, dc=False))

    assert plan(3) == plan(3)
    assert plan(3) != plan(4)
