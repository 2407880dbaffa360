"""Connections of one station: which is the current one, whether it is online, which records are repeats. Pure.

The latest connect in the log is the current connection; the close of an older one changes nothing. A record is known
by (conn, seq): the last seq of every open connection and of the last closed ones is kept, repeats are dropped.
"""

from typing import Literal

import msgspec

from contracts.envelope import Envelope

_KEPT_CLOSED = 16

Change = Literal["online", "offline", "none"]


class Conn(msgspec.Struct, frozen=True, array_like=True):
    """An open connection and the last seq seen of it."""

    conn: str
    node: str
    epoch: int
    seq: int


class Link(msgspec.Struct, frozen=True):
    """What is known of a station's connections; times in microseconds on the clocks of the nodes that held them."""

    tenant: str
    site: str
    node: str
    """The node of the latest connection: its clock drives the station's timers."""
    online: bool = False
    lost: bool = False
    """Offline because its node is thought dead, not because the connection was closed."""
    current: str = ""
    open: tuple[Conn, ...] = ()
    closed: tuple[tuple[str, int], ...] = ()
    connected_us: int | None = None
    disconnected_us: int | None = None
    close_code: int | None = None
    proto: str | None = None
    security_profile: int | None = None
    last_frame_us: int | None = None
    deadline_us: int | None = None
    """The earliest of the station's timers."""

    def is_closed(self, conn: str) -> bool:
        return any(conn == closed for closed, _ in self.closed)


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
        link = Link(envelope.tenant or "", envelope.site or "default", envelope.node)
    if envelope.conn is None or envelope.seq is None:  # a refused handshake: it says nothing of the connections
        return link, "none"
    known = next((conn for conn in link.open if conn.conn == envelope.conn), None)
    rest = tuple(conn for conn in link.open if conn.conn != envelope.conn)
    if envelope.kind == "disconnected":
        return _closed(link, envelope, rest, now_us)
    if known is None and link.is_closed(envelope.conn):  # a straggler from behind its close, never seen
        return link, "none"
    epoch = envelope.epoch if envelope.epoch is not None else (known.epoch if known else 0)
    changed: dict[str, object] = {
        "open": (*rest, Conn(envelope.conn, envelope.node, epoch, envelope.seq)),
        "last_frame_us": now_us if envelope.dir == "in" else link.last_frame_us,
    }
    # A connect always wins; another record only where nothing better is known (the connect was cut from the log, or
    # the current connection ended while an older one still speaks).
    if envelope.kind == "connected" or not link.online:
        changed |= {
            "current": envelope.conn,
            "online": True,
            "lost": False,
            "node": envelope.node,
            "site": envelope.site or link.site,
            "proto": envelope.proto or link.proto,
            "connected_us": now_us,
            "disconnected_us": None,
            "close_code": None,
        }
        if envelope.kind == "connected":
            changed["security_profile"] = envelope.security_profile
        return msgspec.structs.replace(link, **changed), "online"
    return msgspec.structs.replace(link, **changed), "none"


def _closed(link: Link, envelope: Envelope, rest: tuple[Conn, ...], now_us: int) -> tuple[Link, Change]:
    link = msgspec.structs.replace(
        link, open=rest, closed=(*link.closed, (envelope.conn or "", envelope.seq or 0))[-_KEPT_CLOSED:]
    )
    if envelope.conn != link.current or not (link.online or link.lost):
        return link, "none"
    was_online = link.online
    link = msgspec.structs.replace(
        link,
        online=False,
        lost=False,
        disconnected_us=now_us if was_online else link.disconnected_us,
        close_code=envelope.close_code,
    )
    return link, "offline" if was_online else "none"


def node_restarted(link: Link, node: str, epoch: int, now_us: int) -> tuple[Link, Change]:
    """A node began anew: the connections it held before are gone."""
    gone = [conn for conn in link.open if conn.node == node and conn.epoch < epoch]
    if not gone:
        return link, "none"
    link = msgspec.structs.replace(
        link,
        open=tuple(conn for conn in link.open if conn not in gone),
        closed=(*link.closed, *((conn.conn, conn.seq) for conn in gone))[-_KEPT_CLOSED:],
    )
    if not any(conn.conn == link.current for conn in gone) or not (link.online or link.lost):
        return link, "none"
    was_online = link.online
    since_us = now_us if was_online else link.disconnected_us
    return msgspec.structs.replace(link, online=False, lost=False, disconnected_us=since_us), (
        "offline" if was_online else "none"
    )


def node_lost(link: Link, node: str, at_us: int) -> tuple[Link, Change]:
    """A node is thought dead: its stations are offline from its deadline on."""
    if not link.online or link.node != node:
        return link, "none"
    return msgspec.structs.replace(link, online=False, lost=True, disconnected_us=at_us, close_code=None), "offline"


def node_back(link: Link, node: str, epoch: int, now_us: int) -> tuple[Link, Change]:
    """A node thought dead ticks again under its old epoch: the connections it kept are there again."""
    kept = any(conn.conn == link.current and conn.epoch == epoch for conn in link.open)
    if not link.lost or link.node != node or not kept:
        return link, "none"
    return msgspec.structs.replace(link, online=True, lost=False, connected_us=now_us, disconnected_us=None), "online"
