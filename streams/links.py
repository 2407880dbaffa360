"""Connections of one station: which are open, whether one of them lives, which records are repeats. Pure.

A station is online while any connection it opened is not closed and that connection's node lives: a set, so the order
of an old close and a new open cannot matter. A record is known by (conn, seq): the last seq of every open connection
and of the last closed ones is kept, repeats are dropped.
"""

from typing import Literal

import msgspec

from contracts.envelope import Envelope

_KEPT_OPEN, _KEPT_CLOSED = 16, 16

Change = Literal["online", "offline", "moved", "none"]
"""What became of a station; `moved`: it is online through another connection than before."""


class Conn(msgspec.Struct, frozen=True, array_like=True):
    """An open connection. `connected_us` is None where its connect was not seen; `seq` is the last one that was."""

    conn: str
    node: str
    epoch: int
    seq: int
    connected_us: int | None = None
    proto: str | None = None
    security_profile: int | None = None
    lost: bool = False
    """Its node is thought dead."""


class Link(msgspec.Struct, frozen=True):
    """What is known of a station's connections; times in microseconds on the clocks of the nodes that held them."""

    tenant: str
    site: str
    node: str
    """The node of the current connection, or of the last one: its clock drives the station's timers."""
    open: tuple[Conn, ...] = ()
    """In the order of their connects on the log."""
    closed: tuple[tuple[str, int], ...] = ()
    disconnected_us: int | None = None
    """Since when it is offline; None while it is online."""
    close_code: int | None = None
    last_frame_us: int | None = None
    deadline_us: int | None = None
    """The earliest of the station's timers."""
    last: Conn | None = None
    """The current connection, or the last one that was."""
    time_zone: str | None = None
    """The site's, an IANA name."""
    moved: tuple[str, int] | None = None
    """The site before this one, and until when it was."""

    def site_at(self, at_us: int) -> str:
        """The station's site at a moment: what began there stays there, also where a later message changes it."""
        return self.moved[0] if self.moved is not None and at_us < self.moved[1] else self.site

    @property
    def online(self) -> bool:
        return any(not conn.lost for conn in self.open)

    def is_closed(self, conn: str) -> bool:
        return any(conn == closed for closed, _ in self.closed)

    def lives(self, conn: str) -> bool:
        """Whether a connection is open and its node is not thought dead."""
        return any(conn == each.conn and not each.lost for each in self.open)

    def connected_us(self, conn: str | None) -> int | None:
        """When an open connection began, if that is known."""
        return next((each.connected_us for each in self.open if each.conn == conn), None)


def is_repeat(link: Link | None, envelope: Envelope) -> bool:
    """Whether this very record was folded before."""
    if link is None or envelope.conn is None or envelope.seq is None:
        return False
    for conn in link.open:
        if conn.conn == envelope.conn:
            return envelope.seq <= conn.seq
    return any(closed == envelope.conn and envelope.seq <= seq for closed, seq in link.closed)


def fold(link: Link | None, envelope: Envelope, now_us: int) -> tuple[Link, Change]:
    """Take a record of the station into account that is no repeat. `now_us` is the record's time."""
    if link is None:
        link = Link(envelope.tenant or "", envelope.site or "default", envelope.node, disconnected_us=now_us)
    if envelope.conn is None or envelope.seq is None:  # a refused handshake: it says nothing of the connections
        return link, "none"
    known = next((conn for conn in link.open if conn.conn == envelope.conn), None)
    if envelope.kind == "disconnected":
        closed = (*link.closed, (envelope.conn, envelope.seq))[-_KEPT_CLOSED:]
        was_last = link.last is not None and link.last.conn == envelope.conn
        code = envelope.close_code if was_last else None
        return _settled(link, _without(link, known), now_us, closed=closed, close_code=code)
    if known is None and link.is_closed(envelope.conn):  # a straggler from behind its close, never seen
        return link, "none"
    heard_us = now_us if envelope.dir == "in" else link.last_frame_us
    if envelope.kind == "connected":
        opened = Conn(
            envelope.conn,
            envelope.node,
            envelope.epoch or 0,
            envelope.seq,
            now_us,
            envelope.proto,
            envelope.security_profile,
        )
        after, change = _settled(link, (*_without(link, known), opened)[-_KEPT_OPEN:], now_us)
        return _placed(after, envelope, now_us), change
    if known is None:  # its connect was cut from the log: older than all that are known
        opened = Conn(envelope.conn, envelope.node, envelope.epoch or 0, envelope.seq, None, envelope.proto)
        return _settled(link, (opened, *link.open)[-_KEPT_OPEN:], now_us, last_frame_us=heard_us)
    said = msgspec.structs.replace(known, seq=envelope.seq, lost=False)  # it speaks: its node lives
    open_ = tuple(said if conn is known else conn for conn in link.open)
    if known.lost:
        return _settled(link, open_, now_us, last_frame_us=heard_us)
    return msgspec.structs.replace(link, open=open_, last_frame_us=heard_us), "none"


def _placed(link: Link, envelope: Envelope, now_us: int) -> Link:
    """Where a connect says that the station is."""
    site = envelope.site or link.site
    moved = link.moved if site == link.site else (link.site, now_us)
    return msgspec.structs.replace(link, site=site, moved=moved, time_zone=envelope.time_zone)


def node_lost(link: Link, node: str, at_us: int) -> tuple[Link, Change]:
    """A node is thought dead: so are the connections it holds, from its deadline on."""
    open_ = tuple(msgspec.structs.replace(conn, lost=True) if conn.node == node else conn for conn in link.open)
    return _settled(link, open_, at_us)


def node_back(link: Link, node: str, epoch: int, now_us: int) -> tuple[Link, Change]:
    """A node thought dead ticks again: the connections that it opened since its start are there again."""
    open_ = tuple(
        msgspec.structs.replace(conn, lost=False) if conn.node == node and conn.epoch == epoch else conn
        for conn in link.open
    )
    return _settled(link, open_, now_us)


def node_restarted(link: Link, node: str, epoch: int, now_us: int) -> tuple[Link, Change]:
    """A node began anew: the connections it held before are gone."""
    gone = [conn for conn in link.open if conn.node == node and conn.epoch != epoch]
    if not gone:
        return link, "none"
    closed = (*link.closed, *((conn.conn, conn.seq) for conn in gone))[-_KEPT_CLOSED:]
    return _settled(link, tuple(conn for conn in link.open if conn not in gone), now_us, closed=closed)


def _without(link: Link, known: Conn | None) -> tuple[Conn, ...]:
    return tuple(conn for conn in link.open if conn is not known)


def _settled(
    link: Link, open_: tuple[Conn, ...], at_us: int, *, close_code: int | None = None, **changes: object
) -> tuple[Link, Change]:
    """The link with these open connections; `close_code`: how one of them was closed just now."""
    current = next((conn for conn in reversed(open_) if not conn.lost), None)
    before = link.last if link.online else None
    changes["open"] = open_
    if current is not None:
        changes |= {"last": current, "node": current.node, "disconnected_us": None, "close_code": None}
    elif before is not None:
        changes |= {"disconnected_us": at_us, "close_code": close_code}
    elif close_code is not None:
        changes["close_code"] = close_code
    after = msgspec.structs.replace(link, **changes)
    if current is None:
        return after, "none" if before is None else "offline"
    if before is None:
        return after, "online"
    return after, "none" if before.conn == current.conn else "moved"
