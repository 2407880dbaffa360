"""The closed list of what chargers do against their schemas that we accept and flag, and the readers that bear it.

The edge sets the flags (`quirk:NAME`, with the JSON pointer of the place); streams read the same payloads with the
readers below. What is not on this list stays a violation. Its source is experience with real chargers.
"""

import math
import re
from collections.abc import Callable

import msgspec

from contracts.times import parse_time
from contracts.versions import Version

PREFIX = "quirk:"

LONG_STRING = "long-string"
EXTRA_PROPERTY = "extra-property"
UNKNOWN_ENUM = "unknown-enum"
UNKNOWN_ERROR_CODE = "unknown-error-code"
NUMERIC_VALUE = "numeric-value"
TEXT_VALUE = "text-value"
PADDED_VALUE = "padded-value"
OBJECT_FOR_ARRAY = "object-for-array"
EMPTY_READINGS = "empty-readings"
MISSING_TIMESTAMP = "missing-timestamp"
TIMESTAMP_NO_ZONE = "timestamp-no-zone"
TIMESTAMP_FORMAT = "timestamp-format"
TIMESTAMP_UNREADABLE = "timestamp-unreadable"
DRAFT_NAMES = "draft-names"
ACTION_CASE = "action-case"
NUMERIC_ID = "numeric-id"
LONG_ID = "long-id"

QUIRKS: dict[str, str] = {
    LONG_STRING: "A string is longer than its field allows.",
    EXTRA_PROPERTY: "An object holds a property that its schema does not name.",
    UNKNOWN_ENUM: "A reading's context, format, measurand, phase, location or unit is none of the standard's.",
    UNKNOWN_ERROR_CODE: "The errorCode of a 1.6 StatusNotification is none of the standard's.",
    NUMERIC_VALUE: "A 1.6 reading's value is a JSON number where a string is wanted.",
    TEXT_VALUE: "A 2.x reading's value is a string that holds a number where a JSON number is wanted.",
    PADDED_VALUE: "A 1.6 reading's value is a number with blanks around it.",
    OBJECT_FOR_ARRAY: "An object stands where a list of such objects is wanted.",
    EMPTY_READINGS: "A list of readings (sampledValue, meterValue) is empty where at least one is wanted.",
    MISSING_TIMESTAMP: "A required timestamp or generatedAt is missing.",
    TIMESTAMP_NO_ZONE: "A time has no zone; it is read as UTC.",
    TIMESTAMP_FORMAT: "A time can be read but is no RFC 3339 (`+02`, a blank for the T, no seconds, blanks around it).",
    TIMESTAMP_UNREADABLE: "A time is a text that cannot be read as one.",
    DRAFT_NAMES: "A 2.x TransactionEvent has names of the 2.0 draft: transactionData, id, EVDetected.",
    ACTION_CASE: "The action's name differs from the standard's in upper and lower case (`HeartBeat`).",
    NUMERIC_ID: "The message id is a JSON number where a string is wanted.",
    LONG_ID: "The message id is longer than the 36 characters that are allowed.",
}

MAX_ID_LENGTH = 36  # OCPP-J 1.6 and 2.x: messageId


def flag(quirk: str) -> str:
    """The code of a quirk's flag."""
    return PREFIX + quirk


class Violation(msgspec.Struct, frozen=True):
    """One violation of a schema.

    `keyword`: the JSON Schema keyword; `pointer`: of the offending value, or of the property that is missing or not
    wanted; `wanted`: the type or types, of a `type` violation.
    """

    keyword: str
    pointer: str
    value: object
    wanted: str = ""


