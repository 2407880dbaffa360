"""Ages are real seconds whatever the clock's speed, and somebody else's headers are no error."""

import pytest

from contracts.times import rfc3339
from contracts.topics import Name, event_headers
from ops.ages import Ages
from ops.clock import Clock

NOW_US = 1_800_000_000_000_000


def clock(speed: float) -> Clock:
    return Clock(origin_us=NOW_US, anchor_us=0, speed=speed, started_us=0, monotonic_ns=lambda: 0, started_ns=0)


def headers(at_us: int) -> tuple[tuple[str, bytes], ...]:
    return event_headers(Name.SAMPLES, "Sample", b"k", 1, 1, "ocpp.messages/0", at_us, 0)


@pytest.mark.parametrize("speed", [1.0, 60.0])
def test_an_age_is_in_real_seconds(speed: float) -> None:
    ages = Ages(clock(speed))
    clock_us = int(3_000_000 * speed)
    assert ages.of(headers(NOW_US - clock_us)) == pytest.approx(3.0)
    assert ages.of(headers(NOW_US - clock_us)) == pytest.approx(3.0)
    assert ages.of(headers(NOW_US - 2 * clock_us)) == pytest.approx(6.0)


def test_what_an_edge_with_a_fast_clock_says_is_not_in_the_future() -> None:
    assert Ages(clock(1.0)).of(headers(NOW_US + 5_000_000)) == 0.0


@pytest.mark.parametrize("content", [b"", b"yesterday", b"\xff"])
def test_headers_without_a_time_have_no_age(content: bytes) -> None:
    ages = Ages(clock(1.0))
    assert ages.of(()) is None
    assert ages.of((("ce_time", content),)) is None
    assert ages.of((("ce_time", rfc3339(NOW_US).encode()),)) == 0.0
