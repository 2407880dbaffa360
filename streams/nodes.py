"""What happens to an edge node happens to its stations, and is an alarm of its own."""

from collections.abc import Iterator

from contracts.events import Affected, Alarm
from streams import links, stations, transactions
from streams.alarms.episodes import Alarms, Signal, Subject, elapse, fold
from streams.attempt import attempt
from streams.clock import Clock, NodeEvent
from streams.links import Link
from streams.outbox import Outbox
from streams.states import States
from streams.timers import Timers
from streams.turn import Turn

TENANT, SITE = "default", "default"  # nodes belong to the operator


def happened(states: States, outbox: Outbox, timers: Timers, clock: Clock, event: NodeEvent) -> Iterator[None]:
    """Take an event of a node into account: its stations here, and its alarms where this is partition 0.

    A step a station: a node may hold thousands.
    """
    if event.what in ("lost", "back", "restarted"):
        for station in timers.stations(event.node):
            _move(states, outbox, timers, clock, event, station)
            yield
    if outbox.record.partition == 0:
        _alarm(states, outbox, event)


def _move(states: States, outbox: Outbox, timers: Timers, clock: Clock, event: NodeEvent, station: str) -> None:
    link = states.link(station)
    if link is None:
        return
    after, change = _moved(link, event)
    if after == link:
        return
    turn = Turn(states, outbox, station, after, event.station_us)
    attempt(turn, clock, timers, f"node {event.node} {event.what}", lambda turn: _told(turn, change))


def _told(turn: Turn, change: links.Change) -> None:
    stations.moved(turn, change)
    transactions.settle(turn)  # it may be online elsewhere
    stations.tell_sessions(turn)


def _moved(link: Link, event: NodeEvent) -> tuple[Link, links.Change]:
    match event.what:
        case "lost":
            return links.node_lost(link, event.node, event.station_us)
        case "back":
            return links.node_back(link, event.node, event.epoch, event.station_us)
        case _:
            return links.node_restarted(link, event.node, event.epoch, event.station_us)


def _signal(event: NodeEvent) -> Signal:
    match event.what:
        case "lost":
            affected = Affected(event.connections)
            return Signal(rule="edge-node-lost", active=True, at_us=event.at_us, affected=affected)
        case "back" | "restarted" | "forgotten":
            return Signal(rule="edge-node-lost", active=False, at_us=event.at_us, reason=event.what)
        case "skewed":
            return Signal(rule="edge-clock", active=True, at_us=event.at_us, value=event.skew_s, unit="s")
        case "unskewed":
            return Signal(rule="edge-clock", active=False, at_us=event.at_us, reason="within bounds")
        case "duplicate":
            return Signal(rule="edge-duplicate", active=True, at_us=event.at_us)


def _alarm(states: States, outbox: Outbox, event: NodeEvent) -> None:
    before = states.node_alarms(event.node)
    after, views = fold(before, [_signal(event)], _subject(outbox, event.node), event.at_us)
    _store(states, outbox, event.node, before, after, views)


def elapsed(states: States, outbox: Outbox, clock: Clock) -> None:
    """Fire the timers of the nodes' alarms (partition 0), on the partition's clock."""
    for node in sorted(clock.nodes):
        before = states.node_alarms(node)
        after, views = elapse(before, _subject(outbox, node), clock.now_us)
        _store(states, outbox, node, before, after, views)


def _store(
    states: States,
    outbox: Outbox,
    node: str,
    before: Alarms,
    after: Alarms,
    views: list[Alarm],
) -> None:
    for view in views:
        outbox.alarm(view)
    if after != before:
        states.set_node_alarms(node, after)


def _subject(outbox: Outbox, node: str) -> Subject:
    return Subject(TENANT, f"{TENANT}/{node}", SITE, outbox.log, outbox.record.offset, outbox.source)
