"""The index of the stations' timers."""

from list_log import Log
from streams.clock import Clock, Node
from streams.links import Link
from streams.timers import Timers

S = "default/CP1"


def link(deadline_us: int | None, node: str = "edge-1") -> Link:
    return Link("default", "s", node, deadline_us=deadline_us)


def clock(now_us: int) -> Clock:
    return Clock(now_us, {"edge-1": Node(1, now_us, now_us, now_us, now_us, now_us + 9, now_us + 9)})


def due(timers: Timers, now_us: int) -> list[tuple[str, str, int]]:
    return list(timers.due(clock(now_us), "edge-1"))


def size(timers: Timers) -> int:
    return sum(map(len, timers._heaps.values()))


def test_a_deadline_is_found_once() -> None:
    timers = Timers()
    timers.put(S, link(10))
    assert due(timers, 9) == []
    assert due(timers, 10) == [("edge-1", S, 10)]
    assert due(timers, 11) == []


def test_one_that_moves_on_takes_no_more_room() -> None:
    timers = Timers()
    for deadline in range(10, 1000):
        timers.put(S, link(deadline))
    assert size(timers) == 1
    assert due(timers, 10) == [("edge-1", S, 10)]  # too early for it now
    timers.put(S, link(999))
    assert (due(timers, 998), due(timers, 999)) == ([], [("edge-1", S, 999)])


def test_one_that_comes_earlier_is_found_earlier() -> None:
    timers = Timers()
    timers.put(S, link(1000))
    timers.put(S, link(10))
    assert due(timers, 10) == [("edge-1", S, 10)]
    timers.put(S, link(1500))
    assert due(timers, 1000) == [("edge-1", S, 1000)]
    timers.put(S, link(1500))
    assert due(timers, 1500) == [("edge-1", S, 1500)]


def test_short_deadlines_before_a_long_one_leave_nothing_behind() -> None:
    timers = Timers()
    for at in range(0, 1000, 10):
        timers.put(S, link(5000))
        timers.put(S, link(at))
        assert due(timers, at) == [("edge-1", S, at)]
    assert size(timers) == 1


def test_every_node_has_its_own() -> None:
    timers = Timers()
    timers.put(S, link(10))
    timers.put(S, link(20, "edge-2"))
    assert due(timers, 10) == [("edge-1", S, 10)]
    assert due(timers, 20) == [("edge-2", S, 20)]  # a node that nobody knows does not live


def test_the_index_does_not_grow_with_a_session(log: Log) -> None:
    log.start(0, 1000)
    for minute in range(10 * 60):
        log.ticks(60 * minute + 5, 60 * minute + 60)
        log.meter(60 * minute + 60, 1000 + minute)
    assert size(log.fold._timers) < 5
