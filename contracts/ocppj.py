"""OCPP-J framing: bytes of a WebSocket text message to a typed message, and back.

Source: OCPP-J 1.6 chapter 4, OCPP 2.0.1 part 4 chapter 4, OCPP 2.1 part 4 (SEND, CALLRESULTERROR).
"""

import re
from enum import IntEnum
from typing import TypeAlias

import msgspec

from contracts.errors import FrameError
from contracts.versions import Version

MAX_DEPTH = 64  # nesting of arrays and objects; our decoder recurses


class MessageType(IntEnum):
    """The first element of a frame. 5 and 6 exist in 2.1 only."""

    CALL = 2
    CALLRESULT = 3
    CALLERROR = 4
    CALLRESULTERROR = 5
    SEND = 6


class Call(msgspec.Struct, frozen=True):
    """[2, unique_id, action, payload]. `id_json` is the id as it was received: a number is echoed as a number."""

    unique_id: str
    action: str
    payload: object
    id_json: bytes


class CallResult(msgspec.Struct, frozen=True):
    """[3, unique_id, payload]"""

    unique_id: str
    payload: object


class CallError(msgspec.Struct, frozen=True):
    """[4, unique_id, code, description, details]"""

    unique_id: str
    code: str
    description: str
    details: object


class CallResultError(msgspec.Struct, frozen=True):
    """[5, unique_id, code, description, details]: the station could not use our CALLRESULT (2.1)."""

    unique_id: str
    code: str
    description: str
    details: object
    id_json: bytes = b""


class Send(msgspec.Struct, frozen=True):
    """[6, unique_id, action, payload]: wants no answer (2.1)."""

    unique_id: str
    action: str
    payload: object
    id_json: bytes = b""


class Unreadable(msgspec.Struct, frozen=True):
    """A frame that is no message of ours.

    `reason`: json (no JSON, or not decodable in full) | array (no array, or one too short) | type (unknown message
    type number) | id (no readable unique id) | action (no action name) | encoding (not UTF-8).
    `id_json` and `action` are given where they could be read; `type_number` where it is an integer.
    """

    reason: str
    detail: str
    type_number: int | None = None
    id_json: bytes | None = None
    action: str | None = None
    is_json: bool = False

    @property
    def unique_id(self) -> str | None:
        return id_text(self.id_json)


Message: TypeAlias = Call | CallResult | CallError | CallResultError | Send | Unreadable

_NUMBERS = frozenset(map(int, MessageType))
_decoder = msgspec.json.Decoder()
_id_head = re.compile(
    rb'\s*\[\s*(\d{1,9})\s*,\s*("(?:[^"\\\x00-\x1f]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?=[\s,\]]|$))'
    rb'\s*(?:,\s*"([A-Za-z0-9]{1,64})")?'
)
_type_head = re.compile(rb"\s*\[\s*(\d{1,9})\s*(?:,|$)")
_string = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_braces = bytes.maketrans(b"{}", b"[]")
_not_brackets = bytes(set(range(256)) - set(b"[]{}"))


