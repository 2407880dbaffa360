"""Transaction ids: fixed for ever, whatever node, process or version of ours computes them."""

import pytest

from edge.transaction_ids import TransactionIds, transaction_id

US = 1_767_323_045_000_000


@pytest.mark.parametrize(
    ("arguments", "literal"),
    [
        (("default/CP1", 1, "04A2B3C4", 0, US), 1_234_680_350),
        (("default/CP1", 2, "04A2B3C4", 0, US), 1_508_100_267),
        (("acme/CP1", 1, "04A2B3C4", 1234567, US), 1_181_605_767),
        (("default/CP1", 1, None, None, ["01ARZ3NDEKTSV4RRFFQ69G5FAV", 0]), 1_117_636_471),
        (("default/K\u00e4fer", 1, "\u00e9", 0, US), 536_858_516),
    ],
)
def test_ids_never_change(arguments: tuple[str, object, object, object, object], literal: int) -> None:
    assert transaction_id(*arguments) == literal


def test_ids_are_positive_and_fit_31_bits() -> None:
    given = [transaction_id("s", connector, "t", 0, US) for connector in range(20_000)]
    assert min(given) >= 1
    assert max(given) <= 2**31 - 1
    assert max(given) > 2**30
    assert len(set(given)) > 19_990


def test_the_time_counts_not_its_spelling() -> None:
    ids = TransactionIds("default/CP1", "C")
    given = {
        ids.started(1, "t", 0, text)
        for text in ("2026-01-02T03:04:05Z", "2026-01-02T04:04:05+01:00", "2026-01-02 03:04:05.000")
    }
    assert given == {transaction_id("default/CP1", 1, "t", 0, US)}


@pytest.mark.parametrize("time", [None, "", "boot", 5, "1970-01-01T00:00:00Z", "2014-12-31T23:59:59.999Z"])
def test_without_a_clock_the_connection_and_a_count_stand_in(time: object) -> None:
    ids = TransactionIds("s", "C")
    first = ids.started(1, "t", 0, time)
    assert first == transaction_id("s", 1, "t", 0, ["C", 0])
    assert ids.started(1, "t", 0, time) == first
    assert TransactionIds("s", "D").started(1, "t", 0, time) != first
    ids.stopped(first + 1)
    assert ids.started(1, "t", 0, time) == first
    ids.stopped(first)
    assert ids.started(1, "t", 0, time) == transaction_id("s", 1, "t", 0, ["C", 1])


def test_each_connector_counts_for_itself() -> None:
    ids = TransactionIds("s", "C")
    one, two = ids.started(1, "t", 0, None), ids.started(2, "t", 0, None)
    assert one != two
    ids.stopped(one)
    assert ids.started(2, "t", 0, None) == two
    assert ids.started(1, "t", 0, None) != one


def test_a_clock_that_works_needs_no_memory() -> None:
    ids = TransactionIds("s", "C")
    first = ids.started(1, "t", 0, "2026-01-02T03:04:05Z")
    ids.stopped(first)
    assert ids.started(1, "t", 0, "2026-01-02T03:04:05Z") == first
    assert ids.started(1, "t", 0, "2015-01-01T00:00:00Z") == transaction_id("s", 1, "t", 0, 1_420_070_400_000_000)


def test_connectors_made_up_cost_no_memory() -> None:
    ids = TransactionIds("s", "C")
    for connector in range(10_000):
        ids.stopped(ids.started(connector, "t", 0, None))
    for connector in range(10_000):
        ids.started(connector, "t", 0, None)
        ids.started([connector], "t", 0, None)
    assert len(ids._last) == len(ids._counts) == 128
