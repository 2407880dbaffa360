"""Points: tags never change within a key, times are the event's, and nothing that may vanish is left out."""

import msgspec
import pytest

from contracts.errors import RecordError
from contracts.events import (
    DELIVERING,
    Affected,
    Alarm,
    AlarmCode,
    Authorization,
    Boot,
    ConnectorState,
    Derived,
    EnergyInterval,
    Sequence,
    Session,
    Superseded,
    Token,
)
from contracts.topics import Name
from derived import T0, alarm, at, connector_status, energy, out, sample, session, station_status
from sinks.point import Point
from sinks.points import cause, ms, points
from sinks.records import Place, Received, Record, decode

MS = T0 // 1000


def record_of(event: Derived) -> Record:
    one = out(event)
    record = decode(one.name, Received(Place(f"ocpp.{one.name}", 0, 0), one.key, one.value, one.headers))
    assert record is not None
    return record


def points_of(event: Derived) -> list[Point]:
    return points(record_of(event))


def point_of(event: Derived) -> Point:
    (point,) = points_of(event)
    return point


def test_a_sample_is_its_flat_values_at_the_time_of_its_reading() -> None:
    point = point_of(sample("default/A", 5, 60.25, power_import_w=7000.0, current_l1_a=10.5))
    assert point.measurement == "samples"
    assert point.time_ms == MS + 60_250
    assert dict(point.tags) == {
        "context": "Sample.Periodic",
        "evse": "1",
        "site": "depot 1",
        "station": "default/A",
        "tenant": "default",
    }
    measured = {"power_import_w": 7000.0, "current_l1_a": 10.5, "power_now_w": 7000.0}
    assert point.fields == {**measured, "connector": 1, "transaction_id": "17"}


def test_a_chargers_own_context_makes_no_series() -> None:
    event = msgspec.structs.replace(sample("default/A", 5, 0, power_import_w=1.0), context="Overload,x=1")
    assert dict(point_of(event).tags)["context"] == "Other"


def test_a_sample_without_flat_values_has_no_point() -> None:
    assert points_of(sample("default/A", 5, 0)) == []


def test_a_connectors_state_stands_where_it_began() -> None:
    event = connector_status("default/A", 5, 30, "faulted", error_code="GroundFailure", power_w=None)
    point = points_of(event)[0]
    assert point.measurement == "status"
    assert point.time_ms == MS + 30_000
    assert dict(point.tags)["connector"] == "1"
    assert point.fields["state"] == "faulted"
    assert point.fields["power_w"] == 0.0
    assert point.fields["vendor_error_code"] == ""


def test_a_status_without_a_time_takes_that_of_its_derivation() -> None:
    event = msgspec.structs.replace(connector_status("default/A", 5, 30), since=None, reported_at=None)
    assert point_of(event).time_ms == MS + 60_000
    bare = record_of(event)
    with pytest.raises(RecordError, match="no time"):
        points(bare._replace(received=bare.received._replace(headers=())))


def test_a_station_is_a_point_where_it_came_and_one_where_it_went() -> None:
    boot = Boot(at(0), vendor="Acme", model="X1", firmware="1.2")
    came = point_of(station_status("default/A", 5, 10, boot=boot))
    went = point_of(station_status("default/A", 6, 50, online=False, connected_at=at(10)))
    assert (came.measurement, came.time_ms, came.fields["online"]) == ("stations", MS + 10_000, True)
    assert (came.fields["vendor"], came.fields["model"], came.fields["serial"]) == ("Acme", "X1", "")
    assert (went.time_ms, went.fields["online"]) == (MS + 50_000, False)
    assert came.tags == went.tags


