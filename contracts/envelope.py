"""The envelope: one record on `messages`. A frame, a connection event, a reject or a node's tick.

The edge splices the received bytes into the record (`frame`); it does not write them anew. What may not stand inside
a JSON document stands in `raw`, in base64.
"""

import base64
from typing import Literal

import msgspec

from contracts.errors import RecordError
from contracts.flags import Finding

VERSION = 1

Kind = Literal["connected", "frame", "disconnected", "rejected", "registered", "retired", "node"]


class ClockSetting(msgspec.Struct, frozen=True):
    """How a node's clock runs: now = origin + (system time - anchor) * speed; times in microseconds since 1970."""

    origin: int
    anchor: int
    speed: float


class Envelope(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One record of `messages`; absent fields are not known or do not apply to its kind.

    `station` is tenant/identity; `conn` the connection's ULID; `seq` counts the records of a connection from 0 without
    gaps, so that (conn, seq) identifies a record, which may stand on the log more than once. `ts` is when the edge
    received or sent it (RFC 3339 UTC, microseconds). `time_zone`, of a connect, is the site's, an IANA name.
    """

    v: int
    kind: Kind
    ts: str
    node: str
    tenant: str | None = None
    station: str | None = None
    site: str | None = None
    conn: str | None = None
    seq: int | None = None
    dir: Literal["in", "out"] | None = None
    proto: str | None = None
    # a frame
    type: str | None = None
    action: str | None = None
    id: str | None = None
    call_seq: int | None = None
    valid: bool | None = None
    errors: tuple[Finding, ...] = ()
    flags: tuple[Finding, ...] = ()
    redacted: tuple[str, ...] = ()
    frame: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    raw: str | None = None
    # a connect, a disconnect
    remote: str | None = None
    path: str | None = None
    security_profile: int | None = None
    user_agent: str | None = None
    time_zone: str | None = None
    close_code: int | None = None
    # a connect, a tick: the node's start, system time in milliseconds
    epoch: int | None = None
    # a tick
    log: int | None = None
    connections: int | None = None
    clock: ClockSetting | None = None
    # a reject
    status: int | None = None
    reason: str | None = None
    size: int | None = None
    sha256: str | None = None
    head: str | None = None
    # a registry change
    record: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    def frame_bytes(self) -> bytes | None:
        """The frame exactly as it was received or sent; None where the record holds none."""
        if isinstance(self.frame, msgspec.Raw):
            return bytes(self.frame)
        return None if self.raw is None else base64.b64decode(self.raw)


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Envelope)


def encode(envelope: Envelope) -> bytes:
    return _encoder.encode(envelope)


def decode(value: bytes | None) -> Envelope:
    """The envelope in a record's value; RecordError where it is none."""
    if value is None:
        raise RecordError("a record of `messages` has no value")
    try:
        return _decoder.decode(value)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise RecordError(f"not an envelope: {error}") from None


def raw_text(frame: bytes) -> str:
    """What `raw` holds of a frame that may not be spliced in."""
    return base64.b64encode(frame).decode("ascii")
