"""One station's turn: what every step of folding one record for one station shares."""

from typing import TypedDict

import msgspec

from contracts.events import Source
from contracts.times import MINUTE
from streams.alarms.episodes import Signal, Subject, fold
from streams.clock import Clock
from streams.deadlines import deadline
from streams.links import Link
from streams.outbox import Outbox
from streams.sessions.held import Held
from streams.states import Books, Head, Pace, States


class Header(TypedDict):
    """What every record of a station begins with."""

    v: int
    tenant: str
    station: str
    site: str
    log: int
    revision: int
    source: Source


class Turn:
    """The station's states while one record is folded, and where its views go.

    Mutable for the length of a turn; what it holds is immutable, and `close` stores what changed. Sessions and meters
    are stored as they change.
    """

    def __init__(self, states: States, outbox: Outbox, station: str, link: Link, now_us: int) -> None:
        self.states, self.outbox, self.station, self.now_us = states, outbox, station, now_us
        self.link = link
        self.head: Head = states.head(station)
        self.pace: Pace = states.pace(station)
        self.changed: set[str] = set()
        """Sessions that may differ from what was published."""
        self.rejoined: set[int | None] = set()
        """Evses whose sessions came, went, began or ended."""
        self.quarters: dict[int, set[int]] = {}
        """evse -> quarters whose totals may differ from what was published."""
        self.renamed: set[tuple[int, int]] = set()
        """(evse, quarter) that overlap other sessions now."""
        self._before = (states.link(station), self.head, self.pace)

    @property
    def minute(self) -> int:
        return self.now_us // MINUTE

    @property
    def source(self) -> Source:
        return self.outbox.source

    @property
    def revision(self) -> int:
        return self.outbox.record.offset

    @property
    def header(self) -> Header:
        return Header(
            v=1,
            tenant=self.link.tenant,
            station=self.station,
            site=self.link.site,
            log=self.outbox.log,
            revision=self.revision,
            source=self.source,
        )

    # -- sessions

    @property
    def books(self) -> Books:
        return self.states.books(self.station)

    def set_books(self, **changes: object) -> None:
        books = msgspec.structs.replace(self.books, **changes)
        if books != self.books:
            self.states.set_books(self.station, books)

    def held(self) -> list[Held]:
        """All sessions that are held."""
        return [held for held in map(self.states.session, self.books.sessions) if held is not None]

    # -- alarms

    def signal(self, signals: list[Signal]) -> None:
        """Apply alarm signals and publish what they change."""
        if not signals:
            return
        alarms, views = fold(self.head.alarms, signals, self.subject(), self.now_us)
        self.set_head(alarms=alarms)
        for view in views:
            self.outbox.alarm(view)

    def subject(self) -> Subject:
        return Subject(
            self.link.tenant, self.station, self.link.site, self.outbox.log, self.revision, self.outbox.source
        )

    # -- the rest

    def set_head(self, **changes: object) -> None:
        self.head = msgspec.structs.replace(self.head, **changes)

    def set_pace(self, **changes: object) -> None:
        self.pace = msgspec.structs.replace(self.pace, **changes)

    def close(self, clock: Clock) -> None:
        """Store what changed, with the earliest deadline of the station's timers."""
        link, head, pace = self._before
        due_us = deadline(self.link, self.head, self.pace, clock)
        if self.link.deadline_us != due_us:
            self.link = msgspec.structs.replace(self.link, deadline_us=due_us)
        if self.link != link:
            self.states.set_link(self.station, self.link)
        if self.head is not head and self.head != head:
            self.states.set_head(self.station, self.head)
        if self.pace is not pace and self.pace != pace:
            self.states.set_pace(self.station, self.pace)
