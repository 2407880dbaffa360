"""The walk over a schema finds what a validator finds."""

import json
from importlib.resources import files
from typing import Any

import jsonschema_rs
from hypothesis import given
from hypothesis import strategies as st

from edge.paths import Path
from edge.violations import Walk

NAMES = [
    ("v16", "MeterValues"), ("v16", "StopTransaction"), ("v16", "StatusNotification"),
    ("v16", "SignedFirmwareStatusNotification"),
    ("v201", "TransactionEventRequest"), ("v201", "NotifyReportRequest"), ("v21", "NotifyDERStartStopRequest"),
    ("v21", "ReportChargingProfilesRequest"), ("v21", "VatNumberValidationRequest"),
]  # fmt: skip
SCHEMAS: list[dict[str, Any]] = [
    json.loads((files("ocpp") / folder / "schemas" / f"{name}.json").read_text("utf-8-sig")) for folder, name in NAMES
]
scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from([0, 1, -1, 1.0, 2.5, "", "x" * 60, "Wh", "Raw", "NoError", "2026-01-02T03:04:05Z"])
)  # fmt: skip


@st.composite
def nearly(draw: st.DrawFn, node: dict[str, Any], root: dict[str, Any]) -> Any:
    """Something like an instance of a schema, wrong here and there."""
    if "$ref" in node:
        node = root["definitions"][node["$ref"].rsplit("/", 1)[1]]
    if draw(st.integers(0, 9)) == 0:
        return draw(scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from(["a", "id"]), scalars))
    if "enum" in node:
        return draw(st.sampled_from([*node["enum"], "Bogus"]))
    match node.get("type"):
        case "array":
            return draw(st.lists(nearly(node["items"], root), max_size=3))
        case "object" if "properties" in node:
            chosen = {
                name: draw(nearly(member, root))
                for name, member in node["properties"].items()
                if (name in node.get("required", ())) == (draw(st.integers(0, 4)) > 0)
            }
            return chosen | draw(st.dictionaries(st.sampled_from(["extra", "a/b~c"]), scalars, max_size=1))
        case "string":
            return draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
        case "integer":
            return draw(st.integers())
        case _:
            return draw(scalars)


def found_by_validator(schema: dict[str, Any], payload: object) -> set[tuple[str, Path]]:
    draft = jsonschema_rs.Draft4Validator if "draft-04" in schema["$schema"] else jsonschema_rs.Draft6Validator
    found: set[tuple[str, Path]] = set()
    for error in draft(schema, validate_formats=False).iter_errors(payload):
        keyword, path, detail = error.kind.name, tuple(error.instance_path), error.kind.as_dict()
        names = [detail["property"]] if keyword == "required" else detail.get("unexpected", [])
        found |= {(keyword, (*path, name)) for name in names} or {(keyword, path)}
    return found


@given(st.sampled_from(SCHEMAS), st.data())
def test_the_same_violations_at_the_same_places(schema: dict[str, Any], data: st.DataObject) -> None:
    payload = data.draw(nearly(schema, schema))
    walked = list(Walk(schema).violations(payload))
    theirs = found_by_validator(schema, payload)
    mistyped = {path for keyword, path in theirs if keyword == "type"}

    def is_beyond(keyword: str, path: Path) -> bool:
        """Whether it is told of a value whose type is wrong already: there the two do not go on in the same way."""
        return keyword != "type" and any(path[: len(place)] == place for place in mistyped)

    ours = {(violation.keyword, path) for violation, path in walked}
    within = {path for path in mistyped if any(violation.wanted == "array" for violation, at in walked if at == path)}
    assert {entry for entry in ours if not _is_inside(entry[1], within)} == {
        entry for entry in theirs if not is_beyond(*entry)
    }
    assert all(violation.pointer.count("/") == len(path) for violation, path in walked)


def _is_inside(path: Path, places: set[Path]) -> bool:
    """Whether a path leads into an object that stands for an array, where a validator does not look."""
    return any(len(path) > len(place) and path[: len(place)] == place for place in places)
