"""What the consumer hands to a store: a record of a derived topic, decoded, and where it stands on the log."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec

from contracts.errors import RecordError
from contracts.events import (
    Alarm,
    ConnectorStatus,
    EnergyInterval,
    Sample,
    Session,
    StationStatus,
    decode_status,
)
from contracts.times import from_rfc3339
from contracts.topics import TOPICS, Name, event_time

Event = Sample | ConnectorStatus | StationStatus | Session | EnergyInterval | Alarm
Version = tuple[int, int]  # (log, revision): the greatest of a key stands

READ = (Name.SAMPLES, Name.STATUS, Name.SESSIONS, Name.ENERGY, Name.ALARMS)
"""The topics that a sink reads."""


class Place(NamedTuple):
    """Where a record stands; `topic` with its prefix."""

    topic: str
    partition: int
    offset: int


class Received(NamedTuple):
    """A record as Kafka gave it."""

    place: Place
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]] = ()


class Record(NamedTuple):
    """A record that was decoded."""

    name: Name
    event: Event
    received: Received

    @property
    def version(self) -> Version:
        return self.event.log, self.event.revision

    @property
    def derived_at(self) -> str | None:
        """The log's time at which it was derived (RFC 3339), where its headers tell."""
        return event_time(self.received.headers)


_DECODERS: dict[Name, msgspec.json.Decoder[Event]] = {
    Name.SAMPLES: msgspec.json.Decoder(Sample),
    Name.SESSIONS: msgspec.json.Decoder(Session),
    Name.ENERGY: msgspec.json.Decoder(EnergyInterval),
    Name.ALARMS: msgspec.json.Decoder(Alarm),
}
_SCHEMAS = {name: TOPICS[name].schema.encode() for name in READ}
_DECODE_ERRORS = (msgspec.MsgspecError, ValueError, RecursionError)


def decode(name: Name, received: Received) -> Record | None:
    """The record, or None for a tombstone, which says nothing that a store keeps. RecordError where it is none of ours.

    A record of another major version than ours is refused, whatever its fields look like, and so is one whose own time
    (`at`, `start`, `raised_at`, or `point_at` of a session that is not void) is missing or no time.
    """
    if received.value is None:
        return None
    for header, content in received.headers:
        if header == "schema" and content != _SCHEMAS[name]:
            raise RecordError(f"schema {content.decode(errors='replace')!r}, where {TOPICS[name].schema} is read")
    try:
        event = _event(name, received.key, received.value)
        _check_time(event)
    except _DECODE_ERRORS as error:
        raise RecordError(f"not a record of `{name}`: {error}") from None
    return Record(name, event, received)


def _event(name: Name, key: bytes | None, value: bytes) -> Event:
    return decode_status(key, value) if name is Name.STATUS else _DECODERS[name].decode(value)


def _check_time(event: Event) -> None:
    """ValueError where the time at which the record belongs into a store is none."""
    match event:
        case Sample():
            from_rfc3339(event.at)
        case EnergyInterval():
            from_rfc3339(event.start)
        case Alarm():
            from_rfc3339(event.raised_at)
        case Session(point_at=None):
            if event.state != "void":
                raise ValueError("a session without `point_at`")
        case Session(point_at=str(point_at)):
            from_rfc3339(point_at)


def identity(event: Event) -> tuple[object, ...]:
    """What a record is about: of two records of a topic with one identity, the one with the greater version stands."""
    match event:
        case Session():
            return (event.session_id,)
        case EnergyInterval():
            return (event.station, event.evse, event.meter, event.start)
        case Alarm():
            return (event.alarm_id,)
        case ConnectorStatus() | StationStatus():
            return (event.station, event.evse, event.connector)
        case Sample():
            return (event.station, event.log, event.revision, event.part)


def newest(records: Iterable[Record]) -> list[Record]:
    """The records with the greatest version of each identity; of equal versions the one read last."""
    latest: dict[tuple[object, ...], Record] = {}
    for record in records:
        key = (record.name, *identity(record.event))
        other = latest.get(key)
        if other is None or record.version >= other.version:
            latest[key] = record
    return list(latest.values())
