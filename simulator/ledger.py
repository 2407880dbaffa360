"""The fleet's own book-keeping while it runs: which alarms its frames must cause, which gaps it made, what it did.

It follows frames as they leave and as they are answered. A frame that was answered is on the log for certain; one that
left and was not may be.
"""

from collections import Counter, defaultdict

from contracts.times import SECOND, rfc3339_ms
from simulator.edge_clock import EdgeClock
from simulator.truth import (
    BOOT_LOOP,
    BOOT_LOOP_WINDOW,
    BOOTS_CERTAIN,
    CONNECTOR_FAULT,
    OFFLINE_GRACE,
    OFFLINE_RULE,
    OVERSIZED_FRAME,
    SECURITY_EVENT,
    AlarmTruth,
    GapTruth,
    connector_fault_key,
    gap_verdict,
    station_key,
)

UNANSWERED = "the frame that says so was not answered"


class _Fault:
    """An episode of a connector's fault."""

    __slots__ = ("cleared", "cleared_us", "exact", "key", "raised_us", "sure")

    def __init__(self, key: str, raised_us: int) -> None:
        self.key = key
        self.raised_us = raised_us
        self.exact = True
        self.sure = False
        self.cleared_us: int | None = None
        self.cleared = False

    def truth(self) -> AlarmTruth:
        raised_at = rfc3339_ms(self.raised_us)
        return AlarmTruth(
            alarm_key=self.key,
            rule=CONNECTOR_FAULT,
            must=self.sure,
            near=raised_at,
            raised_at=raised_at if self.exact else None,
            cleared_at=rfc3339_ms(self.cleared_us) if self.cleared_us is not None and self.cleared else None,
            why=None if self.sure else UNANSWERED,
        )


class FaultBook:
    """The faults of one source on one connector: its status, or one monitored variable. Keys are alarm keys.

    A source tells of one fault at a time: another one ends it.
    """

    def __init__(self) -> None:
        self._open: dict[str, _Fault] = {}
        self.closed: list[_Fault] = []

    def raised(self, key: str, at_us: int, *, answered: bool) -> None:
        """A frame says that a fault is there since `at_us`: it left, or (`answered`) was answered."""
        self.over(at_us, answered=answered, but=key)
        fault = self._open.get(key)
        if fault is not None and fault.cleared_us is not None and not answered:
            # Said to be over in a frame nobody answered, and now it is back: one episode or two, nobody can tell.
            fault.sure = fault.exact = False
            self.closed.append(self._open.pop(key))
            fault = None
        if fault is None:
            if answered:
                return
            fault = self._open[key] = _Fault(key, at_us)
        elif at_us != fault.raised_us and not fault.sure:
            fault.exact = False
        fault.sure |= answered

    def over(self, at_us: int, *, answered: bool, but: str | None = None) -> None:
        """A frame says that nothing is wrong since `at_us`; or nothing but this."""
        for key, fault in list(self._open.items()):
            if key == but:
                continue
            if fault.cleared_us is None:
                fault.cleared_us = at_us
            if answered:
                fault.cleared = fault.cleared_us == at_us
                self.closed.append(self._open.pop(key))

    def alarms(self) -> list[AlarmTruth]:
        return [fault.truth() for fault in (*self.closed, *self._open.values())]