def id_text(id_json: bytes | None) -> str | None:
    """The unique id in its JSON; None where it is none."""
    if id_json is None:
        return None
    if id_json[:1] != b'"':
        return id_json.decode("ascii")
    try:
        return msgspec.json.decode(id_json, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def too_deep(document: bytes) -> bool:
    """Whether the arrays and objects of a JSON document nest deeper than MAX_DEPTH (brackets in strings do not count).

    For what decodes only: on other bytes an unclosed string would make the search below quadratic.
    """
    if document.count(b"[") + document.count(b"{") <= MAX_DEPTH:
        return False
    brackets = _string.sub(b"", document).translate(_braces, _not_brackets)
    # each round takes the innermost level away
    return all((brackets := brackets.replace(b"[]", b"")) for _ in range(MAX_DEPTH))


def decode_json(frame: bytes) -> object:
    """The JSON document, decoded in full; FrameError says why where it is none that may stand in a record."""
    try:
        document: object = _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(str(error)) from None
    if too_deep(frame):
        raise FrameError(f"nested deeper than {MAX_DEPTH}")
    return document


def parse(frame: bytes) -> Message:
    """The message in a text frame, version-independent: what a version does not know is for the caller to judge."""
    try:
        document = decode_json(frame)
    except FrameError as error:
        return _broken(frame, str(error))
    if not isinstance(document, list):
        return Unreadable("array", "a message is an array", is_json=True)
    number = document[0] if document else None
    if isinstance(number, bool) or not isinstance(number, int):
        number = None
    unique_id, id_json = _unique_id(document, frame)
    if number is None and id_json is None:
        return Unreadable("array", "neither a message type nor a unique id", is_json=True)
    if number not in _NUMBERS:
        return Unreadable("type", "the message type is none of 2 to 6", number, id_json, is_json=True)
    if unique_id is None or id_json is None:
        return Unreadable("id", "the unique id is no string", number, is_json=True)
    if len(document) < 3:
        return Unreadable("array", "a message has at least three elements", number, id_json, is_json=True)
    third = document[2]
    if number == 3:
        return CallResult(unique_id, third)
    if number in (2, 6):
        if not isinstance(third, str):
            return Unreadable("action", "the action is no string", number, id_json, is_json=True)
        # A CALL without its payload is one with an empty payload: its schema judges it.
        payload = document[3] if len(document) > 3 else {}
        return Call(unique_id, third, payload, id_json) if number == 2 else Send(unique_id, third, payload, id_json)
    description = document[3] if len(document) > 3 else ""
    details = document[4] if len(document) > 4 else {}
    if number == 4:
        return CallError(unique_id, str(third), str(description), details)
    return CallResultError(unique_id, str(third), str(description), details, id_json)


def _unique_id(document: list[object], frame: bytes) -> tuple[str | None, bytes | None]:
    """The id as text and as the JSON to echo; (None, None) where it can be read as neither string nor number."""
    identifier = document[1] if len(document) > 1 else None
    if isinstance(identifier, str):
        return identifier, msgspec.json.encode(identifier)
    if isinstance(identifier, int | float) and not isinstance(identifier, bool) and (head := _id_head.match(frame)):
        return head[2].decode("ascii"), head[2]  # the digits as received: a decoded float would lose some
    return None, None


def _broken(frame: bytes, detail: str) -> Unreadable:
    """What can be read of the head of a frame whose JSON is broken: enough to answer a CALL with a CALLERROR."""
    try:
        frame.decode()
    except UnicodeDecodeError as error:
        return Unreadable("encoding", str(error), *read_head(frame))
    return Unreadable("json", detail, *read_head(frame))


def read_head(frame: bytes) -> tuple[int | None, bytes | None, str | None]:
    """(type number, id as JSON, action) of the beginning of a message; None for each that cannot be read."""
    head = _id_head.match(frame)
    if head is not None and id_text(head[2]) is not None:
        return int(head[1]), head[2], head[3].decode("ascii") if head[3] else None
    kind = _type_head.match(frame)
    return None if kind is None else int(kind[1]), None, None


def type_name(message: Message) -> str:
    """The envelope's `type`: of a frame that is no message too, where its type number could be read."""
    if isinstance(message, Unreadable):
        number = message.type_number
        return MessageType(number).name if number in _NUMBERS else "unknown"
    return type(message).__name__.upper()


def call_result(id_json: bytes, payload: bytes) -> bytes:
    """[3,id,payload] as compact JSON; `payload` is JSON already."""
    return b"[3,%b,%b]" % (id_json, payload)


def call_error(id_json: bytes, code: str, description: str = "") -> bytes:
    """[4,id,code,description,{}] as compact JSON. The description is cut to the 255 characters that OCPP allows."""
    return b"[4,%b,%b,%b,{}]" % (id_json, msgspec.json.encode(code), msgspec.json.encode(description[:255]))


UNREADABLE_ID = b'"-1"'  # the id of a 2.x CALLERROR to a message whose own could not be read (part 4, 4.2.3)


def formation_violation(version: Version) -> str:
    """The error code for a frame that is no message."""
    return "RpcFrameworkError" if version.is_2x else "FormationViolation"
