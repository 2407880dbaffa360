"""Decoding what stands on the topics, and which of two records of one thing stands."""

import msgspec
import pytest

from contracts.errors import RecordError
from contracts.events import ConnectorStatus, Derived, StationStatus
from contracts.topics import Name
from derived import T0, alarm, connector_status, energy, out, sample, session, station_status
from sinks.records import Place, Received, Record, decode, identity, newest

EVENTS: list[Derived] = [
    sample("default/A", 5, 0, soc_pct=1.0),
    connector_status("default/A", 5, 0),
    station_status("default/A", 5, 0),
    session("default/A", 5, 0),
    energy("default/A", 5, 0, 1.0),
    alarm("default/A", 5, 0),
]


def record_of(event: Derived) -> Record:
    one = out(event)
    record = decode(one.name, Received(Place(one.name, 0, 0), one.key, one.value, one.headers))
    assert record is not None
    return record


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: type(event).__name__)
def test_what_was_written_is_read(event: Derived) -> None:
    record = record_of(event)
    assert record.event == event
    assert record.version == (1, 5)
    assert record.derived_at == "2026-11-24T06:01:00.000000Z"


def test_a_stations_own_status_is_known_by_its_key() -> None:
    assert isinstance(record_of(station_status("default/A", 5, 0)).event, StationStatus)
    assert isinstance(record_of(connector_status("default/A", 5, 0)).event, ConnectorStatus)


def test_a_tombstone_is_nothing() -> None:
    assert decode(Name.STATUS, Received(Place("status", 0, 0), b"k", None)) is None


@pytest.mark.parametrize(
    "value", [b"", b"null", b"[]", b'{"v":1}', b"\xff", b'"', b"[" * 100_000, b'{"v":1e999}'], ids=repr
)
def test_what_is_no_record_says_so(value: bytes) -> None:
    with pytest.raises(RecordError, match="not a record of `energy`"):
        decode(Name.ENERGY, Received(Place("energy", 0, 0), b"k", value[:200_000]))


@pytest.mark.parametrize("wrong", ["yesterday", "", "2026-11-24", "2026-11-24T06:00:00", "2026-13-24T06:00:00Z"])
@pytest.mark.parametrize(
    ("event", "field"),
    [
        (sample("default/A", 5, 0, soc_pct=1.0), "at"),
        (session("default/A", 5, 0), "point_at"),
        (session("default/A", 5, 0, state="void"), "point_at"),
        (energy("default/A", 5, 0, 1.0), "start"),
        (alarm("default/A", 5, 0), "raised_at"),
    ],
)
def test_a_record_whose_own_time_is_none_is_refused(event: Derived, field: str, wrong: str) -> None:
    with pytest.raises(RecordError, match=repr(wrong)):
        record_of(msgspec.structs.replace(event, **{field: wrong}))


def test_only_a_void_session_may_stand_nowhere() -> None:
    assert record_of(session("default/A", 9, 100, state="void", point_at=None)).name is Name.SESSIONS
    with pytest.raises(RecordError, match="without `point_at`"):
        record_of(session("default/A", 9, 100, point_at=None))


def test_another_major_version_is_not_read() -> None:
    one = out(energy("default/A", 5, 0, 1.0))
    with pytest.raises(RecordError, match="'energy/2', where energy/1 is read"):
        decode(Name.ENERGY, Received(Place("energy", 0, 0), one.key, one.value, (("schema", b"energy/2"),)))


def test_the_newest_of_each_stands_and_the_last_read_of_equals() -> None:
    old, new = energy("default/A", 5, 0, 1.0), energy("default/A", 9, 0, 2.0)
    other, same = energy("default/A", 7, 1, 3.0), energy("default/A", 9, 0, 4.0)
    found = newest([record_of(event) for event in (old, new, other, same, old)])
    assert [record.event for record in found] == [same, other]


def test_identities_of_all_kinds_differ() -> None:
    assert len({(record_of(event).name, *identity(record_of(event).event)) for event in EVENTS}) == len(EVENTS)
    assert T0