class Ledger:
    """What all stations did."""

    def __init__(self) -> None:
        self.misbehaviours: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.refusal: str | None = None
        """Why the last handshake failed; None once one did not."""
        self.edge_clock = EdgeClock()
        self.discarded = 0
        self.gaps: list[GapTruth] = []
        self._fault_books: dict[tuple[str, int, int, str], FaultBook] = defaultdict(FaultBook)
        self._boots: dict[str, list[int]] = defaultdict(list)
        self._occurrences: dict[tuple[str, int], AlarmTruth] = {}
        self._alarms: list[AlarmTruth] = []

    def fault(
        self, station: str, evse: int, connector: int, cause: str, at_us: int, *, answered: bool, source: str
    ) -> None:
        """A frame reports a fault; `source`: `status`, or the monitored component and variable."""
        book = self._fault_books[station, evse, connector, source]
        book.raised(connector_fault_key(station, evse, connector, cause), at_us, answered=answered)

    def fault_over(self, station: str, evse: int, connector: int, at_us: int, *, answered: bool, source: str) -> None:
        """A frame reports that a fault is over."""
        book = self._fault_books.get((station, evse, connector, source))
        if book is not None:
            book.over(at_us, answered=answered)

    def security_event(self, station: str, kind: str, at_us: int, *, answered: bool) -> None:
        """A SecurityEventNotification left, or was answered."""
        self._occurrence(SECURITY_EVENT, station_key(SECURITY_EVENT, station, kind), at_us, sure=answered, exact=True)

    def oversized(self, station: str, at_us: int, *, closed_for_it: bool) -> None:
        """A frame too large was sent; `closed_for_it`: the edge closed the socket with 1009."""
        key = station_key(OVERSIZED_FRAME, station)
        self._occurrence(OVERSIZED_FRAME, key, at_us, sure=closed_for_it, exact=False)

    def _occurrence(self, rule: str, key: str, at_us: int, *, sure: bool, exact: bool) -> None:
        before = self._occurrences.get((key, at_us))
        must = sure or (before is not None and before.must)
        at = rfc3339_ms(at_us)
        self._occurrences[key, at_us] = AlarmTruth(
            alarm_key=key,
            rule=rule,
            must=must,
            near=at,
            raised_at=at if exact else None,
            why=None if must else UNANSWERED,
        )

    def booted(self, station: str, at_us: int) -> None:
        """A BootNotification (not `Triggered`) was answered."""
        self._boots[station].append(at_us)

    def gap(self, station: str, cause: str, from_us: int, to_us: int) -> GapTruth:
        """The station was without a connection from here to there."""
        verdict = gap_verdict(to_us - from_us)
        gap = GapTruth(
            station=station,
            cause=cause,
            from_at=rfc3339_ms(from_us),
            to_at=rfc3339_ms(to_us),
            seconds=round((to_us - from_us) / SECOND, 3),
            verdict=verdict,
        )
        self.gaps.append(gap)
        if verdict != "short":
            self._alarms.append(
                AlarmTruth(
                    alarm_key=station_key(OFFLINE_RULE, station),
                    rule=OFFLINE_RULE,
                    must=verdict == "long",
                    near=rfc3339_ms(from_us + OFFLINE_GRACE),
                    why=None if verdict == "long" else f"a gap of {gap.seconds:.0f} s is too near to the grace",
                )
            )
        return gap

    def left(self, station: str, at_us: int) -> None:
        """The station closed its socket for good: offline, for whoever looks long enough after the run."""
        self._alarms.append(
            AlarmTruth(
                alarm_key=station_key(OFFLINE_RULE, station),
                rule=OFFLINE_RULE,
                must=False,
                near=rfc3339_ms(at_us + OFFLINE_GRACE),
                why="the run was over",
            )
        )

    def alarms(self) -> list[AlarmTruth]:
        """All alarms, in order of their time."""
        found = [*self._alarms, *self._occurrences.values()]
        for book in self._fault_books.values():
            found += book.alarms()
        for station, boots in self._boots.items():
            found += _boot_loops(station, boots)
        return sorted(found, key=lambda alarm: (alarm.near, alarm.alarm_key))


def _boot_loops(station: str, boots: list[int]) -> list[AlarmTruth]:
    """The boot loops in a station's boots: clusters of boots that follow each other within the alarm's window."""
    alarms = []
    clusters: list[list[int]] = []
    for at_us in boots:
        if clusters and at_us - clusters[-1][-1] <= BOOT_LOOP_WINDOW:
            clusters[-1].append(at_us)
        else:
            clusters.append([at_us])
    for cluster in clusters:
        most = max(sum(begin <= at <= begin + BOOT_LOOP_WINDOW for at in cluster) for begin in cluster)
        if most > 1:
            must = most >= BOOTS_CERTAIN
            alarms.append(
                AlarmTruth(
                    alarm_key=station_key(BOOT_LOOP, station),
                    rule=BOOT_LOOP,
                    must=must,
                    near=rfc3339_ms(cluster[min(3, len(cluster) - 1)]),
                    why=None if must else f"{most} boots within the window are too near to the threshold",
                )
            )
    return alarms
