"""What a test driver did to the services themselves, and which alarms that must and may cause.

The driver's file is JSON lines: `at_us` and `until_us` (when it was over: the process was ready again; absent: never)
in microseconds of the shared clock, `kind`, and for an edge its `node`.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

import msgspec

from contracts.times import HOUR, SECOND, from_rfc3339, rfc3339_ms
from simulator.truth import (
    EDGE_CLOCK,
    EDGE_NODE_LOST,
    OFFLINE_GRACE,
    OFFLINE_RULE,
    THRESHOLD_FACTOR,
    AlarmTruth,
    Truth,
    node_key,
)

Kind = Literal[
    "edge-killed",
    "edge-paused",
    "edge-clock",
    "worker-killed",
    "worker-paused",
    "sink-killed",
    "sink-paused",
    "broker-killed",
    "broker-paused",
]

NODE_DEADLINE_S = 15  # a node is dead so many real seconds after its last tick
NODE_TICK_S = 5
_AFTERMATH = 10 * 60 * SECOND  # stations find back within this time after an incident
# Behind which of them the stations' sockets close.
_TOUCHES_STATIONS = frozenset({"edge-killed", "edge-paused", "edge-clock", "broker-killed", "broker-paused"})
_SILENCES_NODE = frozenset({"edge-killed", "edge-paused"})


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the driver's file."""

    at_us: int
    kind: Kind
    until_us: int | None = None
    node: str | None = None


def read_incidents(path: Path) -> list[Incident]:
    """The incidents of a file, in order of their time."""
    decoder = msgspec.json.Decoder(Incident)
    found = [decoder.decode(line) for line in path.read_bytes().splitlines() if line.strip()]
    return sorted(found, key=lambda incident: incident.at_us)


def with_incidents(truth: Truth, incidents: Iterable[Incident]) -> Truth:
    """The truth with the alarms that incidents must cause, and those they may cause as such.

    A long gap near an incident that closes sockets is no longer certain to raise its alarm: what the log saw of it is
    not what the station measured. A short one raises none all the same: who is back in time was never offline.
    """
    known = list(incidents)
    windows = [
        (incident.at_us, (incident.until_us or incident.at_us + HOUR) + _AFTERMATH)
        for incident in known
        if incident.kind in _TOUCHES_STATIONS
    ]
    alarms = [_less_certain(alarm, windows) for alarm in truth.alarms]
    for incident in known:
        alarms += _of_nodes(incident, truth.run.speed)
    alarms.sort(key=lambda alarm: (alarm.near, alarm.alarm_key))
    return msgspec.structs.replace(truth, alarms=tuple(alarms))


def _less_certain(alarm: AlarmTruth, windows: list[tuple[int, int]]) -> AlarmTruth:
    if alarm.rule != OFFLINE_RULE or not alarm.must:
        return alarm
    began_us = from_rfc3339(alarm.near) - OFFLINE_GRACE
    if not any(from_us - _AFTERMATH <= began_us <= to_us for from_us, to_us in windows):
        return alarm
    return msgspec.structs.replace(alarm, must=False, why="an incident happened meanwhile")


def _of_nodes(incident: Incident, speed: float) -> Iterator[AlarmTruth]:
    """The node's own alarms. Its silence is meant in real seconds, whatever the clock's speed."""
    if incident.node is None:
        if incident.kind.startswith("edge-"):
            raise ValueError(f"the incident {incident.kind} names no node")
        return
    if incident.kind == "edge-clock":
        yield _node_alarm(EDGE_CLOCK, incident, must=True)
        yield _node_alarm(EDGE_NODE_LOST, incident, must=False)
    elif incident.kind in _SILENCES_NODE:
        silent_s = None if incident.until_us is None else (incident.until_us - incident.at_us) / SECOND / speed
        if silent_s is None or silent_s >= NODE_DEADLINE_S * THRESHOLD_FACTOR:
            yield _node_alarm(EDGE_NODE_LOST, incident, must=True)
        elif silent_s * THRESHOLD_FACTOR > NODE_DEADLINE_S - NODE_TICK_S:
            yield _node_alarm(EDGE_NODE_LOST, incident, must=False)


def _node_alarm(rule: str, incident: Incident, *, must: bool) -> AlarmTruth:
    return AlarmTruth(
        alarm_key=node_key(rule, incident.node or ""),
        rule=rule,
        must=must,
        near=rfc3339_ms(incident.at_us + NODE_DEADLINE_S * SECOND),
        why=None if must else f"perhaps, after {incident.kind}",
    )
