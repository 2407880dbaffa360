import pytest

from sinks.init.influx1 import days_of, literal, quoted
from sinks.init.words import kept


@pytest.mark.parametrize(("duration", "days"), [("0s", 0), ("1h0m0s", 1 / 24), ("720h0m0s", 30), ("168h0m0s", 7)])
def test_a_duration_in_days(duration: str, days: float) -> None:
    assert days_of(duration) == days


def test_names_and_texts_are_quoted() -> None:
    assert quoted('fleet "a" \\') == '"fleet \\"a\\" \\\\"'
    assert literal("it's \\") == "'it\\'s \\\\'"


@pytest.mark.parametrize(
    ("days", "words"), [(0, "for ever"), (1, "for 1 day"), (30, "for 30 days"), (0.5, "for 0.5 days")]
)
def test_how_long_points_are_kept(days: float, words: str) -> None:
    assert kept(days) == words
