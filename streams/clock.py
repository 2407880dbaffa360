"""Time, as the log tells it: one clock per partition, one per edge node, and which nodes live. Pure.

A worker knows nothing of time but what stands here: it is state like any other, so a replay sees every deadline pass
at the same record. Liveness (deadlines, gaps) is meant in real seconds and is multiplied by the nodes' speed.
"""

from typing import Literal

import msgspec

from contracts.times import MINUTE, SECOND

DEADLINE = 15 * SECOND  # a node without a tick for this long is dead
GAP = 10 * SECOND  # a jump of the partition's clock beyond this is an outage of the log
TRUST = 10 * SECOND  # a record's time is at most this far after its append time
BEHIND = 60 * SECOND  # two ticks in a row appended later than this after their time come from a slow clock
_KEPT_GAPS = 8
_FORGOTTEN_AFTER = 7 * 24 * 60 * MINUTE  # a dead node's memory is given up


class Node(msgspec.Struct, frozen=True, array_like=True):
    """An edge node as its records in this partition show it; times in microseconds."""

    epoch: int
    """The node's start, system time in milliseconds."""
    tick_us: int
    """Its clock at its last tick, as far as it can be trusted."""
    ts_us: int
    """Its clock at its last tick, as it said."""
    partition_us: int
    """The partition's clock at that tick."""
    now_us: int
    """The greatest time of its records."""
    deadline_us: int
    """On the partition's clock: when it is dead, as its death is stamped."""
    patience_us: int
    """On the partition's clock: until when it is waited for; later than the deadline after an outage of the log."""
    speed: float = 1.0
    connections: int = 0
    dead: bool = False
    skewed: bool = False
    late: bool = False
    """Its last tick was behind: one alone may have waited for the log."""
    lag_us: int = 0
    """How long after its time its last tick was appended: its clock's error, and what the way takes."""


class Gap(msgspec.Struct, frozen=True, array_like=True):
    """An outage of the log, on the partition's clock; `resumed_us` is the first tick after it, None until then."""

    began_us: int
    resumed_us: int | None = None


class Clock(msgspec.Struct, frozen=True):
    """What one partition knows of time."""

    now_us: int = 0
    nodes: dict[str, Node] = {}
    gaps: tuple[Gap, ...] = ()
    appended_us: int = 0
    """The last append, by the broker's clock; 0 where it does not stamp them."""

    @property
    def interrupted(self) -> bool:
        """An outage of the log is over, but no node has had the chance to tick since: nobody is judged."""
        return bool(self.gaps) and self.gaps[-1].resumed_us is None

    def lives(self, name: str) -> bool:
        """Whether a node's own clock runs; that of others, unknown ones too, is carried on by the partition's."""
        node = self.nodes.get(name)
        return node is not None and not node.dead

    def node_now(self, name: str) -> int:
        """The clock of a node: its own while it ticks, then carried on by the partition's."""
        node = self.nodes.get(name)
        if node is None:
            return self.now_us
        if not node.dead:
            return node.now_us
        return max(node.now_us, node.tick_us + self.now_us - node.partition_us)

    def postponed(self, began_us: int, deadline_us: int, length_us: int) -> int:
        """A deadline that was running while the log was away starts anew at the first tick after it."""
        for gap in self.gaps:
            if gap.resumed_us is not None and began_us < gap.resumed_us and gap.began_us < deadline_us:
                deadline_us = max(deadline_us, gap.resumed_us + length_us)
        return deadline_us


class NodeEvent(msgspec.Struct, frozen=True):
    """Something that happened to a node. `at_us`: on the partition's clock for `lost`, else the record's time.

    `station_us` is the same moment on the node's own clock: when its stations lost it.
    """

    what: Literal["lost", "back", "restarted", "duplicate", "skewed", "unskewed", "forgotten"]
    node: str
    at_us: int
    station_us: int
    epoch: int = 0
    connections: int = 0
    skew_s: float = 0.0


class Seen(msgspec.Struct, frozen=True):
    """What the clock needs of one record. `append_us` is None where the broker does not stamp appends."""

    node: str
    ts_us: int
    append_us: int | None
    tick: bool = False
    epoch: int | None = None
    speed: float = 1.0
    connections: int = 0


def observe(clock: Clock, seen: Seen) -> tuple[Clock, int, list[NodeEvent]]:
    """Take one record into account: the new clock, the record's time, and what happened to nodes, in order."""
    known = clock.nodes.get(seen.node)
    time_us = _record_time(seen, known)
    clock = _advanced(clock, time_us, seen.append_us, seen.speed if known is None else known.speed)
    # Once the greater epoch is silent there are no two: a node was started again after its system's clock was set back.
    if known is not None and seen.epoch is not None and seen.epoch < known.epoch and not known.dead:
        events = [NodeEvent("duplicate", seen.node, time_us, time_us, known.epoch)]
    elif seen.tick and not _is_old_tick(seen, known):
        clock, events = _tick(clock, seen, known, time_us)
    elif known is not None:
        clock, events = _heard(clock, seen, known, time_us)
    else:
        events = []
    clock, deaths = _deaths(clock)
    return clock, time_us, events + deaths


