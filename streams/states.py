"""The states of one partition: what is remembered under which key, and its bytes.

A station is several records, so that a message reads and writes only what it touches: its link (connections, timers),
its head (connectors, alarms), its pace (what is open, and was published when), its book (facts of 1.6 sessions), each
session, per evse the course of its states, and per evse and stream a meter's index and the rows of each quarter of an
hour.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from contracts.events import Boot
from streams.alarms.episodes import Alarms
from streams.clock import Clock
from streams.energy.meter import NOTHING, Meter, Quarter
from streams.energy.rows import Rows
from streams.engine.agent import CLOCK_KEY
from streams.engine.state import State
from streams.links import Link
from streams.sessions.facts import Book
from streams.sessions.held import Held
from streams.sessions.marks import Marks
from streams.sessions.tx import Question
from streams.status import Connector, Place

FORMAT = 4  # of all state values; raise it with any change that old bytes do not fit

LINK, HEAD, PACE, BOOK, SESSION = b"l/", b"h/", b"p/", b"b/", b"s/"
METER, QUARTER, COURSE, NODE = b"m/", b"r/", b"c/", b"n/"

Stream = str
NAMED, OTHER = "t", "o"  # the readings that name a transaction, and the others


class Head(msgspec.Struct, frozen=True):
    """A station: its connectors, its open alarms, its boots."""

    connectors: dict[Place, Connector] = {}
    alarms: Alarms = Alarms()
    boots: tuple[int, ...] = ()
    told_to_boot_us: int | None = None
    boot: Boot | None = None
    registration: str | None = None
    heartbeat_s: int | None = None


class Running(msgspec.Struct, frozen=True, array_like=True):
    """An open session that was published. Its readings are all that name one of its `own` ids."""

    evse: int
    own: tuple[str, ...]
    minute: int
    """In which it was published last."""
    heard_us: int
    """When it was heard of last, as far as published."""


class Open(msgspec.Struct, frozen=True, array_like=True):
    """A quarter of an evse that is not over: in which minute it was last published, and whether it changed since."""

    minute: int
    dirty: bool
    sessions: tuple[str, ...]
    """The sessions that it overlaps."""


class Pace(msgspec.Struct, frozen=True):
    """What is open of a station, and when it was published."""

    sessions: dict[str, Running] = {}
    quarters: dict[tuple[int, int], Open] = {}
    """(evse, quarter)."""
    over_us: dict[int, int] = {}
    """evse -> the latest end of a session there."""


class Course(msgspec.Struct, frozen=True):
    """What was said of an evse's connectors, states and faults."""

    marks: Marks = ()


class Books(msgspec.Struct, frozen=True):
    """The facts of a station's 1.6 sessions; of 2.x ones too: which are held, and what waits for them."""

    facts: Book = Book()
    sessions: tuple[str, ...] = ()
    loose: dict[str, Rows] = {}
    """Rows that wait until the evse of the transaction that they name is known."""
    asked: dict[str, Question] = {}
    """2.x events that carried the token of a session and wait for the answer, by conn/seq."""


_TYPES: dict[bytes, type] = {
    LINK: Link,
    HEAD: Head,
    PACE: Pace,
    BOOK: Books,
    SESSION: Held,
    METER: Meter,
    QUARTER: Quarter,
    COURSE: Course,
    NODE: Alarms,
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


class States:
    """Typed access to the states of one record's fold."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._get: Callable[[bytes], Any] = state.get  # what stands under a prefix is of its type: see _TYPES

    def clock(self) -> Clock:
        return self._get(CLOCK_KEY) or Clock()

    def set_clock(self, clock: Clock) -> None:
        self._state.set(CLOCK_KEY, clock)

    def link(self, station: str) -> Link | None:
        found: Link | None = self._get(LINK + station.encode())
        return found

    def set_link(self, station: str, link: Link) -> None:
        self._state.set(LINK + station.encode(), link)

    def head(self, station: str) -> Head:
        return self._get(HEAD + station.encode()) or Head()

    def set_head(self, station: str, head: Head) -> None:
        self._state.set(HEAD + station.encode(), head)

    def pace(self, station: str) -> Pace:
        return self._get(PACE + station.encode()) or Pace()

    def set_pace(self, station: str, pace: Pace) -> None:
        self._state.set(PACE + station.encode(), pace)

    def books(self, station: str) -> Books:
        return self._get(BOOK + station.encode()) or Books()

    def set_books(self, station: str, books: Books) -> None:
        self._state.set(BOOK + station.encode(), books)

    def session(self, session_id: str) -> Held | None:
        found: Held | None = self._get(SESSION + session_id.encode())
        return found

    def set_session(self, held: Held) -> None:
        self._state.set(SESSION + held.facts.session_id.encode(), held)

    def drop_session(self, session_id: str) -> None:
        self._state.delete(SESSION + session_id.encode())

    def meter(self, station: str, evse: int, stream: Stream) -> Meter:
        return self._get(f"m/{station}/{evse}/{stream}".encode()) or Meter()

    def set_meter(self, station: str, evse: int, stream: Stream, meter: Meter) -> None:
        self._state.set(f"m/{station}/{evse}/{stream}".encode(), meter)

    def quarter(self, station: str, evse: int, stream: Stream, number: int) -> Quarter:
        return self._get(f"r/{station}/{evse}/{stream}/{number}".encode()) or NOTHING

    def set_quarter(self, station: str, evse: int, stream: Stream, number: int, found: Quarter) -> None:
        key = f"r/{station}/{evse}/{stream}/{number}".encode()
        if found.rows:
            self._state.set(key, found)
        else:
            self._state.delete(key)

    def course(self, station: str, evse: int) -> Course:
        return self._get(f"c/{station}/{evse}".encode()) or Course()

    def set_course(self, station: str, evse: int, course: Course) -> None:
        self._state.set(f"c/{station}/{evse}".encode(), course)

    def node_alarms(self, node: str) -> Alarms:
        """The alarms of an edge node (in partition 0 only)."""
        return self._get(NODE + node.encode()) or Alarms()

    def set_node_alarms(self, node: str, alarms: Alarms) -> None:
        if alarms.open:
            self._state.set(NODE + node.encode(), alarms)
        else:
            self._state.delete(NODE + node.encode())

    def mark(self) -> int:
        return self._state.mark()

    def check(self, since: int) -> None:
        """Raises TooLargeError where a state that changed since a mark does not fit its topic."""
        self._state.changes(since)

    def undo(self, mark: int) -> None:
        self._state.undo(mark)