def test_a_session_stands_at_its_point_and_hides_its_former_ones() -> None:
    event = session(
        "default/A", 9, 100, state="ended", evse=2, import_wh=7000.5, token=Token("AB12", "ISO14443"),
        auth=Authorization("local", "Accepted"), seq=Sequence(0, 9, (3, 4)), error_codes=("a", "b"),
        flags=("late", "reset"), supersedes=(Superseded(at(90), 1), Superseded(at(95), 2)), ended_at=at(500),
    )  # fmt: skip
    *former, point = points_of(event)
    assert (point.time_ms, dict(point.tags)["evse"], point.superseded) == (MS + 100_000, "2", False)
    assert point.fields["import_wh"] == 7000.5
    assert point.fields["superseded"] is False
    assert point.fields["token_ref"] == "AB12"  # noqa: S105 - an id token
    assert point.fields["missing_messages"] == 2
    assert point.fields["flags"] == "late,reset"
    assert point.fields["ended_at"] == MS + 500_000
    assert [(one.time_ms, dict(one.tags)["evse"]) for one in former] == [(MS + 90_000, "1"), (MS + 95_000, "2")]
    for one in former:
        assert one.superseded
        assert one.fields.keys() == point.fields.keys()
        numbers = {name for name, value in one.fields.items() if isinstance(value, float) and value}
        assert not numbers
        assert one.fields["superseded"] is True


def test_a_void_session_counts_nothing() -> None:
    (point,) = points_of(session("default/A", 9, 100, state="void", superseded_by="x", import_wh=500.0))
    assert point.fields["superseded"] is True
    assert point.fields["import_wh"] == 0.0
    assert points_of(session("default/A", 9, 100, state="void", point_at=None)) == []


def test_an_interval_stands_at_its_start_and_names_its_meter() -> None:
    point = point_of(energy("default/A", 9, 3, 250.5, meter="main", evse=0, session_ids=("a", "b")))
    assert point.time_ms == MS + 3 * 900_000
    assert dict(point.tags)["meter"] == "main"
    assert (point.fields["import_wh"], point.fields["sessions"], point.fields["register_start_wh"]) == (250.5, 2, 0.0)


def test_an_alarm_keeps_its_place_whatever_is_learnt_about_it() -> None:
    raised = alarm("default/A", 5, 10, rule="connector-fault", scope="connector", evse=2, connector=1)
    cleared = msgspec.structs.replace(
        raised, revision=9, state="cleared", severity="minor", site="depot 1", cleared_at=at(99), connector=None,
        code=AlarmCode(ocpp="GroundFailure"), affected=Affected(3, ("x",)), detail="it went away",
    )  # fmt: skip
    first, last = point_of(raised), point_of(cleared)
    assert first.key == last.key
    assert first.fields.keys() == last.fields.keys()
    assert dict(first.tags)["evse"] == "2"
    assert dict(first.tags)["cause"] == cause(raised.alarm_key)
    assert (first.fields["open"], last.fields["open"]) == (True, False)
    assert last.fields["cleared_at"] == MS + 99_000


def test_an_alarm_of_a_station_does_not_move_with_its_evse() -> None:
    without = alarm("default/A", 5, 10)
    assert point_of(without).key == point_of(msgspec.structs.replace(without, evse=3)).key


def test_two_alarms_of_one_rule_and_moment_are_two_points() -> None:
    one = alarm("default/A", 5, 10, alarm_key="connector-fault/default/A/1/GroundFailure")
    other = alarm("default/A", 5, 10, alarm_key="connector-fault/default/A/1/HighTemperature")
    assert point_of(one).key != point_of(other).key


@pytest.mark.parametrize(
    "event",
    [
        session("default/A", 5, 10),
        energy("default/A", 5, 10, 1.0),
        alarm("default/A", 5, 10),
        connector_status("default/A", 5, 10),
        station_status("default/A", 5, 10),
    ],
    ids=lambda event: type(event).__name__,
)
def test_a_revised_record_always_writes_every_field(event: Session | EnergyInterval | Alarm) -> None:
    """Bare as it is, it has the fields of one that knows everything, with one type each."""
    changes = {
        field.name: _something(field.type)
        for field in msgspec.structs.fields(type(event))
        if field.default is None and field.name not in ("point_at", "since", "connected_at")
    }
    full = point_of(msgspec.structs.replace(event, **changes))
    bare = point_of(event)
    assert bare.fields.keys() == full.fields.keys()
    for name, value in full.fields.items():
        assert type(value) is type(bare.fields[name]), name


