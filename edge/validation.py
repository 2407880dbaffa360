"""A payload against its action's schema: valid, valid with quirks, or refused with the code that OCPP prescribes.

The schemas are the Open Charge Alliance's, as the `ocpp` package ships them. Each is compiled once for the process.
"""

import json
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import islice

import jsonschema_rs
import msgspec

from contracts import quirks
from contracts.flags import Finding
from contracts.quirks import Violation, excuse
from contracts.versions import Version
from edge.inspection import Inspection
from edge.paths import Path, pointer
from edge.violations import Schema, Walk

MAX_FINDINGS = 32  # errors, and flags, of one record: a frame full of them must not outgrow its record
MAX_POINTER = 256  # characters: a property's name is the charger's
_MAX_EXAMINED = 1_000  # quirks of one payload that are looked at

_FOLDERS = {Version.V16: "v16", Version.V201: "v201", Version.V21: "v21"}
# Each draft as its file declares it; the drafts differ in whether 1.0 is an integer.
_DRAFTS = {"draft-04": jsonschema_rs.Draft4Validator, "draft-06": jsonschema_rs.Draft6Validator}

# The CALLERROR of a keyword's violation in an object (the codes' descriptions: OCPP-J 1.6, table 7; 2.x part 4, 4.3).
_CODES = {
    "type": "TypeConstraintViolation",
    "required": "OccurrenceConstraintViolation",
    "minItems": "OccurrenceConstraintViolation",
    "maxItems": "OccurrenceConstraintViolation",
}
_OTHER_CODE = "PropertyConstraintViolation"
_SPELLINGS_16 = {
    "OccurrenceConstraintViolation": "OccurenceConstraintViolation",
    "FormatViolation": "FormationViolation",
}


class Verdict(msgspec.Struct, frozen=True):
    """What a payload is worth. `payload` is as it was meant: single objects in lists, draft names made modern.

    `code` and `detail` are of the first error, for a CALLERROR; the detail never quotes a value.
    """

    payload: object
    errors: tuple[Finding, ...] = ()
    flags: tuple[Finding, ...] = ()
    detail: str = ""

    @property
    def valid(self) -> bool:
        return not self.errors


class Checker:
    """The check of one action's payloads."""

    def __init__(self, version: Version, action: str) -> None:
        name = request_schema(version, action)
        self._version = version
        self._action = action
        self._validator = _validator(version, name)
        schema = _schema(version, name)
        self._walk = Walk(schema)
        self._inspection = Inspection(schema, padded_values=not version.is_2x)

    def check(self, payload: object) -> Verdict:
        if self._validator.is_valid(payload):
            if self._inspection.is_clean(payload):
                return Verdict(payload)
            return Verdict(payload, flags=_flags(self._inspection.findings(payload)))
        if not isinstance(payload, dict):
            return Verdict(payload, (Finding(spelt(self._version, "FormatViolation")),), (), "the payload is no object")
        return self._lenient(payload)

    def _lenient(self, payload: dict[str, object]) -> Verdict:
        found: list[tuple[str, Path]] = []
        meant = quirks.modern_names(self._action, payload) if self._version.is_2x else payload
        if meant is not payload:
            old = "transactionData" if "transactionData" in payload else "transactionInfo"
            found.append((quirks.DRAFT_NAMES, (old,)))
        refused: list[Violation] = []
        objects: list[Path] = []
        for violation, path in self._walk.violations(meant):
            quirk = excuse(self._version, self._action, violation)
            if quirk is None:
                refused.append(violation)
                if len(refused) == MAX_FINDINGS:
                    break
            elif len(found) < _MAX_EXAMINED:
                found.append((quirk, path))
            if quirk == quirks.OBJECT_FOR_ARRAY:
                objects.append(path)
        if not refused and not found:  # the validator sees what the walk does not: its word stands
            refused.append(Violation("", "", None))
        found.extend(islice(self._inspection.findings(meant), _MAX_EXAMINED))
        errors = tuple(_finding(self._code(violation), violation.pointer) for violation in refused)
        return Verdict(_wrap(meant, objects), errors, _flags(found), _detail(refused[0]) if refused else "")

    def _code(self, violation: Violation) -> str:
        return spelt(self._version, _CODES.get(violation.keyword, _OTHER_CODE))


def request_schema(version: Version, action: str) -> str:
    """The name of the schema of a CALL or SEND."""
    if not version.is_2x or action == "NotifyPeriodicEventStream":  # the one SEND: its schema's name has no suffix
        return action
    return f"{action}Request"


@cache
def actions(version: Version) -> frozenset[str]:
    """All actions of a version, whoever sends them."""
    names = {entry.name.removesuffix(".json") for entry in _folder(version).iterdir() if entry.name.endswith(".json")}
    return frozenset(name.removesuffix("Request") for name in names if not name.endswith("Response"))


def is_reply(version: Version, action: str, payload: bytes) -> bool:
    """Whether a reply's payload validates against its action's response schema."""
    return bool(_validator(version, f"{action}Response").is_valid(json.loads(payload)))


def spelt(version: Version, code: str) -> str:
    """An error code's name in a version: 1.6 spells two of them differently."""
    return code if version.is_2x else _SPELLINGS_16.get(code, code)


def _folder(version: Version) -> Traversable:
    return files("ocpp") / _FOLDERS[version] / "schemas"


def _schema(version: Version, name: str) -> Schema:
    text = (_folder(version) / f"{name}.json").read_text("utf-8-sig")  # some begin with a byte order mark
    schema: Schema = json.loads(text)
    return schema


@cache
def _validator(version: Version, name: str) -> jsonschema_rs.Validator:
    schema = _schema(version, name)
    draft = next(draft for draft in _DRAFTS if draft in str(schema["$schema"]))
    return _DRAFTS[draft](schema, validate_formats=False)


def _flags(found: Iterable[tuple[str, Path]]) -> tuple[Finding, ...]:
    distinct = dict.fromkeys((quirks.flag(quirk), pointer(path)) for quirk, path in islice(found, _MAX_EXAMINED))
    return tuple(_finding(code, place) for code, place in islice(distinct, MAX_FINDINGS))


def _finding(code: str, place: str) -> Finding:
    return Finding(code, place[:MAX_POINTER])


def _detail(violation: Violation) -> str:
    place = violation.pointer[:MAX_POINTER] or "the payload"
    match violation.keyword:
        case "type":
            return f"{place}: not of type {violation.wanted}"
        case "required":
            return f"{place}: missing"
        case "enum":
            return f"{place}: none of the values allowed"
        case keyword:
            return f"{place}: violates {keyword}"


def _wrap(payload: object, objects: list[Path]) -> object:
    """The payload with the objects at these places in lists; a copy, where there are any."""
    if not objects:
        return payload
    root = _copy(payload)
    for path in reversed(objects):  # what is inside before what is around it
        parent = root
        for part in path[:-1]:
            parent = parent[part]  # type: ignore[index]  # a path of this very document
        parent[path[-1]] = [parent[path[-1]]]  # type: ignore[index]
    return root


def _copy(value: object) -> object:
    if isinstance(value, dict):
        return {key: _copy(member) for key, member in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value
