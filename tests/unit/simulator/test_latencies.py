"""Percentiles of how long answers took."""

import random

import pytest

from simulator.latencies import Latencies

MS = 1_000_000


def test_without_a_reply_there_is_nothing_to_sum_up() -> None:
    assert Latencies().summary() is None


def test_one_reply_is_all_of_them() -> None:
    latencies = Latencies()
    latencies.add(7 * MS)
    summary = latencies.summary()
    assert summary is not None
    assert (summary.p50, summary.p90, summary.p99, summary.max) == (7.0, 7.0, 7.0, 7.0)


@pytest.mark.parametrize("scale", [1, 1000, 1_000_000, 60_000_000])
def test_percentiles_are_right_to_one_per_cent(scale: int) -> None:
    latencies, values = Latencies(), list(range(1, 1001))
    random.Random(1).shuffle(values)
    for value in values:
        latencies.add(value * scale)
    summary = latencies.summary()
    assert summary is not None
    for found, exact in ((summary.p50, 500), (summary.p90, 900), (summary.p99, 990)):
        assert found == pytest.approx(exact * scale / MS, rel=0.0101, abs=0.001)
        assert found >= round(exact * scale / MS, 3) - 0.001, "never flattered"
    assert summary.max == round(1000 * scale / MS, 3)


def test_a_clock_that_did_not_move_is_no_error() -> None:
    latencies = Latencies()
    latencies.add(0)
    summary = latencies.summary()
    assert summary is not None
    assert summary.max == 0.0
