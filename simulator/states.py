"""What the connectors of a station (0: itself) have to report, and whether the CSMS knows.

A state is reported when it changes, and after a boot; what was not answered is said again on the next connection, with
its own time: status messages themselves are never retried.
"""

from collections.abc import Callable, Iterable, Iterator

from simulator.faults import Fault, Fault16
from simulator.ledger import Ledger
from simulator.line import Line
from simulator.outbox import Message, Payload

STATUS = "status"  # the source of a fault that a connector's status tells


class ConnectorState:
    """A status, a fault, and since when (as stamped)."""

    __slots__ = ("at_us", "fault", "reported", "status")

    def __init__(self, status: str, fault: Fault | None, at_us: int) -> None:
        self.status = status
        self.fault = fault
        self.at_us = at_us
        self.reported = False

    @property
    def cause(self) -> str | None:
        """The cause of the fault that a report of this state tells; None where it tells of none."""
        if isinstance(self.fault, Fault16):
            return self.fault.cause
        return "Faulted" if self.status == "Faulted" else None


Call = Callable[[int, ConnectorState], tuple[str, Payload]]
"""Action and payload that report a connector's state in the station's version."""


class States:
    """The states of one station's connectors, by number; empty until it is switched on."""

    def __init__(self, station: str, line: Line, ledger: Ledger, call: Call) -> None:
        self._station, self._line, self._ledger, self._call = station, line, ledger, call
        self._by_connector: dict[int, ConnectorState] = {}

    def __getitem__(self, connector: int) -> ConnectorState:
        return self._by_connector[connector]

    def __len__(self) -> int:
        return len(self._by_connector)

    def __iter__(self) -> Iterator[int]:
        return iter(tuple(self._by_connector))

    @property
    def all_reported(self) -> bool:
        """Whether the CSMS answered the report of every state as it is now."""
        return all(state.reported for state in self._by_connector.values())

    def begin(self, connectors: Iterable[int], stamped_us: int) -> None:
        """All is available."""
        self._by_connector = {number: ConnectorState("Available", None, stamped_us) for number in connectors}

    def set(self, connector: int, status: str | None, fault: Fault | None, stamped_us: int) -> None:
        """From now on the connector is like this (`status` None: as it was); reported if it is anything new."""
        before = self._by_connector[connector]
        status = before.status if status is None else status
        if (status, fault) != (before.status, before.fault):
            self._by_connector[connector] = ConnectorState(status, fault, stamped_us)
            if self._line.online and self._line.registered:
                self._report(connector)

    def report(self, *, anew: bool = False) -> None:
        """Report what was not answered yet; `anew`: everything."""
        for connector, state in self._by_connector.items():
            state.reported &= not anew
            if not state.reported:
                self._report(connector)

    def _report(self, connector: int) -> None:
        state = self._by_connector[connector]
        action, payload = self._call(connector, state)

        def told(*, answered: bool) -> None:
            where = (self._station, connector, 1 if connector else 0)
            if state.cause is None:
                self._ledger.fault_over(*where, state.at_us, answered=answered, source=STATUS)
            else:
                self._ledger.fault(*where, state.cause, state.at_us, answered=answered, source=STATUS)

        def answered(answer: Payload | None) -> None:
            if answer is not None:
                state.reported = True
                told(answered=True)

        self._line.outbox.add(Message(action, payload, sent=lambda: told(answered=False), answered=answered))
