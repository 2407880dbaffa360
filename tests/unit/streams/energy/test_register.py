"""From one reading of a register to the next."""

import pytest

from contracts.flags import BACKWARD, RESET, ROLLOVER, ZERO_BEGIN
from contracts.times import HOUR, MINUTE
from streams.energy.register import Step, Track, extended, joined, step


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (1000, 1500, Step(500)),
        (1000, 1000, Step(0)),
        (1000, 999, Step(0, BACKWARD)),  # noise of the meter
        (1000, 501, Step(0, BACKWARD)),
        (1000, 499, Step(499, RESET)),
        (1000, 0, Step(0, RESET)),
        (99_990, 15, Step(25, ROLLOVER)),
        (999_995, 5, Step(10, ROLLOVER)),
        (9_999_990, 40, Step(50, ROLLOVER)),
        (9_990, 15, Step(15, RESET)),  # no register has four digits
        (99_990, 2_000, Step(2_000, RESET)),  # not near zero
        (0, 700, Step(700)),
    ],
)
def test_a_step_within_a_minute(before: float, after: float, expected: Step) -> None:
    assert step(before, after, MINUTE) == expected


def test_what_no_outlet_can_deliver_is_another_register() -> None:
    assert step(0, 910_000, 10 * MINUTE) == Step(0, ZERO_BEGIN)
    assert step(5_000, 910_000, 10 * MINUTE) == Step(0, RESET)
    assert step(910_000, 400_000, MINUTE) == Step(0, RESET)
    assert step(5_000, 910_000, HOUR) == Step(905_000)


def test_readings_of_one_moment_may_come_a_little_apart() -> None:
    assert step(1000, 1200, 0) == Step(200)
    assert step(1000, 1200, -MINUTE) == Step(200)
    assert step(1000, 100_000, 0) == Step(0, RESET)


def test_a_track_follows_a_register() -> None:
    track = None
    for at, wh in enumerate((100.0, 150.0, 20.0, 60.5)):
        track = extended(track, at * MINUTE, wh)
    assert track == Track(0, 100, 3 * MINUTE, 60.5, 110.5, (RESET,), 0, 3 * MINUTE)


def test_a_track_knows_between_which_readings_its_register_rose() -> None:
    track = None
    for at, wh in enumerate((100.0, 100.0, 120.0, 120.0, 140.0, 139.5, 139.5)):
        track = extended(track, at * MINUTE, wh)
    assert track is not None
    assert (track.rose_from_us, track.rose_to_us) == (MINUTE, 4 * MINUTE)
    still = extended(extended(None, 0, 100.0), MINUTE, 100.0)
    assert (still.rose_from_us, still.rose_to_us) == (None, None)


def test_tracks_are_joined_like_their_readings() -> None:
    readings = [(0, 100.0), (1, 150.0), (2, 20.0), (3, 60.5), (4, 60.4), (5, 200.25)]
    whole = None
    for at, wh in readings:
        whole = extended(whole, at * MINUTE, wh)
    for cut in range(len(readings) + 1):
        left = right = None
        for at, wh in readings[:cut]:
            left = extended(left, at * MINUTE, wh)
        for at, wh in readings[cut:]:
            right = extended(right, at * MINUTE, wh)
        found = joined(left, right)
        assert found is not None
        assert whole is not None
        assert found[:5] == whole[:5]
        assert set(found.flags) == set(whole.flags)
        assert found[6:] == whole[6:]
