"""The committed schemas: drift, compatibility, and that real records validate."""

import copy
from importlib.resources import files
from typing import Any

import jsonschema
import msgspec
import pytest

from contracts import asyncapi, schemas
from contracts.events import DeadLetter, EnergyInterval, Source, encode


@pytest.mark.parametrize("name", schemas.RECORDS)
def test_committed_schema_is_the_types(name: str) -> None:
    assert schemas.committed(name) == schemas.generate(name), "run `make schemas` and look at what it changes"


def test_committed_asyncapi_is_the_tables() -> None:
    committed = msgspec.json.decode((files("contracts") / "asyncapi.json").read_bytes())
    assert committed == asyncapi.generate(), "run `make schemas`"


def test_asyncapi_names_every_schema_that_exists() -> None:
    payloads = {each["payload"]["$ref"] for each in asyncapi.generate()["components"]["messages"].values()}
    assert payloads == {f"./schemas/{name}.json" for name in schemas.RECORDS}


@pytest.mark.parametrize("name", schemas.RECORDS)
def test_nothing_breaks_the_readers_of_the_first_release(name: str) -> None:
    assert schemas.breaks(schemas.committed(name, "v1"), schemas.generate(name)) == []


@pytest.mark.parametrize("name", schemas.RECORDS)
def test_schema_is_one(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(schemas.generate(name))


def _changed(change: str) -> dict[str, Any]:
    schema = copy.deepcopy(schemas.generate("session"))
    properties, required = schema["properties"], schema["required"]
    match change:
        case "removed":
            del properties["import_wh"]
        case "retyped":
            properties["readings"] = {"type": "string"}
        case "new and required":
            properties["colour"] = {"type": "string"}
            required.append("colour")
        case "no longer there for sure":
            required.remove("evse")
        case "value taken":
            properties["state"]["enum"].remove("zombie")
        case "nested removed":
            del schema["$defs"]["Token"]["properties"]["ref"]
        case "new":
            properties["colour"] = {"type": "string"}
        case "value added":
            properties["state"]["enum"].append("paused")
    return schema


@pytest.mark.parametrize(
    "change",
    ["removed", "retyped", "new and required", "no longer there for sure", "value taken", "nested removed"],
)
def test_breaking_change_is_seen(change: str) -> None:
    assert schemas.breaks(schemas.generate("session"), _changed(change))


@pytest.mark.parametrize("change", ["new", "value added"])
def test_harmless_change_is_let_through(change: str) -> None:
    assert schemas.breaks(schemas.generate("session"), _changed(change)) == []


def test_records_validate() -> None:
    letter = DeadLetter(v=1, part="streams", name="messages", code="fold-error", error="no")
    interval = EnergyInterval(
        v=1,
        tenant="default",
        station="default/CP1",
        site="default",
        log=1,
        revision=7,
        source=Source(0, 7),
        evse=1,
        meter="evse",
        start="2026-03-01T10:00:00.000Z",
        interval_s=900,
        import_wh=1.5,
        export_wh=0.0,
        measured_wh=1.5,
        interpolated_wh=0.0,
        method="register",
        coverage_s=900.0,
        readings=3,
        flags=(),
        final=False,
    )
    for name, record in (("dead-letter", letter), ("energy-interval", interval)):
        jsonschema.validate(msgspec.json.decode(encode(record)), schemas.generate(name))
