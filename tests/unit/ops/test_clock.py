import asyncio
import itertools
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.errors import ConfigurationError
from contracts.times import from_rfc3339, rfc3339
from ops.clock import Clock, ClockSettings

DAY_US = 24 * 3600 * 1_000_000


class Ticker:
    """A monotonic clock that stands where it is put."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


def clock(origin: str, anchor: str, speed: float, started: str) -> tuple[Clock, Ticker]:
    ticker = Ticker()
    times = [from_rfc3339(text) for text in (origin, anchor, started)]
    return Clock(times[0], times[1], speed, times[2], monotonic_ns=ticker, started_ns=0), ticker


def test_by_default_it_is_the_systems_time() -> None:
    before = time.time_ns() // 1000
    now = Clock.system().now_us()
    assert before <= now <= time.time_ns() // 1000


def test_speed_multiplies_what_passed_since_the_anchor() -> None:
    fast, ticker = clock("2026-01-01T00:00:00Z", "2026-11-23T12:00:00Z", 60.0, "2026-11-23T12:00:10Z")
    assert rfc3339(fast.now_us()) == "2026-01-01T00:10:00.000000Z"
    ticker.ns += 1_500_000_000
    assert rfc3339(fast.now_us()) == "2026-01-01T00:11:30.000000Z"
    assert fast.real_s(60) == 1
    assert fast.clock_s(15) == 900


def test_a_process_started_later_shows_the_same_time() -> None:
    parent, parents_ticker = clock("2026-01-01T00:00:00Z", "2026-11-23T12:00:00Z", 60.0, "2026-11-23T12:00:00Z")
    child, childs_ticker = clock("2026-01-01T00:00:00Z", "2026-11-23T12:00:00Z", 60.0, "2026-11-23T12:30:00Z")
    parents_ticker.ns = 30 * 60 * 1_000_000_000 + 250_000_000
    childs_ticker.ns = 250_000_000
    assert parent.now_us() == child.now_us()


def test_a_step_of_the_systems_clock_moves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    running = Clock.system()
    before = running.now_us()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert before <= running.now_us() < before + DAY_US


@given(
    st.floats(0.001, 86_400),
    st.integers(0, 2**50),
    st.lists(st.integers(0, 10 * DAY_US * 1000), min_size=2, max_size=9),
)
def test_it_never_goes_back(speed: float, origin: int, moments_ns: list[int]) -> None:
    ticker = Ticker()
    running = Clock(origin, 0, speed, 0, monotonic_ns=ticker, started_ns=0)
    shown = []
    for ticker.ns in sorted(moments_ns):
        shown.append(running.now_us())
    assert all(earlier <= later for earlier, later in itertools.pairwise(shown))


@given(st.integers(0, 4_000_000_000_000_000), st.integers(0, 4_000_000_000_000_000), st.floats(0.001, 86_400))
def test_a_child_gets_the_parents_values_exactly(origin: int, anchor: int, speed: float) -> None:
    parent = Clock(origin, anchor, speed, anchor)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in parent.environment().items():
            patch.setenv(name, value)
        child = Clock.from_settings(ClockSettings.from_text({}))
    assert (child.origin_us, child.anchor_us, child.speed) == (origin, anchor, speed)


def test_without_an_anchor_the_clock_stands_at_its_origin_when_it_starts() -> None:
    started = Clock.from_settings(ClockSettings.from_text({"origin": "2026-01-01T00:00:00Z", "speed": "60"}))
    assert started.now_us() - from_rfc3339("2026-01-01T00:00:00Z") < 60 * 10 * 1_000_000
    assert started.anchor_us == started.started_us


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("origin", "2026-01-01", "CLOCK_ORIGIN (--origin): an RFC 3339 time with its zone is wanted, not '2026-01-01'"),
        ("anchor", "noon", "CLOCK_ANCHOR (--anchor): an RFC 3339 time with its zone is wanted, not 'noon'"),
        ("speed", "0", "CLOCK_SPEED (--speed): input should be greater than 0, not '0'"),
        ("speed", "nan", "CLOCK_SPEED (--speed): input should be a finite number, not 'nan'"),
    ],
)
def test_wrong_values_are_told(field: str, value: str, wanted: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        ClockSettings.from_text({field: value})
    assert str(caught.value).startswith(wanted)


async def test_sleeping_never_wakes_early() -> None:
    fast = Clock.from_settings(ClockSettings(speed=600.0))
    until = fast.now_us() + 12_345_678
    started = time.monotonic()
    await asyncio.wait_for(fast.sleep_until_us(until), 60)
    assert fast.now_us() >= until
    assert time.monotonic() - started >= 12.345678 / 600


async def test_sleeping_until_a_time_that_is_past_returns() -> None:
    running = Clock.system()
    await asyncio.wait_for(running.sleep_until_us(running.now_us() - DAY_US), 5)
