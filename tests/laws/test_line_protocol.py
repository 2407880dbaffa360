"""Laws of the line protocol: influxdb-client's `Point` writes the same as we do, and a strict reader gets it back."""

import re
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from influxdb_client.client.write.point import Point as ClientPoint
from influxdb_client.domain.write_precision import WritePrecision

from contracts.topics import Name
from derived import sample
from sinks.line_protocol import line
from sinks.point import Point, Tags, Value
from sinks.records import Place, Received, Record

RECORD = Record(Name.SAMPLES, sample("default/A", 1, 0, power_import_w=1.0), Received(Place("t", 0, 0), None, None))

# What can stand in a name or a tag: any text, but characters for which the protocol has no escape are asked for apart.
words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters="\\"), min_size=1, max_size=12
)
names = words.filter(lambda text: not text.startswith("#"))  # which would be a comment
floats = st.floats(allow_nan=False, allow_infinity=False)
integers = st.integers(-(2**63), 2**63 - 1)
strings = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)
values: st.SearchStrategy[Value] = st.one_of(floats, integers, strings, st.booleans())
times = st.integers(-(2**43), 2**43)


@st.composite
def any_point(draw: st.DrawFn) -> Point:
    tags: Tags = tuple(sorted(draw(st.dictionaries(names, words, max_size=5)).items()))
    fields = dict(sorted(draw(st.dictionaries(names, values, min_size=1, max_size=8)).items()))
    return Point(draw(names), tags, fields, draw(times), RECORD)


@given(any_point())
def test_influxdb_client_writes_the_same(point: Point) -> None:
    theirs: Any = ClientPoint(point.measurement)
    theirs.time(point.time_ms, WritePrecision.MS)
    for key, tag in point.tags:
        theirs.tag(key, tag)
    for name, value in point.fields.items():
        theirs.field(name, value)
    assert line(point) == theirs.to_line_protocol()


@given(any_point())
@example(Point("m", (), {'="': "text", '"=': 1.0}, 0, RECORD))  # an equals sign of a name opens no quoted value
def test_a_strict_reader_gets_it_back(point: Point) -> None:
    read = parse(line(point))
    assert read.measurement == point.measurement
    assert read.tags == dict(point.tags)
    assert read.time_ms == point.time_ms
    assert read.fields == point.fields
    assert {name: type(value) for name, value in read.fields.items()} == {
        name: type(value) for name, value in point.fields.items()
    }


@given(any_point(), st.text(max_size=30), st.sampled_from(["measurement", "tag", "field"]))
def test_no_text_can_add_a_line_a_tag_or_a_field(point: Point, text: str, where: str) -> None:
    match where:
        case "measurement":
            point = point._replace(measurement=f"m{text}")
        case "tag":
            point = point._replace(tags=(("t", text),))
        case _:
            point = point._replace(fields={f"f{text}": text})
    read = parse(line(point))
    assert len(read.tags) == len([tag for tag in point.tags if tag[1]])
    assert len(read.fields) == len(point.fields)
    assert read.time_ms == point.time_ms


@given(any_point(), st.sampled_from([float("nan"), float("inf"), float("-inf")]))
def test_what_is_no_number_is_refused(point: Point, value: float) -> None:
    with pytest.raises(ValueError, match="not a value"):
        line(point._replace(fields={**point.fields, "x": value}))


# -- a reader of our own, after the protocol's description: nothing is forgiven


class Read(NamedTuple):
    measurement: str
    tags: dict[str, str]
    fields: dict[str, Value]
    time_ms: int


_FLOAT = re.compile(r"-?(\d+(\.\d+)?|\.\d+)(e[+-]?\d+)?", re.ASCII)
_INTEGER = re.compile(r"-?\d+i", re.ASCII)
_TIME = re.compile(r"-?\d+", re.ASCII)


def parse(text: str) -> Read:
    """One line, without its line break. ValueError for everything that is not exactly one."""
    series, fields, time = _split(text, " ", 3, quotes_from=1)
    measurement, *tags = _split(series, ",", quotes_from=NEVER)
    read = Read(_plain(measurement, ", "), {}, {}, int(_whole(_TIME, time)))
    for tag in tags:
        key, value = _split(tag, "=", 2, quotes_from=NEVER)
        _add(read.tags, _plain(key, ",= "), _plain(value, ",= "))
    for field in _split(fields, ","):
        key, value = _split(field, "=", 2)
        _add(read.fields, _plain(key, ",= "), _value(value))
    if not read.fields:
        raise ValueError("no field")
    return read


def _add(into: dict[str, str] | dict[str, Value], key: str, value: Value) -> None:
    if key in into or not key:
        raise ValueError(f"{key!r} twice, or empty")
    into[key] = value  # type: ignore[assignment]


NEVER = 1000


def _split(text: str, at: str, parts: int | None = None, *, quotes_from: int = 0) -> list[str]:
    """Split at each separator that is neither escaped nor within a quoted value.

    Outside of quotes a separator is escaped by a backslash before it; within them `"` and a backslash are. A quote is
    one only right after a `=` that is none of a name, and behind `quotes_from` separators: in the fields.
    """
    found: list[str] = []
    part, quoted, begins, before, position = "", False, False, "", 0  # begins: a value does, here
    while position < len(text):
        character = text[position]
        if quoted and character == "\\":
            part += text[position : position + 2]
            position += 2
            continue
        if character == '"' and len(found) >= quotes_from and (quoted or begins):
            quoted = not quoted
        if character in "\n\r" and not quoted:
            raise ValueError("a line break")
        if character == at and not quoted and before != "\\":
            found.append(part)
            part = ""
        else:
            part += character
        begins = character == "=" and before != "\\"
        before = character
        position += 1
    if quoted:
        raise ValueError("an open quote")
    found.append(part)
    if parts is not None and len(found) != parts:
        raise ValueError(f"{len(found)} parts at {at!r}: {text!r}")
    return found


def _plain(text: str, escaped: str) -> str:
    """A name or tag without its escapes; a backslash before anything else stands for itself."""
    return re.sub(f"\\\\([{escaped}])", r"\1", text)


def _value(text: str) -> Value:
    if text.startswith('"'):
        if not text.endswith('"') or len(text) < 2:
            raise ValueError(text)
        return re.sub(r'\\(["\\])', r"\1", text[1:-1])
    if text in ("true", "false"):
        return text == "true"
    if text.endswith("i"):
        return int(_whole(_INTEGER, text)[:-1])
    return float(_whole(_FLOAT, text))


def _whole(pattern: re.Pattern[str], text: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(text)
    return text