def _something(kind: object) -> object:
    """A value of an optional field's type, such that it is not the default's."""
    text = str(kind)
    for name, value in (
        ("Token", Token("r", "t", "g")), ("Authorization", Authorization("m", "s", 1, 2)),
        ("Sequence", Sequence(1, 2, (3,))), ("AlarmCode", AlarmCode("o", "v", "u")), ("Affected", Affected(2)),
        ("Boot", Boot(at(1), vendor="v")), ("Literal", None), ("Suppressed", None), ("float", 2.5), ("int", 3),
    ):  # fmt: skip
        if name in text:
            return value
    return at(77)


def test_times_are_cut_to_milliseconds() -> None:
    assert ms("1970-01-01T00:00:01.999Z") == 1999
    assert ms("1969-12-31T23:59:59.999Z") == -1
    assert ms("2026-11-24T08:00:00.000+02:00") == MS
    for wrong in ("2026-11-24T06:00:00", "yesterday", ""):
        with pytest.raises(ValueError, match=r"zone|Invalid"):
            ms(wrong)


def test_names_of_topics_and_measurements_agree() -> None:
    made = {
        point_of(event).measurement
        for event in (
            sample("a/b", 1, 0, soc_pct=1.0),
            session("a/b", 1, 0),
            energy("a/b", 1, 0, 1.0),
            alarm("a/b", 1, 0),
        )
    }
    assert made == {Name.SAMPLES, Name.SESSIONS, Name.ENERGY, Name.ALARMS}


def test_what_boards_count_is_one_or_zero_beside_the_boolean() -> None:
    online = {
        flag: point_of(station_status("default/A", 5, 10, online=flag)).fields["online_n"] for flag in (True, False)
    }
    assert online == {True: 1, False: 0}
    raised, cleared = (point_of(alarm("default/A", 5, 10, state=state)) for state in ("raised", "cleared"))
    assert (raised.fields["open_n"], cleared.fields["open_n"]) == (1, 0)


@pytest.mark.parametrize(
    ("state", "stale", "charging", "faulted"),
    [
        ("charging", False, 1, 0),
        ("faulted", False, 0, 1),
        ("available", False, 0, 0),
        ("suspended_ev", False, 0, 0),
        ("charging", True, 0, 0),
        ("faulted", True, 0, 0),
    ],
)
def test_a_connector_counts_only_while_its_station_is_online(
    state: ConnectorState, stale: bool, charging: int, faulted: int
) -> None:
    event = msgspec.structs.replace(connector_status("default/A", 5, 10, state), stale=stale)
    fields = points_of(event)[0].fields
    assert (fields["charging_n"], fields["faulted_n"]) == (charging, faulted)


def test_power_flows_from_a_reading_on_until_the_last_one_of_its_transaction() -> None:
    read = point_of(sample("default/A", 5, 60, power_import_w=7000.0))
    other = point_of(sample("default/A", 6, 70, energy_import_wh=5.0))
    last = msgspec.structs.replace(sample("default/A", 7, 80, power_import_w=6900.0), context="Transaction.End")
    assert read.fields["power_now_w"] == 7000.0
    assert "power_now_w" not in other.fields
    assert (point_of(last).fields["power_now_w"], point_of(last).fields["power_import_w"]) == (0.0, 6900.0)


@pytest.mark.parametrize("state", ["available", "faulted", "finishing", "preparing", "unavailable", "reserved"])
def test_power_ends_with_a_state_in_which_nothing_flows(state: ConnectorState) -> None:
    status, stopped = points_of(connector_status("default/A", 5, 10, state))
    assert (status.measurement, stopped.measurement) == ("status", "samples")
    assert (stopped.time_ms, dict(stopped.fields)) == (status.time_ms, {"power_now_w": 0.0})
    assert dict(stopped.tags) == {
        "context": "Other",
        "evse": "1",
        "site": "depot 1",
        "station": "default/A",
        "tenant": "default",
    }


@pytest.mark.parametrize("state", sorted(DELIVERING))
def test_in_the_other_states_what_was_read_holds(state: ConnectorState) -> None:
    assert [point.measurement for point in points_of(connector_status("default/A", 5, 10, state))] == ["status"]
