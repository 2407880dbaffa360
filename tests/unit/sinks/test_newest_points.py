"""Of several points of one series and time, one is written."""

from contracts.events import Derived, Superseded
from contracts.topics import Name
from derived import at, connector_status, energy, out, sample, session
from sinks.point import Point, newest_points
from sinks.points import points
from sinks.records import Place, Received, decode


def newest_of(*events: Derived) -> list[Point]:
    found = []
    for offset, event in enumerate(events):
        one = out(event)
        record = decode(one.name, Received(Place(one.name, 0, offset), one.key, one.value, one.headers))
        assert record is not None
        found += points(record)
    return newest_points(found)


def test_the_greatest_revision_stands_in_any_order() -> None:
    old, new = energy("default/A", 5, 0, 1.0), energy("default/A", 9, 0, 2.0)
    for events in ((old, new), (new, old), (old, new, old)):
        (point,) = newest_of(*events)
        assert point.fields["import_wh"] == 2.0


def test_samples_of_one_moment_are_united() -> None:
    """Some chargers send current and voltage of one moment in two messages."""
    (point,) = newest_of(
        sample("default/A", 9, 0, voltage_l1_v=230.0, current_l1_a=2.0),
        sample("default/A", 5, 0, current_l1_a=1.0, soc_pct=5.0),
    )
    assert point.fields == {
        "current_l1_a": 2.0,
        "soc_pct": 5.0,
        "voltage_l1_v": 230.0,
        "connector": 1,
        "transaction_id": "17",
    }


def test_each_state_of_a_connector_keeps_its_point() -> None:
    found = newest_of(
        connector_status("default/A", 5, 10, "occupied"), connector_status("default/A", 9, 20, "charging")
    )
    assert [point.fields["state"] for point in found] == ["occupied", "charging"]


def test_a_former_point_never_hides_the_session_that_stands_there_now() -> None:
    moved = session("default/A", 12, 100.001, number=2, supersedes=(Superseded(at(100), 1),))
    there = session("default/A", 9, 100, number=1)
    for events in ((moved, there), (there, moved)):
        standing = {point.time_ms: point for point in newest_of(*events)}
        assert sorted(not point.superseded for point in standing.values()) == [True, True]


def test_a_session_hides_its_own_former_point() -> None:
    before = session("default/A", 5, 100, number=2)
    after = session("default/A", 9, 40, number=2, session_id=before.session_id, supersedes=(Superseded(at(100), 1),))
    for events in ((before, after), (after, before)):
        standing = newest_of(*events)
        assert sorted(point.superseded for point in standing) == [False, True]
        assert sum(float(point.fields["import_wh"]) for point in standing) == 1000.0


def test_measurements_do_not_mix() -> None:
    assert {point.measurement for point in newest_of(energy("default/A", 5, 0, 1.0), session("default/A", 5, 0))} == {
        Name.ENERGY,
        Name.SESSIONS,
    }
