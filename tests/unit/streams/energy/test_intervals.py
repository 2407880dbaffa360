"""What was delivered in a quarter of an hour."""

import pytest

from contracts.flags import BACKWARD, INTERPOLATED, RESET, ROLLOVER
from contracts.times import MINUTE
from streams.energy.intervals import Interval, affected, better, interval
from streams.energy.meter import KEPT, NOTHING, Meter, Quarter, change
from streams.energy.rows import Row

PERIODIC = "Sample.Periodic"


class Stream:
    """A meter and its stored quarters; minutes and Wh go in."""

    def __init__(self, *readings: tuple[float, float]) -> None:
        self.meter = Meter()
        self.quarters: dict[int, Quarter] = {}
        for at, wh in readings:
            self.put(at, wh)

    def read(self, number: int) -> Quarter:
        return self.quarters.get(number, NOTHING)

    def put(self, at: float, wh: float | None = None, **more: float) -> set[int]:
        """The quarters whose view may differ now."""
        made = change(self.meter, self.read, [Row(round(at * MINUTE), PERIODIC, "7", imported=wh, **more)])  # type: ignore[arg-type]
        found = affected(self.meter, self.read, made, lambda number: made.changed.get(number) or self.read(number))
        self.meter, self.quarters = made.meter, self.quarters | made.changed
        return found

    def __getitem__(self, number: int) -> Interval:
        return interval(self.meter, self.read, number)

    def wh(self, *numbers: int) -> list[float]:
        return [self[number].imported for number in numbers]


def test_within_a_quarter_energy_is_measured() -> None:
    found = Stream((1, 1000), (2, 1100), (5, 1300))[0]
    assert (found.imported, found.measured, found.interpolated) == (300, 300, 0)
    assert (found.coverage_s, found.readings, found.method, found.flags) == (240, 3, "register", ())
    assert (found.register_start, found.register_end) == (1000, 1300)


def test_over_a_border_it_is_interpolated() -> None:
    stream = Stream((10, 1000), (20, 1100), (40, 1500))
    assert stream.wh(0, 1, 2) == [50, 50 + 200, 200]
    assert [stream[number].interpolated for number in (0, 1, 2)] == [50, 250, 200]
    assert [stream[number].flags for number in (0, 1, 2)] == [(INTERPOLATED,)] * 3
    assert [stream[number].coverage_s for number in (0, 1, 2)] == [300, 900, 600]
    assert (stream[1].register_start, stream[1].register_end) == (1050, 1300)


def test_a_reading_on_the_border_needs_no_line() -> None:
    stream = Stream((0, 1000), (15, 1600), (30, 2500))
    assert stream.wh(0, 1, 2) == [600, 900, 0]
    assert (stream[1].register_start, stream[1].register_end) == (1600, 2500)


def test_a_quarter_without_readings_under_a_line() -> None:
    stream = Stream((10, 1000), (70, 1600))
    assert stream.wh(0, 1, 2, 3, 4) == [50, 150, 150, 150, 100]
    assert (stream[2].readings, stream[2].method, stream[2].coverage_s) == (0, "register", 900)


def test_outside_the_readings_there_is_nothing() -> None:
    stream = Stream((16, 1000), (20, 1100))
    assert stream[0].is_empty
    assert stream[2].is_empty
    assert stream[2].method == "none"


def test_quarters_add_up_to_what_the_register_says() -> None:
    stream = Stream((3, 0.1), (17, 100.3), (49, 333.333), (50, 333.334), (91.7, 1234.567))
    assert round(sum(stream.wh(*range(8))), 3) == 1234.467


def test_a_reset_begins_anew() -> None:
    stream = Stream((1, 5000), (2, 5100), (3, 40), (4, 90))
    assert stream.wh(0) == [100 + 40 + 50]
    assert stream[0].flags == (RESET,)


def test_a_reset_over_a_border_is_told_where_the_new_register_is() -> None:
    stream = Stream((10, 5000), (20, 60), (25, 70))
    assert stream.wh(0, 1) == [30, 30 + 10]
    assert (stream[0].flags, stream[1].flags) == ((INTERPOLATED,), (INTERPOLATED, RESET))
    assert (stream[0].register_end, stream[1].register_start) == (5000, 60)


def test_a_rollover_goes_through() -> None:
    stream = Stream((10, 99_990), (20, 10))
    assert stream.wh(0, 1) == [10, 10]
    assert ROLLOVER in stream[1].flags


def test_noise_delivers_nothing() -> None:
    stream = Stream((1, 1000), (2, 999), (3, 1050))
    assert (stream.wh(0), stream[0].flags) == ([51], (BACKWARD,))


