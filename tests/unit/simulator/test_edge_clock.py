"""Clocks that are one, and clocks that are not."""

import pytest

from contracts.times import SECOND
from simulator.edge_clock import EdgeClock

NOW = 1_800_000_000 * SECOND


def heard(speed: float, *answers: tuple[float, float, float]) -> str | None:
    """What comes of answers: (sent, received, said), seconds since NOW."""
    clock = EdgeClock()
    for answer in answers:
        clock.heard(speed, *(NOW + round(at * SECOND) for at in answer))
    return clock.difference


@pytest.mark.parametrize("speed", [0.5, 60.0, 3600.0])
def test_the_edges_time_lies_between_call_and_answer(speed: float) -> None:
    assert heard(speed, (0, 6, 3), (600, 900, 899)) is None
    assert heard(speed, (0, 6, 6 + 0.9 * speed), (600, 606, 600 - 0.9 * speed)) is None, "two hosts' clocks"
    assert heard(speed, (0, 6, 6 + 1.1 * speed)) is not None
    assert heard(speed, (0, 6, -1.1 * speed)) is not None


def test_a_simulator_at_60_finds_an_edge_at_1_within_seconds() -> None:
    told = heard(60.0, (3, 6, 0.1), (90, 93, 1.5))
    assert told == "it is 2027-01-15T08:00:01.500Z at the edge, and 2027-01-15T08:01:33.000Z here"


def test_at_speed_1_a_clock_may_be_wrong() -> None:
    assert heard(1.0, (0, 0.1, 3600), (60, 60.1, -3600)) is None


def test_the_first_finding_stays() -> None:
    first = heard(60.0, (0, 6, 999))
    assert first is not None
    assert heard(60.0, (0, 6, 999), (0, 6, 3), (0, 6, 1999)) == first
