"""The states of one partition: what is remembered under which key, and its bytes.

A station is several records, so that a message writes only what it touches: its link (connections, timers), its head
(connectors, session facts, alarms), its pace (what was published when), and per evse and stream a meter's index and
the rows of each quarter of an hour.
"""

from typing import TypeVar

import msgspec

from contracts.events import Boot
from streams.alarms.episodes import Episode
from streams.clock import Clock
from streams.energy.meter import Meter
from streams.energy.rows import Row, Rows
from streams.engine.agent import CLOCK_KEY
from streams.engine.state import State
from streams.links import Link
from streams.sessions.facts import Book
from streams.status import Connector, Place

FORMAT = 1  # of all state values; raise it with any change that old bytes do not fit

LINK, HEAD, PACE, METER, ROWS, NODE = b"l/", b"h/", b"p/", b"m/", b"r/", b"n/"

Stream = str
NAMED, OTHER = "t", "o"  # the readings that name a transaction, and the others


class Head(msgspec.Struct, frozen=True):
    """A station: connectors, the facts of its sessions, its open alarms, its boots."""

    connectors: dict[Place, Connector] = {}
    book: Book = Book()
    loose: dict[str, Rows] = {}
    """Rows of transactions whose evse is not known yet."""
    alarms: dict[str, Episode] = {}
    boots: tuple[int, ...] = ()
    boot: Boot | None = None
    registration: str | None = None
    heartbeat_s: int | None = None


class Open(msgspec.Struct, frozen=True, array_like=True):
    """An open quarter of an evse: in which minute it was last published, and whether it changed since."""

    minute: int
    dirty: bool = False


class Pace(msgspec.Struct, frozen=True):
    """When open records were published last. It decides when views appear, never what they say."""

    sessions: dict[str, int] = {}
    """Session id -> minute."""
    heard: dict[str, int] = {}
    """Open session -> when it was last heard of, as far as published (microseconds)."""
    quarters: dict[tuple[int, int], Open] = {}
    """(evse, quarter)."""


class NodeAlarms(msgspec.Struct, frozen=True):
    """The open alarms of an edge node (in partition 0 only)."""

    alarms: dict[str, Episode] = {}


class RowSet(msgspec.Struct, frozen=True, array_like=True):
    """A quarter's rows."""

    rows: tuple[Row, ...]


_TYPES: dict[bytes, type] = {
    LINK: Link,
    HEAD: Head,
    PACE: Pace,
    METER: Meter,
    ROWS: RowSet,
    NODE: NodeAlarms,
    CLOCK_KEY[:2]: Clock,
}
_DECODERS: dict[bytes, msgspec.msgpack.Decoder[object]] = {
    prefix: msgspec.msgpack.Decoder(kind) for prefix, kind in _TYPES.items()
}
_encoder = msgspec.msgpack.Encoder()


def decode(key: bytes, value: bytes) -> object:
    return _DECODERS[key[:2]].decode(value)


def encode(key: bytes, state: object) -> bytes:  # noqa: ARG001 - the agent's interface
    return _encoder.encode(state)


T = TypeVar("T")


class States:
    """Typed access to the states of one record's fold."""

    def __init__(self, state: State) -> None:
        self._state = state

    def clock(self) -> Clock:
        return self._get(CLOCK_KEY, Clock) or Clock()

    def set_clock(self, clock: Clock) -> None:
        self._state.set(CLOCK_KEY, clock)

    def link(self, station: str) -> Link | None:
        return self._get(LINK + station.encode(), Link)

    def set_link(self, station: str, link: Link) -> None:
        self._state.set(LINK + station.encode(), link)

    def head(self, station: str) -> Head:
        return self._get(HEAD + station.encode(), Head) or Head()

    def set_head(self, station: str, head: Head) -> None:
        self._state.set(HEAD + station.encode(), head)

    def pace(self, station: str) -> Pace:
        return self._get(PACE + station.encode(), Pace) or Pace()

    def set_pace(self, station: str, pace: Pace) -> None:
        self._state.set(PACE + station.encode(), pace)

    def node_alarms(self, node: str) -> NodeAlarms:
        return self._get(NODE + node.encode(), NodeAlarms) or NodeAlarms()

    def set_node_alarms(self, node: str, alarms: NodeAlarms) -> None:
        if alarms.alarms:
            self._state.set(NODE + node.encode(), alarms)
        else:
            self._state.delete(NODE + node.encode())

    def meter(self, station: str, evse: int, stream: Stream) -> Meter:
        return self._get(f"m/{station}/{evse}/{stream}".encode(), Meter) or Meter()

    def set_meter(self, station: str, evse: int, stream: Stream, meter: Meter) -> None:
        self._state.set(f"m/{station}/{evse}/{stream}".encode(), meter)

    def rows(self, station: str, evse: int, stream: Stream, quarter: int) -> Rows:
        found = self._get(f"r/{station}/{evse}/{stream}/{quarter}".encode(), RowSet)
        return () if found is None else found.rows

    def set_rows(self, station: str, evse: int, stream: Stream, quarter: int, rows: Rows) -> None:
        key = f"r/{station}/{evse}/{stream}/{quarter}".encode()
        if rows:
            self._state.set(key, RowSet(rows))
        else:
            self._state.delete(key)

    def mark(self) -> int:
        return self._state.mark()

    def undo(self, mark: int) -> None:
        self._state.undo(mark)

    def _get(self, key: bytes, kind: type[T]) -> T | None:
        found = self._state.get(key)
        if found is None:
            return None
        if not isinstance(found, kind):
            raise TypeError(f"{key!r} holds a {type(found).__name__}")
        return found
