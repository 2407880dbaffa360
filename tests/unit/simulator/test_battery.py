"""A car takes what it can, less and less near the end, and never more than its battery holds."""

import pytest

from simulator.battery import Car, Charge, power_w

CAR = Car(capacity_wh=50_000, max_w=11_040, phases=3, soc=0.2, target=1.0)


def test_a_car_takes_what_it_can_until_the_taper() -> None:
    assert power_w(CAR, 0.2, 22_000) == 11_040
    assert power_w(CAR, 0.8, 22_000) == 11_040
    assert power_w(CAR, 0.5, 7_000) == 7_000


def test_beyond_the_taper_it_takes_less_and_less() -> None:
    powers = [power_w(CAR, soc / 100, 22_000) for soc in range(80, 100)]
    assert powers == sorted(powers, reverse=True)
    assert powers[-1] < 0.2 * 11_040


def test_at_its_target_it_takes_nothing() -> None:
    assert power_w(CAR, 1.0, 22_000) == 0
    assert power_w(Car(50_000, 11_040, 3, 0.8, 0.8), 0.8, 22_000) == 0


def test_the_energy_of_a_whole_charge_is_what_the_battery_lacked() -> None:
    charge = Charge(CAR, 22_000)
    assert charge.advance(24 * 3600) == pytest.approx(0.8 * 50_000, abs=1)
    assert charge.power_w == 0
    assert charge.advance(3600) == 0


def test_an_hour_below_the_taper_is_an_hour_of_its_power() -> None:
    assert Charge(CAR, 22_000).advance(3600) == pytest.approx(11_040)


def test_no_time_is_no_energy() -> None:
    assert Charge(CAR, 22_000).advance(0) == 0
