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


class Send(msgspec.Struct, frozen=True):
    """[6, unique_id, action, payload]: wants no answer (2.1)."""

    unique_id: str
    action: str
    payload: object


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
        return None if self.id_json is None else _id_text(self.id_json)


Message: TypeAlias = Call | CallResult | CallError | CallResultError | Send | Unreadable

_decoder = msgspec.json.Decoder()
_id_head = re.compile(
    rb'\s*\[\s*(\d+)\s*,\s*("(?:[^"\\\x00-\x1f]|\\.)*"|-?\d+(?:\.\d+)?)\s*(?:,\s*"([A-Za-z0-9]{1,64})")?'
)
_brackets = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


def _id_text(id_json: bytes) -> str | None:
    if id_json[:1] != b'"':
        return id_json.decode("ascii")
    try:
        return msgspec.json.decode(id_json, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def too_deep(frame: bytes) -> bool:
    """Whether arrays and objects nest deeper than MAX_DEPTH (brackets within strings do not count)."""
    if frame.count(b"[") + frame.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for match in _brackets.finditer(frame):
        first = match.group()[:1]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif first in b"]}":
            depth -= 1
    return False


def decode_json(frame: bytes) -> object:
    """The JSON document, decoded in full; FrameError says why where it is none that may stand in a record."""
    if too_deep(frame):
        raise FrameError(f"nested deeper than {MAX_DEPTH}")
    try:
        return _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(str(error)) from None


def parse(frame: bytes) -> Message:
    """The message in a text frame, version-independent: what a version does not know is for the caller to judge."""
    try:
        document = decode_json(frame)
    except FrameError as error:
        return _broken(frame, str(error))
    if not isinstance(document, list) or len(document) < 3:
        return Unreadable("array", "a message is an array of at least three elements", is_json=True)
    number, identifier = document[0], document[1]
    if isinstance(number, bool) or not isinstance(number, int):
        return Unreadable("type", "the message type is no integer", is_json=True)
    if isinstance(identifier, str):
        unique_id, id_json = identifier, msgspec.json.encode(identifier)
    elif isinstance(identifier, int | float) and not isinstance(identifier, bool) and (head := _id_head.match(frame)):
        id_json = head[2]  # the digits as received: a decoded float would lose some
        unique_id = id_json.decode("ascii")
    else:
        return Unreadable("id", "the unique id is no string", number, is_json=True)
    match number:
        case 2 | 6:
            action = document[2]
            if not isinstance(action, str):
                return Unreadable("action", "the action is no string", number, id_json, is_json=True)
            if number == 6:
                return Send(unique_id, action, document[3] if len(document) > 3 else {})
            # A CALL without its payload is one with an empty payload: its schema judges it.
            return Call(unique_id, action, document[3] if len(document) > 3 else {}, id_json)
        case 3:
            return CallResult(unique_id, document[2])
        case 4 | 5:
            code, description, details = (*document[2:5], "", {})[:3] if len(document) < 5 else document[2:5]
            kind = CallError if number == 4 else CallResultError
            return kind(unique_id, str(code), str(description), details)
        case _:
            return Unreadable("type", f"unknown message type {number}", number, id_json, is_json=True)


def _broken(frame: bytes, detail: str) -> Unreadable:
    """What can be read of the head of a frame whose JSON is broken: enough to answer a CALL with a CALLERROR."""
    head = _id_head.match(frame)
    if head is None or _id_text(head[2]) is None:
        return Unreadable("json", detail)
    return Unreadable("json", detail, int(head[1][:9]), head[2], head[3].decode("ascii") if head[3] else None)


def type_name(message: Message) -> str:
    """The envelope's `type`."""
    match message:
        case Call():
            return "CALL"
        case CallResult():
            return "CALLRESULT"
        case CallError():
            return "CALLERROR"
        case CallResultError():
            return "CALLRESULTERROR"
        case Send():
            return "SEND"
        case Unreadable(reason="json", type_number=2):
            return "CALL"
        case _:
            return "unknown"


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
