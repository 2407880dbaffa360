"""Edge nodes by their ticks: alive, dead, forgotten."""

from contracts.envelope import ClockSetting
from contracts.topics import node_key
from edge.records import tick_record
from sinks.pipeline.nodes import DEAD_S, FORGOTTEN_S, Nodes

T0 = 1_800_000_000_000


def tick(name: str, connections: int) -> tuple[bytes, bytes]:
    clock = ClockSetting(0, 0, 60.0)  # a demo's: the age is real all the same
    value = tick_record(node=name, epoch=1, log=1, connections=connections, clock=clock, now_us=0)
    return node_key(name), value


def told(nodes: Nodes, at_ms: int) -> dict[str, tuple[object, ...]]:
    return {
        dict(point.tags)["name"]: (point.fields["connections"], point.fields["tick_age_s"], point.fields["alive"])
        for point in nodes.points(at_ms, 1)
    }


def test_a_node_lives_until_three_ticks_are_missing() -> None:
    nodes = Nodes()
    nodes.take(*tick("a", 3), T0)
    nodes.take(*tick("b", 7), T0 + 4000)
    assert told(nodes, T0 + 5000) == {"a": (3, 5.0, 1), "b": (7, 1.0, 1)}
    assert told(nodes, T0 + round(DEAD_S * 1000)) == {"a": (3, 15.0, 0), "b": (7, 11.0, 1)}


def test_the_newest_tick_counts_whatever_is_read_again() -> None:
    nodes = Nodes()
    nodes.take(*tick("a", 3), T0 + 5000)
    nodes.take(*tick("a", 2), T0)
    assert told(nodes, T0 + 5000) == {"a": (3, 0.0, 1)}


def test_a_node_that_was_taken_away_is_forgotten() -> None:
    nodes = Nodes()
    nodes.take(*tick("a", 3), T0)
    assert told(nodes, T0 + round(FORGOTTEN_S * 1000) - 1) != {}
    assert told(nodes, T0 + round(FORGOTTEN_S * 1000)) == {}


def test_what_is_no_tick_is_passed_over() -> None:
    nodes = Nodes()
    for key, value in ((None, b""), (b"default/CP1", b"{"), (b"\x00rejected", b"{}"), (node_key("a"), b"broken")):
        nodes.take(key, value, T0)
    assert told(nodes, T0) == {}
