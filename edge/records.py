"""The records of one connection, as values for `messages`. It counts their `seq`: from 0, without gaps."""

from functools import lru_cache
from typing import Any, Literal

import msgspec

from contracts.envelope import VERSION, ClockSetting, Envelope, Kind, encode, raw_text
from contracts.flags import Finding
from contracts.times import rfc3339
from contracts.topics import REJECTED_KEY
from contracts.versions import Version

MAX_TEXT = 512  # characters of an id, a path, a user agent: they are the station's, and the frame has them whole
MAX_ACTION = 64

_PLAIN = b'{"v":%d,"kind":"frame","ts":"%%b"%%b%%d%%b%%b%%b,"valid":%%b,"frame":%%b}' % VERSION
_json = msgspec.json.Encoder().encode


class Identity(msgspec.Struct, frozen=True):
    """Who is connected, and where: by the edge's settings, until there is a registry to ask at the handshake."""

    tenant: str
    identity: str
    site: str
    time_zone: str | None = None
    """The site's, an IANA name."""

    @property
    def station(self) -> str:
        return f"{self.tenant}/{self.identity}"


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What a record says of a frame beside its bytes."""

    type: str
    id: str | None = None
    action: str | None = None
    valid: bool = True
    errors: tuple[Finding, ...] = ()
    flags: tuple[Finding, ...] = ()
    is_json: bool = True


class Recorder:
    """Makes the records of one connection."""

    __slots__ = ("_conn", "_epoch", "_identity", "_next", "_node", "_origin", "_proto", "_station")

    def __init__(self, *, identity: Identity, node: str, epoch: int, conn: str, version: Version) -> None:
        self._identity = identity
        self._station = identity.station
        self._node = node
        self._epoch = epoch
        self._conn = conn
        self._proto = version.value
        self._next = 0
        self._origin = b',"node":%b,"tenant":%b,"station":%b,"site":%b,"conn":%b,"seq":' % tuple(
            map(_json, (node, identity.tenant, self._station, identity.site, conn))
        )

    def frame(
        self,
        told: Told,
        frame: bytes | None,
        ts: str,
        direction: Literal["in", "out"],
        *,
        redacted: tuple[str, ...] = (),
        call_seq: int | None = None,
    ) -> bytes:
        """The record of a frame; `frame` is None where its bytes must not be kept."""
        if (
            frame is not None
            and told.is_json
            and frame[0] > 0x20
            and frame[-1] > 0x20
            and not (told.errors or told.flags or redacted)
        ):
            return self._plain(told, frame, ts, direction, call_seq)
        spliced: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
        raw = None
        if frame is not None:
            # The blanks around a document are lost when it is spliced into another: then it goes to `raw` whole.
            if told.is_json and frame[0] > 0x20 and frame[-1] > 0x20:
                spliced = msgspec.Raw(frame)
            else:
                raw = raw_text(frame)
        return encode(
            Envelope(
                v=VERSION,
                kind="frame",
                ts=ts,
                node=self._node,
                tenant=self._identity.tenant,
                station=self._station,
                site=self._identity.site,
                conn=self._conn,
                seq=self._seq(),
                dir=direction,
                proto=self._proto,
                type=told.type,
                action=_cut(told.action, MAX_ACTION),
                id=_cut(told.id),
                call_seq=call_seq,
                valid=told.valid,
                errors=told.errors,
                flags=told.flags,
                redacted=redacted,
                frame=spliced,
                raw=raw,
            )
        )

    def _plain(self, told: Told, frame: bytes, ts: str, direction: Literal["in", "out"], call_seq: int | None) -> bytes:
        """As `encode` writes it, put together from parts that are encoded once: nearly every record is made here."""
        head = _head(direction, self._proto, told.type, _cut(told.action, MAX_ACTION))
        identifier = b"" if told.id is None else b',"id":%b' % _json(_cut(told.id))
        answered = b"" if call_seq is None else b',"call_seq":%d' % call_seq
        valid = b"true" if told.valid else b"false"
        return _PLAIN % (ts.encode(), self._origin, self._seq(), head, identifier, answered, valid, frame)

    def connected(self, now_us: int, *, remote: str, path: str, security_profile: int, user_agent: str | None) -> bytes:
        return encode(
            self._event(
                "connected",
                now_us,
                remote=remote,
                path=_path(path),
                security_profile=security_profile,
                user_agent=_printable(user_agent),
                time_zone=self._identity.time_zone,
                epoch=self._epoch,
            )
        )

    def disconnected(self, now_us: int, close_code: int | None, reason: str | None) -> bytes:
        return encode(self._event("disconnected", now_us, close_code=close_code, reason=_printable(reason)))

    def rejected(
        self,
        now_us: int,
        *,
        reason: str,
        size: int | None,
        sha256: str | None,
        head: bytes | None = None,
        seq: int | None = None,
        direction: Literal["in", "out"] | None = "in",
        id: str | None = None,  # noqa: A002 - the envelope's name
        action: str | None = None,
        close_code: int | None = None,
    ) -> bytes:
        """A frame that is not on the log; `seq` where it takes the place of a record that has one already."""
        return encode(
            self._event(
                "rejected",
                now_us,
                seq=seq,
                dir=direction,
                id=_cut(id),
                action=_cut(action, MAX_ACTION),
                reason=reason,
                size=size,
                sha256=sha256,
                head=None if head is None else raw_text(head),
                close_code=close_code,
            )
        )

    def _event(self, kind: Kind, now_us: int, *, seq: int | None = None, **fields: Any) -> Envelope:
        return Envelope(
            v=VERSION,
            kind=kind,
            ts=rfc3339(now_us),
            node=self._node,
            tenant=self._identity.tenant,
            station=self._station,
            site=self._identity.site,
            conn=self._conn,
            seq=self._seq() if seq is None else seq,
            proto=self._proto,
            **fields,
        )

    @property
    def next_seq(self) -> int:
        return self._next

    def take_back(self) -> None:
        """The last record will not be written: the next one gets its seq."""
        self._next -= 1

    def _seq(self) -> int:
        seq = self._next
        self._next += 1
        return seq


@lru_cache(maxsize=1024)
def _head(direction: str, proto: str, kind: str, action: str | None) -> bytes:
    head = b',"dir":%b,"proto":%b,"type":%b' % (_json(direction), _json(proto), _json(kind))
    return head if action is None else head + b',"action":%b' % _json(action)


def reject_record(
    *,
    node: str,
    tenant: str | None,
    station: str | None,
    site: str | None,
    now_us: int,
    status: int,
    reason: str,
    path: str,
    remote: str,
    user_agent: str | None = None,
) -> tuple[bytes, bytes]:
    """(key, value) of a handshake that was refused; `station` (tenant/identity) only where the identity is valid."""
    record = Envelope(
        v=VERSION,
        kind="rejected",
        ts=rfc3339(now_us),
        node=node,
        tenant=tenant,
        station=station,
        site=site,
        status=status,
        reason=reason,
        path=_path(path),
        remote=remote,
        user_agent=_printable(user_agent),
    )
    return REJECTED_KEY if station is None else station.encode(), encode(record)


def tick_record(*, node: str, epoch: int, log: int, connections: int, clock: ClockSetting, now_us: int) -> bytes:
    """The value of a node's tick; its key is contracts.topics.node_key(node)."""
    return encode(
        Envelope(
            v=VERSION,
            kind="node",
            ts=rfc3339(now_us),
            node=node,
            epoch=epoch,
            log=log,
            connections=connections,
            clock=clock,
        )
    )


def _cut(text: str | None, length: int = MAX_TEXT) -> str | None:
    return text if text is None or len(text) <= length else text[:length]


def _printable(text: str | None) -> str | None:
    """A header's text as a record may hold it: what cannot be encoded replaced, and cut."""
    return None if text is None else _cut(text.encode("utf-8", "replace").decode())


def _path(path: str) -> str | None:
    """A path without its query, in which tokens are sent."""
    return _printable(path.partition("?")[0])