def _is_old_tick(seen: Seen, known: Node | None) -> bool:
    """A repeat, or one that a newer tick has replaced and that landed after all: no sign of life.

    What lies further back than a tick can have waited comes from a clock that was set.
    """
    return known is not None and seen.epoch == known.epoch and 0 <= known.ts_us - seen.ts_us <= BEHIND


def _record_time(seen: Seen, known: Node | None) -> int:
    """A record's `ts`, but not far beyond its append time, where that can be trusted to run at the same speed."""
    at_speed_one = seen.speed == 1.0 if seen.tick else known is not None and known.speed == 1.0
    return min(seen.ts_us, seen.append_us + TRUST) if seen.append_us is not None and at_speed_one else seen.ts_us


def _advanced(clock: Clock, time_us: int, append_us: int | None, speed: float) -> Clock:
    """The log was away where its time jumps, or where nothing was appended for too long: the records that waited for
    it may trickle in with times that do not jump."""
    gaps, appended_us = clock.gaps, max(clock.appended_us, append_us or 0)
    jumped = clock.now_us and time_us > clock.now_us + int(GAP * speed)
    silent = clock.appended_us and appended_us > clock.appended_us + GAP
    if (jumped or silent) and not clock.interrupted:
        gaps = (*gaps, Gap(clock.now_us))[-_KEPT_GAPS:]
    return Clock(max(clock.now_us, time_us), clock.nodes, gaps, appended_us)


def _heard(clock: Clock, seen: Seen, known: Node, time_us: int) -> tuple[Clock, list[NodeEvent]]:
    """A record of a station, through a node."""
    if seen.epoch is not None and seen.epoch > known.epoch:
        node = msgspec.structs.replace(known, epoch=seen.epoch, now_us=time_us)
        events = [NodeEvent("restarted", seen.node, time_us, time_us, seen.epoch)]
    elif time_us > known.now_us:
        node, events = msgspec.structs.replace(known, now_us=time_us), []
    else:
        return clock, []
    return msgspec.structs.replace(clock, nodes={**clock.nodes, seen.node: node}), events


def _tick(clock: Clock, seen: Seen, known: Node | None, time_us: int) -> tuple[Clock, list[NodeEvent]]:
    epoch = seen.epoch or 0
    events: list[NodeEvent] = []
    restarted = known is not None and epoch != known.epoch
    if known is not None and known.dead:
        events.append(NodeEvent("back", seen.node, time_us, time_us, epoch))
    if restarted:
        events.append(NodeEvent("restarted", seen.node, time_us, time_us, epoch))
    skew_us = seen.ts_us - seen.append_us if seen.append_us is not None and seen.speed == 1.0 else 0
    late = skew_us < -BEHIND
    skewed = skew_us > TRUST or (late and known is not None and known.late)
    if skewed != (known is not None and known.skewed):
        what: Literal["skewed", "unskewed"] = "skewed" if skewed else "unskewed"
        events.append(NodeEvent(what, seen.node, time_us, time_us, epoch, skew_s=round(skew_us / SECOND, 1)))
    deadline_us = clock.now_us + int(DEADLINE * seen.speed)
    node = Node(
        epoch=epoch,
        tick_us=time_us,
        ts_us=seen.ts_us,
        partition_us=clock.now_us,
        now_us=time_us if restarted or known is None else max(known.now_us, time_us),
        deadline_us=deadline_us,
        patience_us=deadline_us,
        speed=seen.speed,
        connections=seen.connections,
        skewed=skewed,
        late=late,
        lag_us=-skew_us,
    )
    nodes = {**clock.nodes, seen.node: node}
    # A tick that was on its way when the log went away says nothing of what has been since.
    stale = known is not None and -skew_us > known.lag_us + GAP
    if not clock.interrupted or stale:
        return msgspec.structs.replace(clock, nodes=nodes), events
    for name, other in nodes.items():  # the first tick after an outage: all the others get one more deadline
        if name != seen.node and not other.dead:
            patience_us = clock.now_us + int(DEADLINE * other.speed)
            nodes[name] = msgspec.structs.replace(other, patience_us=patience_us)
    gaps = (*clock.gaps[:-1], Gap(clock.gaps[-1].began_us, time_us))
    return msgspec.structs.replace(clock, nodes=nodes, gaps=gaps), events


def _deaths(clock: Clock) -> tuple[Clock, list[NodeEvent]]:
    """Judge the nodes whose time is over: the silent are dead, and the long dead are forgotten."""
    if clock.interrupted or all(clock.now_us <= _judged_us(node) for node in clock.nodes.values()):
        return clock, []
    nodes, events = {}, []
    for name, node in sorted(clock.nodes.items()):
        if clock.now_us <= _judged_us(node):
            nodes[name] = node
        elif node.dead:
            events.append(NodeEvent("forgotten", name, _judged_us(node), _judged_us(node), node.epoch))
        else:
            nodes[name] = msgspec.structs.replace(node, dead=True)
            lost_us = node.tick_us + int(DEADLINE * node.speed)
            events.append(NodeEvent("lost", name, node.deadline_us, lost_us, node.epoch, node.connections))
    return msgspec.structs.replace(clock, nodes=nodes), events


def _judged_us(node: Node) -> int:
    return node.deadline_us + _FORGOTTEN_AFTER if node.dead else node.patience_us
