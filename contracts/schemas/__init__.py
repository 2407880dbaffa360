"""The records' JSON Schemas (2020-12), generated from the types and committed beside this file.

`python -m contracts.schemas` writes them anew; a test fails where they differ. The folder `v1` holds those of the first
release of major version 1, which is never written again: a test fails where a record of today would break its readers.
"""

from importlib.resources import files
from typing import Any

import msgspec

from contracts.envelope import Envelope
from contracts.events import Alarm, ConnectorStatus, DeadLetter, EnergyInterval, Sample, Session, StationStatus
from contracts.topics import TOPICS, Name

RECORDS: dict[str, tuple[Name, type]] = {
    "envelope": (Name.MESSAGES, Envelope),
    "sample": (Name.SAMPLES, Sample),
    "connector-status": (Name.STATUS, ConnectorStatus),
    "station-status": (Name.STATUS, StationStatus),
    "session": (Name.SESSIONS, Session),
    "energy-interval": (Name.ENERGY, EnergyInterval),
    "alarm": (Name.ALARMS, Alarm),
    "dead-letter": (Name.DLQ, DeadLetter),
}
"""Schema's name -> the topic its records stand on, and their type."""


def generate(name: str) -> dict[str, Any]:
    """The JSON Schema of a record, from its type."""
    topic, record = RECORDS[name]
    _, definitions = msgspec.json.schema_components([record], ref_template="#/$defs/{name}")
    own = definitions.pop(record.__name__)
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:voltstream:{TOPICS[topic].schema}:{name}",
        **own,
        **({"$defs": dict(sorted(definitions.items()))} if definitions else {}),
    }
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(document))  # defaults as JSON has them
    return plain


def committed(name: str, folder: str = ".") -> dict[str, Any]:
    """The schema as it was committed; `folder`: `v1` for the first release's."""
    document = msgspec.json.decode((files(__name__) / folder / f"{name}.json").read_bytes())
    assert isinstance(document, dict)  # noqa: S101 - our own file
    return document


def breaks(old: dict[str, Any], new: dict[str, Any], path: str = "$") -> list[str]:
    """What a reader of the old schema would miss or choke on, one sentence each; empty where nothing.

    A field may come, if it is not required of writers; none may go or change its type; a closed list may grow.
    """
    if path == "$":
        old, new = _inlined(old, old), _inlined(new, new)
    found = []
    for name, field in old.get("properties", {}).items():
        if name not in new.get("properties", {}):
            found.append(f"{path}.{name} is gone")
        else:
            found += breaks(field, new["properties"][name], f"{path}.{name}")
    found += [
        f"{path}.{name} may be absent now" for name in old.get("required", []) if name not in new.get("required", [])
    ]
    found += [
        f"{path}.{name} is new and required"
        for name in new.get("required", [])
        if "properties" in old and name not in old["properties"]
    ]
    if "items" in old or "items" in new:
        found += breaks(old.get("items") or {}, new.get("items") or {}, f"{path}[]")
    if _kinds(old) != _kinds(new):
        found.append(f"{path} was {_kinds(old)}, and is {_kinds(new)}")
    if not set(old.get("enum", [])) <= set(new.get("enum", [])):
        found.append(f"{path} may no longer be {sorted(set(old['enum']) - set(new.get('enum', [])))}")
    return found


def _kinds(schema: dict[str, Any]) -> list[str]:
    """The JSON types a value may have."""
    if "anyOf" in schema:
        return sorted({kind for each in schema["anyOf"] for kind in _kinds(each)})
    if "enum" in schema:
        return sorted({type(each).__name__ for each in schema["enum"]})
    kind = schema.get("type")
    return sorted(kind) if isinstance(kind, list) else [str(kind)]


def _inlined(schema: Any, root: dict[str, Any]) -> Any:
    """The schema with its references replaced by what they point at; ours do not recurse."""
    if isinstance(schema, list):
        return [_inlined(each, root) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    plain = {name: _inlined(each, root) for name, each in schema.items() if name != "$defs"}
    branches = [each for each in plain.get("anyOf", []) if each.get("type") != "null"]
    if len(branches) == 1:  # something or null: its fields are what matters
        plain = {**branches[0], **plain}
    return plain


def text(document: dict[str, Any]) -> str:
    """How a generated document is written to its file."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"
