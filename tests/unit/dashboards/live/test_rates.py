"""Messages a second: whole seconds that are over, at most a minute of them."""

from dashboards.live.rates import SHOWN_S, Rates


def test_each_second_has_its_count() -> None:
    rates = Rates(100.2)
    rates.count(3, 100.5)
    rates.count(4, 100.9)
    rates.count(5, 102.1)
    assert rates.past(102.9) == [7, 0]
    assert rates.past(103.0) == [7, 0, 5]
    assert rates.mean(103.0) == 4.0
    assert rates.total == 12


def test_nothing_yet_is_no_rate() -> None:
    assert Rates(5.0).mean(5.9) == 0.0
    assert Rates(5.0).past(5.9) == []


def test_a_minute_is_kept_and_a_long_silence_empties_it() -> None:
    rates = Rates(0.0)
    for second in range(200):
        rates.count(second, float(second))
    assert rates.past(199.5) == list(range(199 - SHOWN_S, 199))
    assert rates.past(1e6) == [0] * SHOWN_S


def test_a_time_before_the_last_counts_now() -> None:
    rates = Rates(10.0)
    rates.count(1, 11.0)
    rates.count(1, 10.5)
    assert rates.past(12.0) == [0, 2]
