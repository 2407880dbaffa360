"""How many CALLs were answered, and which share of those that were sent while nothing was away. Pure."""

from collections.abc import Iterable

from contracts.times import from_rfc3339
from simulator.incidents import Incident
from simulator.journal import Entry

_TAKES_ANSWERS = frozenset({"edge-killed", "edge-paused", "broker-killed", "broker-paused"})


def answered(journal: Iterable[Entry], incidents: Iterable[Incident]) -> tuple[int, float]:
    """The number of answered CALLs; of those sent outside outages of the edge and of the broker, the share answered."""
    away = [(one.at_us, one.until_us or one.at_us) for one in incidents if one.kind in _TAKES_ANSWERS]
    count = sent = heard = 0
    for entry in journal:
        got = entry.outcome != "none"
        count += got
        at_us = from_rfc3339(entry.sent_at)
        if not any(from_us <= at_us <= until_us for from_us, until_us in away):
            sent += 1
            heard += got
    return count, heard / sent if sent else 0.0
