"""When cars come: the visits at one evse over a stretch of time. Pure: the same random numbers, the same visits."""

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence

from contracts.times import HOUR, MINUTE, SECOND
from simulator.battery import NOMINAL_V, Car
from simulator.plan import SessionPlan

Window = tuple[int, int]

# Arrivals in each hour of the day (UTC), as a share of the mean: quiet nights, a morning and an evening peak.
BUSY = (
    *(0.55, 0.5, 0.5, 0.5, 0.55, 0.65, 0.9, 1.3, 1.4, 1.2, 1.05, 1.0),
    *(1.1, 1.05, 1.0, 1.1, 1.3, 1.5, 1.5, 1.3, 1.1, 0.9, 0.75, 0.65),
)  # fmt: skip
LONGEST = 90 * MINUTE
LEAST = 5 * MINUTE
_MARGIN = 2 * MINUTE  # between a visit and what it must not touch
_AMPERES = (16.0, 32.0)


def visit_length(horizon_us: int) -> int:
    """The mean length of a visit in a run of this length: several fit in, and hours of it look like a real day."""
    return max(LEAST + MINUTE, min(35 * MINUTE, horizon_us // 5))


def visits(
    rng: random.Random, evse: int, begin_us: int, end_us: int, closed: Sequence[Window], horizon_us: int, *, dc: bool
) -> Iterator[SessionPlan]:
    """The visits at an evse that fit between `begin_us` and `end_us` and touch none of the closed windows.

    The first comes early, so that every station has one even in a short run.
    """
    mean_us = visit_length(horizon_us)
    at_us = begin_us + round(rng.uniform(0.02, 0.5) * min(mean_us, horizon_us // 4))
    for number in itertools.count():
        length_us = round(min(LONGEST, max(LEAST, mean_us * rng.triangular(0.4, 2.0, 0.8))))
        before_us, after_us = round(rng.uniform(10, 60)) * SECOND, round(rng.uniform(15, 90)) * SECOND
        plug_us = _free(at_us, before_us + length_us + after_us, closed)
        start_us = plug_us + before_us
        if start_us + (LEAST if number else 0) >= end_us:
            return
        # What lies beyond the end is cut off by it: the fleet stops its sessions there.
        stop_us = start_us + length_us
        yield SessionPlan(
            evse=evse,
            plug_us=plug_us,
            start_us=start_us + rng.randrange(SECOND),
            stop_us=stop_us + rng.randrange(SECOND),
            unplug_us=stop_us + after_us,
            id_token=f"{rng.getrandbits(56):014X}",
            car=_car(rng, dc=dc),
        )
        at_us = stop_us + after_us + round(rng.expovariate(1.0) * 0.55 * mean_us / BUSY[_hour(stop_us)]) + 20 * SECOND


def _hour(at_us: int) -> int:
    return at_us // HOUR % 24


def _free(at_us: int, length_us: int, closed: Iterable[Window]) -> int:
    """The first moment from `at_us` on at which so much time lies outside of the closed windows."""
    for from_us, to_us in sorted(closed):
        if at_us + length_us + _MARGIN > from_us and at_us < to_us + _MARGIN:
            at_us = to_us + _MARGIN
    return at_us


def _car(rng: random.Random, *, dc: bool) -> Car:
    capacity_wh = rng.choice((24_000.0, 40_000.0, 58_000.0, 77_000.0, 95_000.0))
    soc = rng.uniform(0.1, 0.75)
    target = max(rng.choice((0.8, 0.9, 1.0, 1.0)), soc + 0.05)
    if dc:
        return Car(capacity_wh, capacity_wh * rng.uniform(1.0, 2.2), 0, soc, target)
    phases = rng.choice((1, 1, 3, 3, 3))
    return Car(capacity_wh, NOMINAL_V * phases * rng.choice(_AMPERES), phases, soc, target)
