"""A payload against its action's schema: valid, valid with quirks, or refused with the code that OCPP prescribes.

The schemas are the Open Charge Alliance's, as the `ocpp` package ships them. Each is compiled once for the process.
"""

import json
from collections.abc import Iterable, Iterator
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
from edge.inspection import Inspection, Path

MAX_FINDINGS = 32  # errors, and flags, of one record: a frame full of them must not outgrow its record
MAX_POINTER = 256  # characters: a property's name is the charger's
_MAX_EXAMINED = 1_000  # violations of one payload that are looked at
_MAX_WRAPS = 4  # objects for arrays within each other

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
        self._inspection = Inspection(_schema(version, name), padded_values=not version.is_2x)

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
        meant: object = quirks.modern_names(self._action, payload) if self._version.is_2x else payload
        if meant is not payload:
            old = "transactionData" if "transactionData" in payload else "transactionInfo"
            found.append((quirks.DRAFT_NAMES, (old,)))
        wrapped: set[Path] = set()
        refused: list[Violation] = []
        for _ in range(_MAX_WRAPS):
            refused, wraps = [], []
            for violation, path in self._violations(meant, wrapped):
                quirk = excuse(self._version, self._action, violation)
                if quirk is None:
                    refused.append(violation)
                    continue
                found.append((quirk, path))
                if quirk == quirks.OBJECT_FOR_ARRAY:
                    wraps.append(path)
            if not wraps:
                break
            meant = _wrap(meant, wraps)  # and look again: what stands inside has not been seen yet
            wrapped.update(wraps)
        found.extend(self._inspection.findings(meant))
        flags = _flags((quirk, _as_sent(path, wrapped)) for quirk, path in found)
        errors = tuple(_finding(self._code(violation), violation.pointer) for violation in refused[:MAX_FINDINGS])
        return Verdict(meant, errors, flags, _detail(refused[0]) if refused else "")

    def _violations(self, payload: object, wrapped: set[Path]) -> Iterator[tuple[Violation, Path]]:
        """Each violation as the quirks know it (its pointer as sent), and its path in the payload as meant."""
        for error in islice(self._validator.iter_errors(payload), _MAX_EXAMINED):
            keyword, path, detail = error.kind.name, tuple(error.instance_path), error.kind.as_dict()
            names = [detail["property"]] if keyword == "required" else detail.get("unexpected", [None])
            for name in names[:MAX_FINDINGS]:
                place = path if name is None else (*path, name)
                wanted = detail["types"][0] if keyword == "type" else ""
                value = error.instance if keyword in ("type", "enum") else None  # a copy: not of whole payloads
                yield Violation(keyword, pointer(_as_sent(place, wrapped)), value, wanted), place

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


def pointer(path: Path) -> str:
    """The JSON pointer of a path (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in path)


def _folder(version: Version) -> Traversable:
    return files("ocpp") / _FOLDERS[version] / "schemas"


def _schema(version: Version, name: str) -> dict[str, object]:
    text = (_folder(version) / f"{name}.json").read_text("utf-8-sig")  # some begin with a byte order mark
    schema: dict[str, object] = json.loads(text)
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


def _wrap(payload: object, paths: Iterable[Path]) -> object:
    """A copy in which the objects at these paths stand in lists."""
    root = _copy(payload)
    for path in paths:
        parent = root
        for part in path[:-1]:
            parent = parent[part]  # type: ignore[index]  # a path of this very document
        parent[path[-1]] = [parent[path[-1]]]  # type: ignore[index]
    return root


def _copy(value: object) -> object:
    if isinstance(value, dict):
        return {key: _copy(member) for key, member in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _as_sent(path: Path, wrapped: set[Path]) -> Path:
    """A path of the wrapped payload in the payload as it was sent."""
    if not wrapped:
        return path
    return tuple(part for index, part in enumerate(path) if path[:index] not in wrapped)
