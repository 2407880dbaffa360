"""The meter counts whole Wh, and never loses the fractions between."""

import pytest

from simulator.meter import Meter, kwh_text


def test_it_shows_whole_wh_and_keeps_the_rest() -> None:
    meter = Meter(1000)
    for _ in range(10):
        meter.add(0.25)
    assert meter.register_wh == 1002


def test_a_lifetime_register_goes_on_over_sessions() -> None:
    meter = Meter(5)
    meter.add(7)
    assert meter.begin_session() == 12


def test_a_register_that_resets_begins_each_session_at_zero() -> None:
    meter = Meter(5, resets=True)
    meter.add(7.9)
    assert meter.begin_session() == 0
    meter.add(0.2)
    assert meter.register_wh == 0


def test_it_never_runs_backwards() -> None:
    with pytest.raises(ValueError, match="never falls"):
        Meter(0).add(-1)


@pytest.mark.parametrize(("wh", "text"), [(0, "0.000"), (7, "0.007"), (1234567, "1234.567"), (90_000_000, "90000.000")])
def test_kwh_are_exact(wh: int, text: str) -> None:
    assert kwh_text(wh) == text
