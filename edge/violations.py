"""Where and how a payload violates its schema, for the few keywords that OCPP's schemas use.

Whether it does is jsonschema_rs's to say, and fast. It tells of all violations at once, at 10 us each and before the
first can be read: a hostile frame would stop the edge for seconds. This walk is lazy, and where an object stands in
the place of a list it looks into it as into the list's only item, which no validator does.
"""

from collections.abc import Callable, Iterator
from typing import Any

from contracts.quirks import Violation
from edge.paths import Path, pointer

Schema = dict[str, Any]


class Walk:
    """The walk over one schema's documents. Draft 04: 1.0 is no integer; draft 06: it is."""

    def __init__(self, schema: Schema) -> None:
        self._root = schema
        self._is_draft_04 = "draft-04" in str(schema.get("$schema"))

    def violations(self, payload: object) -> Iterator[tuple[Violation, Path]]:
        """Each violation, with its place in the payload."""
        return self._node(self._root, payload, ())

    def _node(self, node: Schema, value: object, path: Path) -> Iterator[tuple[Violation, Path]]:
        if "$ref" in node:
            node = self._root["definitions"][node["$ref"].rsplit("/", 1)[1]]
        wanted = node.get("type")
        if wanted is not None and not self._is_of_type(value, wanted):
            yield Violation("type", pointer(path), value, wanted), path
            if wanted == "array" and isinstance(value, dict) and "items" in node:
                yield from self._node(node["items"], value, path)
            return
        if "enum" in node and value not in node["enum"]:
            yield Violation("enum", pointer(path), value), path
        if isinstance(value, dict):
            yield from self._object(node, value, path)
        elif isinstance(value, list) and (items := node.get("items")):
            for index, item in enumerate(value):
                yield from self._node(items, item, (*path, index))
        for keyword in _out_of_bounds(node, value):
            yield Violation(keyword, pointer(path), None), path

    def _object(self, node: Schema, value: dict[str, object], path: Path) -> Iterator[tuple[Violation, Path]]:
        properties = node.get("properties", {})
        for name in node.get("required", ()):
            if name not in value:
                yield Violation("required", pointer((*path, name)), None), (*path, name)
        for name, member in value.items():
            if name in properties:
                yield from self._node(properties[name], member, (*path, name))
            elif node.get("additionalProperties") is False:
                yield Violation("additionalProperties", pointer((*path, name)), member), (*path, name)

    def _is_of_type(self, value: object, wanted: str) -> bool:
        if wanted == "integer" and isinstance(value, float):
            return not self._is_draft_04 and value.is_integer()
        return _IS_OF_TYPE[wanted](value)


_IS_OF_TYPE: dict[str, Callable[[object], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}


def _out_of_bounds(node: Schema, value: object) -> Iterator[str]:
    """The keywords of the bounds that a value breaks."""
    size: float
    if isinstance(value, list):
        size, least, most = len(value), "minItems", "maxItems"
    elif isinstance(value, str):
        size, least, most = len(value), "minLength", "maxLength"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        size, least, most = value, "minimum", "maximum"
    else:
        return
    if least in node and size < node[least]:
        yield least
    if most in node and size > node[most]:
        yield most
