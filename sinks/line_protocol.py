r"""InfluxDB's line protocol, written: `measurement,tag=value field=1.5,other=3i,text="...",flag=true 1700000000000`.

Escapes: `,` and blank in a measurement, and `=` too in tag keys, tag values and field keys; `"` and `\` in a string
field. In a name or tag, a line break or tab becomes the two characters `\n`, `\r`, `\t`, as influxdb-client does it. A
backslash becomes a slash there: it has no escape, and before `,`, `=` or a blank InfluxDB's two scanners read it in two
ways. Floats are finite.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from sinks.point import Tags, Value

_MEASUREMENT = str.maketrans({"\\": "/", ",": r"\,", " ": r"\ ", "\n": r"\n", "\t": r"\t", "\r": r"\r"})
_NAME = _MEASUREMENT | str.maketrans({"=": r"\="})
_STRING = str.maketrans({'"': r"\"", "\\": r"\\"})


class Writable(Protocol):
    """What a line is made of."""

    @property
    def measurement(self) -> str: ...

    @property
    def tags(self) -> Tags: ...

    @property
    def fields(self) -> Mapping[str, Value]: ...

    @property
    def time_ms(self) -> int: ...


def line(point: Writable) -> str:
    """One line without its line break. ValueError where the point has no field, or a float that is not finite."""
    return f"{_series(point.measurement, point.tags)} {_fields(point.fields)} {point.time_ms}"


@lru_cache(maxsize=100_000)
def _series(measurement: str, tags: Tags) -> str:
    text = measurement.translate(_MEASUREMENT)
    for key, value in tags:
        if value:  # an empty tag is no tag
            text += f",{key.translate(_NAME)}={value.translate(_NAME)}"
    return text


@lru_cache(maxsize=10_000)
def _field_key(name: str) -> str:
    return name.translate(_NAME)


def _fields(fields: Mapping[str, Value]) -> str:
    if not fields:
        raise ValueError("a point without fields")
    return ",".join([f"{_field_key(name)}={_value(value)}" for name, value in fields.items()])


def _value(value: Value) -> str:
    if isinstance(value, float):
        text = repr(value)
        if text[-1] in "fn":  # inf, nan
            raise ValueError(f"{text} is not a value of a field")
        return text.removesuffix(".0")
    if isinstance(value, str):
        return f'"{value.translate(_STRING)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value}i"
