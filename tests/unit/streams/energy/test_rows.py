"""Rows are a set with a union."""

from itertools import permutations

from contracts.flags import CONFLICT, PHASE_SUM
from streams.energy.rows import START, STOP, Row, Rows, from_totals, quarter, union

PERIODIC, CLOCK = "Sample.Periodic", "Sample.Clock"


def union_of(*rows: Row) -> Rows:
    found: Rows = ()
    for row in rows:
        found = union(found, row)
    return found


def test_rows_stand_in_the_order_of_their_times() -> None:
    rows = [Row(3, PERIODIC), Row(1, PERIODIC), Row(2, PERIODIC)]
    assert [row.at_us for row in union_of(*rows)] == [1, 2, 3]


def test_of_one_time_a_start_is_first_and_a_stop_is_last() -> None:
    contexts = [STOP, "Transaction.End", PERIODIC, CLOCK, "Transaction.Begin", START]
    found = union_of(*(Row(1, context) for context in contexts))
    assert [row.context for row in found] == [START, "Transaction.Begin", CLOCK, PERIODIC, "Transaction.End", STOP]


def test_the_same_row_again_is_nothing() -> None:
    rows = union_of(Row(1, PERIODIC, "7", imported=5.0), Row(2, PERIODIC, "7", imported=6.0))
    assert union(rows, Row(1, PERIODIC, "7", imported=5.0)) is rows


def test_rows_of_one_identity_say_together_what_each_says() -> None:
    found = union_of(Row(1, PERIODIC, "7", imported=5.0), Row(1, PERIODIC, "7", power=11.0))
    assert found == (Row(1, PERIODIC, "7", imported=5.0, power=11.0),)


def test_of_two_values_the_greater_stands_and_is_flagged() -> None:
    rows = [
        Row(1, PERIODIC, "7", imported=wh, flags=flags) for wh, flags in ((5.0, (PHASE_SUM,)), (7.0, ()), (6.0, ()))
    ]
    for order in permutations(rows):
        assert union_of(*order, *order) == (Row(1, PERIODIC, "7", imported=7.0, flags=(CONFLICT, PHASE_SUM)),)


def test_contexts_are_not_mixed() -> None:
    assert len(union_of(Row(1, PERIODIC, imported=5.0), Row(1, CLOCK, imported=5.0))) == 2


def test_boundaries_of_two_sessions_at_one_time_are_two() -> None:
    assert len(union_of(Row(1, STOP, "a", imported=5.0), Row(1, STOP, "b", imported=6.0))) == 2


def test_a_group_without_totals_has_no_row() -> None:
    assert from_totals(5, PERIODIC, "7", {}, ()) == from_totals(5, PERIODIC, "7", {"voltage": 230.0}, ()) == []


def test_a_row_holds_the_instant() -> None:
    totals = {"energy_import": 1.0, "energy_export": 2.0, "power_import": 3.0, "soc": 4.0, "power_offered": 5.0}
    (row,) = from_totals(5, PERIODIC, "7", totals, {"b", "a"})
    assert row == Row(5, PERIODIC, "7", 1.0, 2.0, None, None, 3.0, 4.0, 5.0, ("a", "b"))


def test_an_intervals_energy_belongs_to_the_quarter_that_it_measured() -> None:
    at_us = 900_000_000
    instant, interval = from_totals(at_us, CLOCK, "", {"energy_import": 1.0, "energy_import_interval": 50.0}, ())
    assert (quarter(instant.at_us), quarter(interval.at_us)) == (1, 0)
    assert (interval.imported, interval.imported_interval) == (None, 50.0)
