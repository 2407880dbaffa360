"""What each part's point says, and that no field ever has two types."""

from sinks.line_protocol import line
from sinks.pipeline.points import Counts, dead_letters_point, edge_point, sink_point, streams_point


def test_a_sink_tells_what_it_did_since_the_last_point() -> None:
    point = sink_point("host:9103", Counts(50, 3), Counts(20, 1), lag_records=7, lag_s=1.5, store_up=True, time_ms=1000)
    assert line(point) == (
        "pipeline,name=host:9103,part=sink lag_records=7i,lag_s=1.5,settled=30i,refused=2i,store_up=1i 1000"
    )


def test_the_other_parts() -> None:
    assert line(streams_point("ocpp.streams", lag_records=0, lag_s=0.0, time_ms=1)) == (
        "pipeline,name=ocpp.streams,part=streams lag_records=0i,lag_s=0 1"
    )
    assert line(dead_letters_point("edge", "refused", 2, 1)) == (
        "pipeline,code=refused,name=edge,part=dead-letters dead_letters=2i 1"
    )
    assert line(edge_point("edge 1", connections=4, tick_age_s=20, alive=False, time_ms=1)) == (
        "pipeline,name=edge\\ 1,part=edge connections=4i,tick_age_s=20,alive=0i 1"
    )


def test_what_is_not_known_is_left_out() -> None:
    own = sink_point("s", Counts(), Counts(), lag_records=7, lag_s=None, store_up=False, time_ms=1)
    assert line(own) == "pipeline,name=s,part=sink lag_records=7i,settled=0i,refused=0i,store_up=0i 1"
    away = sink_point("s", Counts(), Counts(), lag_records=None, lag_s=None, store_up=True, time_ms=1)
    assert line(away) == "pipeline,name=s,part=sink settled=0i,refused=0i,store_up=1i 1"
    assert "lag_s" not in streams_point("g", lag_records=1, lag_s=None, time_ms=1).fields


def test_ages_are_floats_and_all_else_are_integers() -> None:
    points = [
        sink_point("s", Counts(), Counts(), lag_records=1, lag_s=2, store_up=True, time_ms=1),
        streams_point("g", lag_records=1, lag_s=0, time_ms=1),
        dead_letters_point("sink", "record", 1, 1),
        edge_point("e", connections=0, tick_age_s=0, alive=True, time_ms=1),
    ]
    for point in points:
        for name, value in point.fields.items():
            assert type(value) is (float if name.endswith("_s") else int), name