def test_over_more_than_a_day_no_line_is_drawn() -> None:
    days = 3 * 24 * 60
    stream = Stream((10, 1000), (days + 10, 9000), (days + 12, 9100))
    last = days // 15
    assert stream.wh(0, 1, last - 1, last) == [0, 0, 0, 8100]
    assert stream[last].coverage_s == 120


def test_power() -> None:
    stream = Stream()
    for at, power in ((1, 1000.0), (2, 4000.0), (3, 2500.0)):
        stream.put(at, None, power=power)
    assert (stream[0].power_max, stream[0].power_mean, stream[0].readings) == (4000, 2500, 3)
    assert (stream[0].imported, stream[0].method, stream[0].is_empty) == (0, "none", False)


def test_export_is_a_register_of_its_own() -> None:
    stream = Stream()
    stream.put(10, 1000, exported=50.0)
    stream.put(20, 1100, exported=70.0)
    assert (stream[0].imported, stream[0].exported) == (50, 10)


def test_interval_measurands_are_summed_within_one_context() -> None:
    stream = Stream()
    for at, context in ((5, PERIODIC), (10, PERIODIC), (14, "Sample.Clock")):
        row = Row(at * MINUTE, context, "7", imported_interval=30.0)
        made = change(stream.meter, stream.read, [row])
        stream.meter, stream.quarters = made.meter, stream.quarters | made.changed
    assert (stream[0].imported, stream[0].measured, stream[0].method) == (60, 60, "interval")


def test_where_there_is_a_register_intervals_do_not_count() -> None:
    stream = Stream((1, 1000))
    stream.put(5, 1100, imported_interval=999.0)
    assert (stream.wh(0), stream[0].method) == ([100], "register")


# -- which quarters a reading changes


def test_a_reading_among_others_changes_its_own_quarter() -> None:
    stream = Stream((1, 1000), (5, 1100), (20, 1500))
    assert stream.put(3, 1050) == {0}


def test_the_first_and_last_of_a_quarter_change_the_lines_to_their_neighbours() -> None:
    stream = Stream((1, 1000), (50, 2000), (100, 3000))
    assert stream.put(52, 2020) == {3, 4, 5, 6}
    assert stream.put(49, 1990) == {0, 1, 2, 3}


def test_the_newest_reading_of_an_open_quarter_changes_nothing_else() -> None:
    stream = Stream((1, 1000), (16, 1100), (17, 1110))
    assert stream.put(18, 1120) == {1}


def test_a_reading_without_a_register_changes_its_own_quarter() -> None:
    stream = Stream((1, 1000), (50, 2000))
    assert stream.put(20, None, power=5.0) == {1}


def test_a_quarter_under_a_flat_line_is_none() -> None:
    stream = Stream((1, 1000))
    assert stream.put(50, 1000) == {0, 3}


def test_a_quarter_that_delivers_no_longer_is_one() -> None:
    stream = Stream((1, 1000), (50, 2000))
    assert stream.put(14.9, 2000) == {0, 1, 2, 3}
    assert stream.wh(0, 1, 2, 3) == [1000, 0, 0, 0]


def test_over_more_than_a_day_only_the_ends_change() -> None:
    stream = Stream((1, 1000))
    assert stream.put(15 * 300, 5000) == {0, 300}


def test_a_quarter_that_falls_out_changes_no_other() -> None:
    stream = Stream(*((15 * number + 1, 1000.0 + number) for number in range(KEPT)))
    assert stream.put(15 * KEPT + 1, 5000) == {KEPT - 1, KEPT}


# -- two streams


@pytest.mark.parametrize(
    ("named", "other", "is_named"),
    [
        (Interval(imported=5, coverage_s=10, readings=1), Interval(imported=9, coverage_s=20, readings=1), False),
        (Interval(imported=5, coverage_s=20, readings=1), Interval(imported=9, coverage_s=20, readings=1), True),
        (Interval(imported=5, coverage_s=20, readings=1), None, True),
        (Interval(), Interval(imported=9, coverage_s=0, readings=1), False),
        (None, Interval(imported=9, coverage_s=0, readings=1), False),
        (Interval(readings=1), Interval(coverage_s=900), True),
    ],
)
def test_the_stream_with_more_coverage_counts(
    named: Interval | None,
    other: Interval | None,
    is_named: bool,
) -> None:
    assert better(named, other) == (named if is_named else other, is_named)


def test_without_any_reading_there_is_an_empty_view() -> None:
    assert better(None, None) == (Interval(), False)
