"""Records to lines, and lines to requests."""

import msgspec

from contracts.events import Derived, Superseded
from derived import alarm, at, connector_status, energy, out, sample, session
from sinks.influx import MOST_BYTES, MOST_LINES, Line, requests, to_lines
from sinks.records import Place, Received, Record, decode


def records(*events: Derived) -> list[Record]:
    found = []
    for offset, event in enumerate(events):
        one = out(event)
        record = decode(one.name, Received(Place(one.name, 0, offset), one.key, one.value, one.headers))
        assert record is not None
        found.append(record)
    return found


def test_each_line_knows_its_record() -> None:
    batch = records(energy("default/A", 1, 0, 1.0), sample("default/A", 2, 0, soc_pct=5.0), session("default/A", 3, 0))
    lines, refusals = to_lines(batch)
    assert refusals == []
    assert {line.text.split(",")[0]: line.record for line in lines} == {record.name: record for record in batch}


def test_only_the_newest_of_a_session_is_written_with_all_its_former_points() -> None:
    first = session("default/A", 1, 100)
    last = msgspec.structs.replace(first, revision=9, point_at=at(50), supersedes=(Superseded(at(100), 1),))
    lines, _ = to_lines(records(last, first))
    assert sorted("superseded=true" in line.text for line in lines) == [False, True]
    assert {line.record.event for line in lines} == {last}


def test_every_state_of_a_connector_is_written() -> None:
    lines, _ = to_lines(records(connector_status("default/A", 1, 0, "occupied"), connector_status("default/A", 2, 9)))
    assert len(lines) == 2


def test_a_record_of_which_no_point_can_be_made_is_refused_and_no_other() -> None:
    good, bad = energy("default/A", 1, 0, 1.0), alarm("default/A", 1, 0, detected_at="?")
    lines, (refusal,) = to_lines(records(good, bad))
    assert [line.record.event for line in lines] == [good]
    assert (refusal.record.event, refusal.code) == (bad, "record")


def test_requests_are_bounded_in_lines_and_bytes() -> None:
    (record,) = records(energy("default/A", 1, 0, 1.0))
    short = [Line(f"m f={n}", record) for n in range(2 * MOST_LINES + 1)]
    split = list(requests(short))
    assert [len(request) for request in split] == [MOST_LINES, MOST_LINES, 1]
    assert [line for request in split for line in request] == short
    long = [Line("x" * (MOST_BYTES // 3), record) for _ in range(7)]
    assert [len(request) for request in requests(long)] == [2, 2, 2, 1]
    assert [len(request) for request in requests([Line("x" * (2 * MOST_BYTES), record)])] == [1]
    assert list(requests([])) == []
