"""What a schema does not see: times that are no RFC 3339, and numbers with blanks around them.

Both stand in strings, which the schemas accept as they are (formats are not validated: far too many chargers fail
there). Where such strings stand is read from the schema once; a payload that is clean costs one short walk.
"""

import re
from collections.abc import Callable, Iterator
from typing import TypeAlias

from contracts.quirks import timestamp_quirk, value_quirk
from edge.paths import Path
from edge.violations import Schema

Check: TypeAlias = Callable[[str], str | None]
Plan: TypeAlias = "Check | _Many | dict[str, Plan]"

_MAX_DEPTH = 16
# A time as it should be. What does not match is looked at again, slowly: it may be right all the same.
_is_usual_time = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII).fullmatch


class _Many:
    """The plan of a list: that of each of its items."""

    def __init__(self, item: "Plan") -> None:
        self.item = item


class Inspection:
    """The walk over one action's payloads."""

    def __init__(self, schema: Schema, *, padded_values: bool) -> None:
        plan = _plan(schema, schema, "", padded_values)
        self._plan: Plan = {} if plan is None else plan
        self.is_clean: Callable[[object], bool] = _clean(self._plan)
        """Whether nothing is to be found in a payload that its schema has accepted."""

    def findings(self, payload: object) -> Iterator[tuple[str, Path]]:
        """The quirks in any payload, and where."""
        return _findings(self._plan, payload, ())


def _plan(node: Schema, root: Schema, name: str, padded_values: bool, depth: int = 0) -> "Plan | None":  # noqa: FBT001
    """Where in a schema's documents there is something to look at; None where there is nothing."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(reference := node.get("$ref"), str):
        node = root["definitions"][reference.rsplit("/", 1)[1]]
    if node.get("format") == "date-time":
        return timestamp_quirk
    if node.get("type") == "string":
        return value_quirk if padded_values and name == "value" else None
    if isinstance(items := node.get("items"), dict):
        item = _plan(items, root, name, padded_values, depth + 1)
        return None if item is None else _Many(item)
    members: dict[str, Plan] = {}
    if isinstance(properties := node.get("properties"), dict):
        for key, value in properties.items():
            if (member := _plan(value, root, key, padded_values, depth + 1)) is not None:
                members[key] = member
    return members or None


def _clean(plan: Plan) -> Callable[[object], bool]:
    """The plan as one function; the values' types are those of the schema."""
    if isinstance(plan, _Many):
        if plan.item == {"value": value_quirk}:  # the readings of a meter: half of all that ever comes
            return _are_unpadded
        item = _clean(plan.item)
        return lambda values: all(map(item, values))  # type: ignore[call-overload]  # a list
    if isinstance(plan, dict):
        members = tuple((name, _clean(member)) for name, member in plan.items())
        if not members:
            return lambda _: True

        def clean(value: object) -> bool:
            assert isinstance(value, dict)  # noqa: S101 - its schema said so
            for name, check in members:  # noqa: SIM110 - a generator costs more than what it looks at
                if name in value and not check(value[name]):
                    return False
            return True

        return clean
    if plan is timestamp_quirk:
        return lambda text: _is_usual_time(text) is not None or timestamp_quirk(text) is None  # type: ignore[call-overload, arg-type]
    quirk = plan
    return lambda text: quirk(text) is None  # type: ignore[arg-type]


def _are_unpadded(readings: object) -> bool:
    for reading in readings:  # type: ignore[attr-defined]  # a list of objects, its schema said so
        value = reading["value"]
        if value != value.strip() and value_quirk(value) is not None:
            return False
    return True


def _findings(plan: Plan, value: object, path: Path) -> Iterator[tuple[str, Path]]:
    if isinstance(plan, _Many):
        if isinstance(value, list):
            for index, item in enumerate(value):
                yield from _findings(plan.item, item, (*path, index))
        elif isinstance(value, dict):  # in the place of a list: its only item
            yield from _findings(plan.item, value, path)
    elif isinstance(plan, dict):
        if isinstance(value, dict):
            for name, member in plan.items():
                if name in value:
                    yield from _findings(member, value[name], (*path, name))
    elif isinstance(value, str) and (quirk := plan(value)) is not None:
        yield quirk, path
