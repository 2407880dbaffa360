"""The transaction ids of OCPP 1.6, which the central system gives: the same start gets the same id from every node.

An id is a 31-bit hash of what identifies a start (station, connector, idTag, meterStart, timestamp), so that a retry,
on any node and after any crash, is the same transaction, and nothing has to be remembered or shared.

A charger without a clock sends the same start for every session (1970, meterStart 0). Where the timestamp is missing,
unreadable or before 2015, the connection's ULID and a count for the connector stand in its place. The count rises when
a StopTransaction carries the id last given there: a retry gets the same id, the next session another.
"""

import hashlib
import json

from contracts.quirks import timestamp

EARLIEST_US = 1_420_070_400_000_000  # 2015-01-01T00:00:00Z: an earlier clock is not set
_LARGEST = 2**31 - 1
_MAX_CONNECTORS = 128  # remembered for one connection; a charger that makes connectors up must not cost memory


def transaction_id(station: str, connector: object, id_tag: object, meter_start: object, when: object) -> int:
    """1..2^31-1; `when` is the start's time in microseconds, or what stands in its place. A text, hashed: stable."""
    text = json.dumps([station, connector, id_tag, meter_start, when], separators=(",", ":"), sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"ocpp16 tx id").digest()
    return int.from_bytes(digest, "big") % _LARGEST + 1


class TransactionIds:
    """The ids of one connection. The memory is for chargers without a clock only."""

    __slots__ = ("_conn", "_counts", "_last", "_station")

    def __init__(self, station: str, conn: str) -> None:
        self._station = station
        self._conn = conn
        self._counts: dict[object, int] = {}
        self._last: dict[object, int] = {}

    def started(self, connector: object, id_tag: object, meter_start: object, time: object) -> int:
        """The id of a StartTransaction."""
        when = timestamp(time)
        if when is not None and when >= EARLIEST_US:
            return transaction_id(self._station, connector, id_tag, meter_start, when)
        place = connector if isinstance(connector, int) else None
        count = self._counts.get(place, 0)
        given = transaction_id(self._station, connector, id_tag, meter_start, [self._conn, count])
        if place in self._last or len(self._last) < _MAX_CONNECTORS:
            self._last[place] = given
        return given

    def stopped(self, transaction: object) -> None:
        """A StopTransaction: the next start without a clock on that connector is another session."""
        for place, given in self._last.items():
            if given == transaction:
                if place in self._counts or len(self._counts) < _MAX_CONNECTORS:
                    self._counts[place] = self._counts.get(place, 0) + 1
                del self._last[place]
                return
