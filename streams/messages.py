"""The agent on `ocpp.messages`: from one record to everything that is derived from it. Pure."""

from collections.abc import Iterable, Iterator, Mapping

from contracts.errors import LogContradictionError
from contracts.topics import DEFAULT_PREFIX, Name
from streams import links, nodes, session_records, stations
from streams.alarms.episodes import Signal, elapse
from streams.attempt import attempt
from streams.clock import Clock, Seen, observe
from streams.deadlines import offline_due
from streams.engine.agent import DeadLetterCode, Output, Record
from streams.engine.state import State
from streams.links import Link
from streams.message import Message, decode
from streams.meters import publish_due
from streams.outbox import AGENT, Outbox, dead_letter
from streams.states import FORMAT, LINK, States
from streams.states import decode as decode_state
from streams.states import encode as encode_state
from streams.timers import Timers
from streams.turn import Turn


class MessagesAgent:
    """The fold of sessions, energy, status, samples and alarms. `log` is the epoch of the topics."""

    name = AGENT
    format = FORMAT

    def __init__(self, prefix: str = DEFAULT_PREFIX, log: int = 1) -> None:
        self.prefix, self.log = prefix, log
        self.source = prefix + Name.MESSAGES

    def decode(self, key: bytes, value: bytes) -> object:
        return decode_state(key, value)

    def encode(self, key: bytes, state: object) -> bytes:
        return encode_state(key, state)

    def open(self, partition: int, states: Mapping[bytes, bytes]) -> "MessagesFold":  # noqa: ARG002 - the interface
        timers = Timers()
        for key, value in states.items():
            if key.startswith(LINK):
                link = decode_state(key, value)
                if isinstance(link, Link):
                    timers.put(key[len(LINK) :].decode(), link)
        return MessagesFold(self.prefix, self.log, timers)

    def dead_letter(self, record: Record, error: Exception, code: DeadLetterCode) -> Output:
        return dead_letter(self.prefix, self.log, record, code, f"{type(error).__name__}: {error}")


class MessagesFold:
    """One partition's fold, with the index of its timers."""

    def __init__(self, prefix: str, log: int, timers: Timers) -> None:
        self._prefix, self._log, self._timers = prefix, log, timers

    def fold(self, record: Record, state: State) -> Iterator[Output | None]:
        states = States(state)
        outbox = Outbox(self._prefix, self._log, record)
        message = decode(record.value)
        envelope = message.envelope
        if envelope.log is not None and envelope.log != self._log:
            raise LogContradictionError(
                f"{record.topic}/{record.partition} holds a tick of log {envelope.log} at offset {record.offset}, "
                f"but KAFKA_LOG_EPOCH is {self._log}: give every service the same"
            )
        clock, now_us, events = observe(states.clock(), _seen(record, message))
        states.set_clock(clock)
        outbox.now_us = now_us
        for event in events:
            yield from nodes.happened(states, outbox, self._timers, clock, event)
        if not clock.interrupted:
            yield from self._elapse(states, outbox, clock, envelope.node)
            if envelope.kind == "node" and record.partition == 0:
                nodes.elapsed(states, outbox, clock)
        if envelope.station is not None:
            self._station(states, outbox, clock, message, envelope.station)
        yield from outbox.outputs()

    def undone(self, keys: Iterable[bytes], state: State) -> None:
        """Deadlines may have been taken from the index for changes that did not stay."""
        for key in keys:
            link = state.get(key) if key.startswith(LINK) else None
            if isinstance(link, Link):
                self._timers.put(key[len(LINK) :].decode(), link)

    def _station(self, states: States, outbox: Outbox, clock: Clock, message: Message, station: str) -> None:
        envelope, before = message.envelope, states.link(station)
        is_stranger = before is None and envelope.conn is None  # refused at the door: anybody can claim to be anything
        if is_stranger or links.is_repeat(before, envelope):
            return
        link, change = links.fold(before, envelope, outbox.now_us)
        # What a station's records are paced by is its node's clock, which never goes back.
        turn = Turn(states, outbox, station, link, clock.node_now(link.node))
        stations.fold(turn, message, change)
        turn.close(clock)
        self._timers.put(station, turn.link, before)

    def _elapse(self, states: States, outbox: Outbox, clock: Clock, node: str) -> Iterator[None]:
        """Fire what is due by this record: the timers of its node's stations, and of those whose node is dead.

        In the order of their deadlines: what the index holds beside them depends on when this worker started. A step a
        station.
        """
        due = []
        for name, station, now_us in self._timers.due(clock, node):
            link = states.link(station)
            if link is None or link.node != name or link.deadline_us is None:
                continue
            if link.deadline_us <= now_us:
                due.append((link.deadline_us, station, now_us))
            else:  # it has moved on since
                self._timers.put(station, link, link)
            yield
        for _, station, now_us in sorted(set(due)):
            self._fire(states, outbox, clock, station, now_us)
            yield

    def _fire(self, states: States, outbox: Outbox, clock: Clock, station: str, now_us: int) -> None:
        link = states.link(station)
        if link is not None:
            turn = Turn(states, outbox, station, link, now_us)
            attempt(turn, clock, self._timers, "timers", lambda turn: fire(turn, clock))


def fire(turn: Turn, clock: Clock) -> None:
    """Do what is due for a station. Every view carries its deadline, not the moment it was noticed."""
    offline_us = offline_due(turn.link, turn.head, clock)
    if offline_us is not None and offline_us <= turn.now_us:
        turn.signal([Signal(rule="offline", active=True, at_us=offline_us, detail=_why(turn.link))])
    alarms, views = elapse(turn.head.alarms, turn.subject(), turn.now_us)
    if views:
        turn.set_head(alarms=alarms)
    for view in views:
        turn.outbox.alarm(view)
    session_records.expire(turn)
    publish_due(turn)
    stations.tell_sessions(turn)


def _why(link: Link) -> str:
    if any(conn.lost for conn in link.open):
        return f"its edge node {link.node} is lost"
    return f"closed with {link.close_code}" if link.close_code is not None else "connection lost"


def _seen(record: Record, message: Message) -> Seen:
    envelope = message.envelope
    return Seen(
        envelope.node,
        message.ts_us,
        record.timestamp_ms * 1000 if record.log_append else None,
        envelope.kind == "node",
        envelope.epoch,
        envelope.clock.speed if envelope.clock is not None else 1.0,
        envelope.connections or 0,
    )
