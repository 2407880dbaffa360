"""A record of `ocpp.messages`, decoded for the folds. Pure."""

import re
from functools import lru_cache

import msgspec

from contracts import envelope as envelopes
from contracts.envelope import Envelope
from contracts.quirks import as_list, modern_names, timestamp
from contracts.times import MINUTE, from_rfc3339

EARLIEST = from_rfc3339("2015-01-01T00:00:00Z")  # no station of ours measured before: an unset clock
AHEAD = 10 * MINUTE  # how far a time may lie beyond its own message's

_INT64 = 2**63  # what a state can hold
BRIEF = 500  # characters of free text that a state holds; `messages` keeps all of it
_DIGITS = re.compile(r"\s*[+-]?\d{1,19}\s*", re.ASCII)

# What only 2.x payloads hold: some stations send them on connections that agreed on 1.6.
_NAMES_OF_2X = {
    "BootNotification": "chargingStation",
    "StatusNotification": "connectorStatus",
    "MeterValues": "evseId",
    "TransactionEvent": "transactionInfo",
}

# The actions of which some fold reads the CALL or SEND, and those of which one reads the answer.
_READ = frozenset({*_NAMES_OF_2X, "StartTransaction", "StopTransaction", "NotifyEvent", "SecurityEventNotification"})
_ANSWERS_READ = frozenset({"BootNotification", "StartTransaction", "TransactionEvent"})

Payload = dict[str, object]

_decoder = msgspec.json.Decoder()


class Message(msgspec.Struct, frozen=True):
    """One record and what its frame says.

    `ts_us` is the envelope's `ts`: the edge's clock, microseconds since 1970. `call` is the payload of an inbound CALL
    or SEND, `result` that of an outbound CALLRESULT; None where there is none, or none that a fold would read. `is_2x`:
    whether the payload is one of 2.x, whatever the connection agreed on.
    """

    envelope: Envelope
    ts_us: int
    call: Payload | None = None
    result: Payload | None = None
    is_2x: bool = False
    action: str = ""


def decode(value: bytes | None) -> Message:
    """Raises RecordError where the value is no envelope, ValueError where its `ts` is no time."""
    envelope = envelopes.decode(value)
    ts_us, action = _ts_us(envelope.ts), envelope.action or ""
    is_2x = (envelope.proto or "").startswith("ocpp2")
    call = result = None
    if envelope.dir == "in" and action in _READ and envelope.type in ("CALL", "SEND"):
        call = _payload(envelope, 3)
        if call is not None:
            call = modern_names(action, call)
            is_2x = is_2x or _NAMES_OF_2X.get(action) in call
    elif envelope.dir == "out" and action in _ANSWERS_READ and envelope.type == "CALLRESULT":
        result = _payload(envelope, 2)
    return Message(envelope, ts_us, call, result, is_2x, action)


def _payload(envelope: Envelope, index: int) -> Payload | None:
    """The object at a place of the frame (OCPP-J: [2, id, action, payload], [3, id, payload])."""
    frame = envelope.frame_bytes()
    try:
        message = None if frame is None else _decoder.decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    payload = message[index] if isinstance(message, list) and len(message) > index else None
    return payload if isinstance(payload, dict) else None


def _ts_us(ts: str) -> int:
    """The time of an envelope: one text after the other is of the same second."""
    if len(ts) == len("2026-03-01T10:00:00.000000Z") and ts[20:26].isdecimal() and ts[26] == "Z":
        return _second_us(ts[:20]) + int(ts[20:26])
    return from_rfc3339(ts)


@lru_cache(maxsize=256)
def _second_us(text: str) -> int:
    return from_rfc3339(f"{text}0Z")


def plausible(text: object, ts_us: int) -> int | None:
    """The time of a reading or an event, if it can be true: from 2015 to its own message's `ts` + 10 min."""
    at_us = timestamp(text)
    return at_us if at_us is not None and EARLIEST <= at_us <= ts_us + AHEAD else None


# -- reading a payload: what is not of the type wanted is not there


def text_of(payload: Payload, name: str) -> str | None:
    """A non-empty string; a number is taken as its text."""
    return word(payload.get(name))


def brief_of(payload: Payload, name: str) -> str | None:
    """Free text that goes into a state: as `text_of`, cut. Stations write "null" where they have nothing to say."""
    text = text_of(payload, name)
    return None if text in (None, "null") else text[:BRIEF]


def int_of(payload: Payload, name: str) -> int | None:
    """An integer of 64 bits, also as text or as a float without decimals."""
    return whole(payload.get(name))


def word(value: object) -> str | None:
    if isinstance(value, str):
        return value or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = whole(value)
        return str(value if number is None else number)
    return None


def whole(value: object) -> int | None:
    if isinstance(value, str):
        value = int(value) if _DIGITS.fullmatch(value) else None
    elif isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if isinstance(value, int) and not isinstance(value, bool) and -_INT64 <= value < _INT64 else None


def object_of(payload: Payload, name: str) -> Payload:
    """An object; an empty one where there is none."""
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def objects_of(payload: Payload, name: str) -> list[Payload]:
    """The objects of an array; an object in an array's place is its only member."""
    return [item for item in as_list(payload.get(name)) if isinstance(item, dict)]
