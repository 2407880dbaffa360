"""A record of `ocpp.messages`, decoded for the folds."""

import msgspec

from contracts import envelope as envelopes
from contracts import ocppj
from contracts.envelope import Envelope
from contracts.times import MINUTE, from_rfc3339, parse_time

EARLIEST = from_rfc3339("2015-01-01T00:00:00Z")  # no station of ours measured before: an unset clock
AHEAD = 10 * MINUTE  # how far a time may lie beyond its own message's


class Message(msgspec.Struct, frozen=True):
    """One record and what its frame says.

    `ts_us` is the envelope's `ts`: the edge's clock, microseconds since 1970. `call` is the payload of an inbound CALL
    or SEND, `result` that of an outbound CALLRESULT; None where there is none or it is no object.
    """

    envelope: Envelope
    ts_us: int
    call: dict[str, object] | None = None
    result: dict[str, object] | None = None

    @property
    def action(self) -> str:
        return self.envelope.action or ""

    @property
    def is_2x(self) -> bool:
        return (self.envelope.proto or "").startswith("ocpp2")


def decode(value: bytes | None) -> Message:
    """Raises RecordError where the value is no envelope, ValueError where its `ts` is no time."""
    envelope = envelopes.decode(value)
    ts_us = from_rfc3339(envelope.ts)
    if envelope.kind != "frame" or not isinstance(envelope.frame, msgspec.Raw):
        return Message(envelope, ts_us)
    if envelope.dir == "in" and envelope.type in ("CALL", "SEND"):
        message = ocppj.parse(bytes(envelope.frame))
        if isinstance(message, ocppj.Call | ocppj.Send) and isinstance(message.payload, dict):
            return Message(envelope, ts_us, call=message.payload)
    elif envelope.dir == "out" and envelope.type == "CALLRESULT":
        message = ocppj.parse(bytes(envelope.frame))
        if isinstance(message, ocppj.CallResult) and isinstance(message.payload, dict):
            return Message(envelope, ts_us, result=message.payload)
    return Message(envelope, ts_us)


def plausible(text: object, ts_us: int) -> int | None:
    """The time of a reading or an event, if it can be true: from 2015 to its own message's `ts` + 10 min."""
    parsed = parse_time(text)
    if parsed is None or not EARLIEST <= parsed[0] <= ts_us + AHEAD:
        return None
    return parsed[0]


# -- reading a payload: what is not of the type wanted is not there


def text_of(payload: dict[str, object], name: str) -> str | None:
    """A non-empty string; a number is taken as its text."""
    value = payload.get(name)
    if isinstance(value, str):
        return value or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    return None


def int_of(payload: dict[str, object], name: str) -> int | None:
    """An integer, also as text or as a float without decimals."""
    value = payload.get(name)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str):
        try:
            return int(value.strip())
        except ValueError:
            return None
    return None


def object_of(payload: dict[str, object], name: str) -> dict[str, object]:
    """An object; an empty one where there is none."""
    value = payload.get(name)
    return value if isinstance(value, dict) else {}


def objects_of(payload: dict[str, object], name: str) -> list[dict[str, object]]:
    """The objects of an array; an object in an array's place is its only member."""
    value = payload.get(name)
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


__all__ = ["AHEAD", "EARLIEST", "Message", "decode", "int_of", "object_of", "objects_of", "plausible", "text_of"]
