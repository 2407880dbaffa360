"""The text of single lines; the laws stand in tests/laws."""

import pytest

from contracts.topics import Name
from derived import sample
from sinks.line_protocol import line
from sinks.point import Point, Tags, Value
from sinks.records import Place, Received, Record

RECORD = Record(Name.SAMPLES, sample("default/A", 1, 0, power_import_w=1.0), Received(Place("t", 0, 0), None, None))


def text(fields: dict[str, Value], tags: Tags = (), measurement: str = "m") -> str:
    return line(Point(measurement, tags, fields, 1_700_000_000_000, RECORD))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1.5, "1.5"),
        (230.0, "230"),
        (-0.0, "-0"),
        (1e22, "1e+22"),
        (5e-324, "5e-324"),
        (7, "7i"),
        (-(2**63), "-9223372036854775808i"),
        (True, "true"),
        (False, "false"),
        ("", '""'),
        ('say "no"\\', '"say \\"no\\"\\\\"'),
        ("two\nlines", '"two\nlines"'),
        ("Straße, Köln", '"Straße, Köln"'),
    ],
)
def test_values(value: Value, written: str) -> None:
    assert text({"f": value}) == f"m f={written} 1700000000000"


def test_names_and_tags_are_escaped() -> None:
    tags = (("a b", "x,y"), ("site", "depot = 1"))
    assert text({"f 1": 1}, tags, "my m,") == r"my\ m\,,a\ b=x\,y,site=depot\ \=\ 1 f\ 1=1i 1700000000000"


def test_an_empty_tag_is_left_out() -> None:
    assert text({"f": 1}, (("a", ""), ("b", "x"))) == "m,b=x f=1i 1700000000000"


def test_a_backslash_in_a_name_cannot_swallow_what_follows() -> None:
    assert text({"f\\": 1}, (("t", "a\\"),)) == "m,t=a/ f/=1i 1700000000000"


def test_a_line_break_in_a_tag_makes_no_line() -> None:
    assert text({"f": 1}, (("t", "a\nb\r\tc"),)) == r"m,t=a\nb\r\tc f=1i 1700000000000"


def test_a_point_without_fields_is_refused() -> None:
    with pytest.raises(ValueError, match="without fields"):
        text({})
