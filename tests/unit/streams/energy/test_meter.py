"""One stream of a meter: the newest 96 quarters that hold rows."""

from itertools import permutations

from list_meter import Stream
from streams.energy.meter import KEPT, Quarter, after, before
from streams.energy.register import Point
from streams.energy.rows import QUARTER, STOP, Row
from streams.energy.span import of_rows

PERIODIC = "Sample.Periodic"


def row(quarter: int, second: int = 0, wh: float | None = None, transaction: str = "7") -> Row:
    return Row(quarter * QUARTER + second * 1_000_000, PERIODIC, transaction, imported=wh)


def test_rows_are_stored_by_quarter() -> None:
    stream = Stream()
    made = stream.put(row(1, 5, 10.0), row(3, 5, 30.0), row(1, 2, 9.0))
    assert stream.meter.quarters == (1, 3)
    assert made.fresh == [row(1, 5, 10.0), row(3, 5, 30.0), row(1, 2, 9.0)]
    assert stream.read(1).rows == (row(1, 2, 9.0), row(1, 5, 10.0))


def test_a_quarter_knows_what_its_rows_come_to() -> None:
    rows = [row(1, at, float(at)) for at in range(5)]
    for order in permutations(rows):
        stream = Stream()
        for each in order:
            stream.put(each)
        assert stream.read(1) == Quarter(tuple(rows), of_rows(rows))


def test_a_repeat_is_no_change() -> None:
    stream = Stream()
    stream.put(row(1, 5, 10.0))
    made = stream.put(row(1, 5, 10.0))
    assert (made.changed, made.fresh, made.altered, made.late, made.final) == ({}, [], [], [], [])
    assert made.meter is stream.meter


def test_a_row_that_says_more_alters_another() -> None:
    stream = Stream()
    stream.put(row(1, 5, 10.0))
    made = stream.put(row(1, 5, 11.0))
    assert made.fresh == []
    assert set(made.altered) == {row(1, 5, 10.0), row(1, 5, 11.0)}


def test_rows_can_be_taken_away() -> None:
    stop = Row(QUARTER + 9, STOP, "session", imported=50.0)
    stream = Stream()
    stream.put(row(1, 5, 10.0), stop)
    made = stream.put(removed=[stop])
    assert stream.read(1) == Quarter((row(1, 5, 10.0),), of_rows([row(1, 5, 10.0)]))
    assert (made.fresh, made.altered) == ([], [])
    stream.put(removed=[row(1, 5, 10.0)])
    assert (stream.meter.quarters, stream.quarters) == ((), {})


def test_the_newest_96_quarters_are_kept_whatever_the_clock_says() -> None:
    stream = Stream()
    stream.put(row(1000))  # one live reading, and then three days in order
    final = [number for quarter in range(288) for number, _ in stream.put(row(quarter, 0, float(quarter))).final]
    assert stream.meter.quarters == (*range(193, 288), 1000)
    assert final == list(range(193))
    assert set(stream.quarters) == set(stream.meter.quarters)


def test_what_is_given_up_leaves_its_last_register() -> None:
    stream = Stream()
    for quarter in range(KEPT):
        stream.put(row(quarter, 1, float(quarter)))
    made = stream.put(row(KEPT, 1, 500.0))
    assert [(number, fell.rows) for number, fell in made.final] == [(0, (row(0, 1, 0.0),))]
    assert (stream.meter.given_up, stream.meter.imported) == (0, Point(1_000_000, 0.0))
    assert stream.meter.is_final(0)
    assert not stream.meter.is_final(1)


def test_a_quarter_without_a_register_does_not_hide_the_one_before() -> None:
    stream = Stream()
    stream.put(row(0, 1, 5.0), row(1))
    for quarter in range(2, KEPT + 2):
        stream.put(row(quarter))
    assert (stream.meter.given_up, stream.meter.imported) == (1, Point(1_000_000, 5.0))


def test_a_row_older_than_the_oldest_quarter_is_late() -> None:
    stream = Stream()
    for quarter in range(KEPT + 1):
        stream.put(row(10 + quarter, 0, 1.0))
    made = stream.put(row(5, 0, 1.0), row(10, 30, 1.0), row(11, 30, 1.0))
    assert made.late == [row(5, 0, 1.0), row(10, 30, 1.0)]
    assert made.fresh == [row(11, 30, 1.0)]


def test_before_the_meter_is_full_nothing_is_late() -> None:
    stream = Stream()
    for quarter in range(KEPT - 1, -1, -1):
        assert stream.put(row(quarter)).late == []
    assert stream.put(row(-1)).late == [row(-1)]


def test_what_is_final_stays_so_where_a_quarter_is_emptied() -> None:
    stop = Row(KEPT * QUARTER + 9, STOP, "session", imported=50.0)
    stream = Stream()
    for quarter in range(KEPT):
        stream.put(row(quarter))
    stream.put(stop)
    stream.put(removed=[stop])
    assert len(stream.meter.quarters) == KEPT - 1
    assert stream.put(row(0)).late == [row(0)]


def test_neighbours_of_a_quarter() -> None:
    stream = Stream()
    stream.put(row(1, 5, 10.0), row(1, 6, 11.0), row(3), row(5, 7, 50.0), row(5, 8, 51.0))
    read = stream.read
    assert before(stream.meter, read, 5, "imported") == Point(QUARTER + 6_000_000, 11.0)
    assert before(stream.meter, read, 1, "imported") is None
    assert after(stream.meter, read, 1, "imported") == Point(5 * QUARTER + 7_000_000, 50.0)
    assert after(stream.meter, read, 5, "imported") is None
    assert before(stream.meter, read, 5, "exported") is None


def test_the_neighbour_of_the_oldest_quarter_is_what_fell_out_last() -> None:
    stream = Stream()
    for quarter in range(KEPT + 1):
        stream.put(row(quarter, 0, float(quarter)))
    assert before(stream.meter, stream.read, 1, "imported") == Point(0, 0.0)


def test_several_quarters_may_fall_out_at_once() -> None:
    stream = Stream()
    stream.put(*(row(quarter) for quarter in range(KEPT)))
    made = stream.put(*(row(quarter) for quarter in range(KEPT, KEPT + 3)))
    assert [number for number, _ in made.final] == [0, 1, 2]
    assert stream.meter.quarters == tuple(range(3, KEPT + 3))