class Excuse(msgspec.Struct, frozen=True):
    """What a quirk excuses: a keyword's violation, at a pointer, in these versions and actions (None: all)."""

    quirk: str
    keyword: str
    pointer: re.Pattern[str] = re.compile(".*", re.DOTALL)
    version_2x: bool | None = None
    actions: frozenset[str] | None = None
    holds: Callable[[Violation], bool] = lambda _: True

    def covers(self, version: Version, action: str, violation: Violation) -> bool:
        return (
            self.keyword == violation.keyword
            and (self.version_2x is None or self.version_2x is version.is_2x)
            and (self.actions is None or action in self.actions)
            and self.pointer.fullmatch(violation.pointer) is not None
            and self.holds(violation)
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


_IN_READING = r".*/sampledValue(/\d+)?/"
_READING_VALUE = re.compile(_IN_READING + "value")

EXCUSES: tuple[Excuse, ...] = (
    Excuse(LONG_STRING, "maxLength"),
    Excuse(EXTRA_PROPERTY, "additionalProperties"),
    Excuse(
        UNKNOWN_ENUM,
        "enum",
        re.compile(_IN_READING + "(context|format|measurand|phase|location|unit)"),
        holds=lambda v: isinstance(v.value, str),
    ),
    Excuse(
        UNKNOWN_ERROR_CODE,
        "enum",
        re.compile("/errorCode"),
        version_2x=False,
        actions=frozenset({"StatusNotification"}),
        holds=lambda v: isinstance(v.value, str),
    ),
    Excuse(NUMERIC_VALUE, "type", _READING_VALUE, version_2x=False, holds=lambda v: _is_number(v.value)),
    Excuse(TEXT_VALUE, "type", _READING_VALUE, version_2x=True, holds=lambda v: number(v.value) is not None),
    Excuse(OBJECT_FOR_ARRAY, "type", holds=lambda v: v.wanted == "array" and isinstance(v.value, dict)),
    Excuse(EMPTY_READINGS, "minItems", re.compile(".*/(sampledValue|meterValue)")),
    Excuse(MISSING_TIMESTAMP, "required", re.compile(".*/(timestamp|generatedAt)")),
)


_BY_KEYWORD = {
    keyword: tuple(entry for entry in EXCUSES if entry.keyword == keyword)
    for keyword in {entry.keyword for entry in EXCUSES}
}


def excuse(version: Version, action: str, violation: Violation) -> str | None:
    """The quirk that excuses a violation; None where it stays one."""
    for entry in _BY_KEYWORD.get(violation.keyword, ()):
        if entry.covers(version, action, violation):
            return entry.quirk
    return None


# --- the readers -----------------------------------------------------------------------------------------------------

_DECIMAL = re.compile(r"\s*[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?\s*", re.ASCII)


def number(value: object) -> float | None:
    """The finite number in a reading's value, a JSON number or a decimal text with blanks around it or not."""
    if isinstance(value, str):
        if _DECIMAL.fullmatch(value) is None:
            return None
    elif not _is_number(value):
        return None
    try:
        result = float(value)  # type: ignore[arg-type]  # it is a str, an int or a float
    except OverflowError:  # an integer beyond a float
        return None
    return result if math.isfinite(result) else None


def as_list(value: object) -> list[object]:
    """The list that was meant: itself, a single object in a list, and nothing of anything else."""
    if isinstance(value, list):
        return value
    return [value] if isinstance(value, dict) else []


def timestamp(value: object) -> int | None:
    """Microseconds since 1970 of a charger's time, without a zone read as UTC; None where it is none."""
    parsed = parse_time(value)
    return None if parsed is None else parsed[0]


_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def timestamp_quirk(text: str) -> str | None:
    """The quirk of a time's text; None where it is as it should be."""
    parsed = parse_time(text)
    if parsed is None:
        return TIMESTAMP_UNREADABLE
    if not parsed[1]:
        return TIMESTAMP_NO_ZONE
    return None if _RFC3339.fullmatch(text) else TIMESTAMP_FORMAT


def value_quirk(text: str) -> str | None:
    """The quirk of a 1.6 reading's value; None where it is as it should be, or no number at all."""
    return PADDED_VALUE if text != text.strip() and number(text) is not None else None


def modern_names(action: str, payload: dict[str, object]) -> dict[str, object]:
    """The payload with the names of 2.0.1 in the place of the 2.0 draft's; the payload itself where it has none."""
    if action != "TransactionEvent":
        return payload
    info = payload.get("transactionInfo", payload.get("transactionData"))
    if not isinstance(info, dict):
        return payload
    changed = dict(info)
    if "transactionId" not in changed and "id" in changed:
        changed["transactionId"] = changed.pop("id")
    if changed.get("chargingState") == "EVDetected":
        changed["chargingState"] = "EVConnected"
    if changed == info and "transactionInfo" in payload:
        return payload
    return {key: value for key, value in payload.items() if key != "transactionData"} | {"transactionInfo": changed}
