"""Readings of a register that lie apart from the line around them."""

from collections.abc import Iterable
from itertools import permutations

import pytest

from list_meter import Stream
from streams.energy.meter import KEPT
from streams.energy.rows import START, STOP, Row

Values = tuple[float, ...]


def row(minute: float, wh: float | None, transaction: str = "7", context: str = "Sample.Periodic") -> Row:
    return Row(round(minute * 60_000_000), context, transaction, imported=wh)


def line(values: Iterable[float | None], every: float = 15) -> list[Row]:
    return [row(every * index, wh) for index, wh in enumerate(values)]


def apart(*rows: Row) -> list[float | None]:
    stream = Stream()
    stream.put(*rows)
    return stream.apart()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((1000, 1100, 0, 1300, 1400), [0]),
        ((1000, 1100, -5, 1300, 1400), [-5]),
        ((1000, 1100, 90e6, 1300, 1400), [90e6]),
        ((1000, 1100, 50_000, 1300, 1400), [50_000]),
        ((1000, 1100, 900, 1300, 1400), [900]),
        ((200_000, 201_000, 0, 203_000), [0]),
        ((1000, 0, 1300), [0]),
        ((99_900, 99_950, 0, 100_050), [0]),  # no rollover either: the register has more digits
        ((1000, 1100, 0, 1300, 1400, 1500, 90e6, 1600), [0, 90e6]),
        # a reset: the register goes on from there
        ((1000, 1100, 0, 200, 400), []),
        ((1000, 1100, 0, 0, 1300, 1400), []),
        ((1000, 1100, 0), []),  # as far as is known
        # a rollover
        ((99_900, 99_990, 15, 200), []),
        # noise
        ((1000, 1100, 1050, 1300), []),
        ((50, 60, 0, 70), []),
        # two registers in turn: neither is one reading apart
        ((1000, 900_000, 1010, 900_010, 1020, 900_020), []),
        # a lifetime register after a zero
        ((0, 900_000, 900_100), []),
    ],
)
@pytest.mark.parametrize("every", [1, 15, 50])
def test_one_reading_apart(values: Values, expected: list[float], every: float) -> None:
    assert apart(*line(values, every)) == expected


@pytest.mark.parametrize("values", [(1000, 1100, 0, 1300, 1400), (1000, 1100, 90e6, 1300), (1000, 1100, 0, 50, 1200)])
def test_whatever_the_order_of_arrival(values: Values) -> None:
    rows = line(values)
    expected = apart(*rows)
    for order in permutations(rows):
        stream = Stream()
        for each in order:
            stream.put(each)
        assert stream.apart() == expected


def test_a_reading_that_comes_later_shows_that_it_was_a_reset() -> None:
    stream = Stream()
    stream.put(*line((1000, 1100, 0, 1300)))
    assert stream.apart() == [0]
    stream.put(row(40, 700))
    assert stream.apart() == []


def test_a_greater_value_of_the_same_reading_may_show_it_too() -> None:
    stream = Stream()
    stream.put(*line((1000, 1100, 0, 1300)))
    stream.put(row(30, 1200))
    assert stream.apart() == []


def test_readings_without_a_register_do_not_stand_between() -> None:
    assert apart(*line((1000, None, 1100, None, 0, None, None, None, None, None, 1300))) == [0]


def test_registers_may_begin_anew_with_each_transaction() -> None:
    assert apart(row(0, 1000, "7"), row(15, 0, "8"), row(30, 1300, "8")) == []
    assert apart(row(0, 1000, "7"), row(15, 0, "8"), row(30, 1300, "7")) == []
    assert apart(row(0, 1000, ""), row(15, 0, ""), row(30, 1300, "")) == [0]


def test_starts_and_stops_are_facts_and_part_what_is_around_them() -> None:
    start, stop = row(15, 0, "default/CP1/8", START), row(15, 90e6, "default/CP1/7", STOP)
    for fact in (start, stop):
        assert apart(row(0, 1000), fact, row(30, 1300)) == []
    assert apart(row(0, 1000), row(10, 0), stop, row(30, 1300)) == []


def test_taking_a_fact_away_joins_what_was_around_it() -> None:
    stop = row(20, 1200, "default/CP1/7", STOP)
    stream = Stream()
    stream.put(*line((1000, 0, 1300)), stop)
    assert stream.apart() == []
    stream.put(removed=[stop])
    assert stream.apart() == [0]


def test_export_is_a_register_of_its_own() -> None:
    rows = [
        Row(minute * 60_000_000, "Sample.Periodic", "7", imported=1000.0 + minute, exported=wh)
        for minute, wh in enumerate((5000.0, 5100.0, 0.0, 5300.0))
    ]
    stream = Stream()
    stream.put(*rows)
    (span,) = (stream.read(number).span for number in stream.meter.quarters)
    assert span is not None
    assert span.imported is not None
    assert span.exported is not None
    assert (span.imported.wh, span.exported.wh, span.flags) == (3, 300, ("outlier",))


def test_what_was_given_up_is_remembered_in_the_verdict() -> None:
    stream = Stream()
    stream.put(*line((1000, 0, 1300)))
    for number in range(3, KEPT + 1):
        stream.put(row(15 * number, 1300.0 + number))
    assert stream.meter.quarters[0] == 1, "the first was given up"
    stream.put(row(31, 1301))
    assert stream.apart() == [0]
