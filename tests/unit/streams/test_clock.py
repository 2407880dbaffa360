"""Time as one partition's log tells it. Times here are seconds."""

from contracts.times import SECOND
from streams.clock import BEHIND, TRUST, Clock, NodeEvent, Seen, observe

DAY_S = 24 * 3600


class Partition:
    """A log: what is appended moves the clock."""

    def __init__(self, *, speed: float = 1.0) -> None:
        self.clock = Clock()
        self.speed = speed
        self.events: list[NodeEvent] = []

    def tick(self, at: float, node: str = "a", epoch: int = 1, append: float | None = None) -> list[NodeEvent]:
        return self._seen(at, node, append, tick=True, epoch=epoch, connections=3)

    def record(
        self, at: float, node: str = "a", epoch: int | None = None, append: float | None = None
    ) -> list[NodeEvent]:
        return self._seen(at, node, append, epoch=epoch)

    def ticks(self, since: float, until: float, *nodes: str) -> None:
        at = since
        while at <= until:
            for node in nodes or ("a",):
                self.tick(at, node)
            at += 5

    def _seen(self, at: float, node: str, append: float | None, **more: object) -> list[NodeEvent]:
        append_us = None if append is None else us(append)
        seen = Seen(node, us(at), append_us, speed=self.speed, **more)  # type: ignore[arg-type]
        self.clock, self.time_us, events = observe(self.clock, seen)
        self.events += events
        return events

    @property
    def now(self) -> float:
        return s(self.clock.now_us)

    def interrupted(self) -> bool:
        return self.clock.interrupted

    def gaps(self) -> list[tuple[float, float | None]]:
        return [(s(gap.began_us), None if gap.resumed_us is None else s(gap.resumed_us)) for gap in self.clock.gaps]

    def told(self) -> list[tuple[str, str, float]]:
        return [(event.what, event.node, s(event.at_us)) for event in self.events]


def us(at: float) -> int:
    return 1_700_000_000 * SECOND + round(at * SECOND)


def s(at_us: int) -> float:
    return (at_us - us(0)) / SECOND


# -- the partition's clock


def test_the_clock_is_the_greatest_time() -> None:
    log = Partition()
    log.tick(0)
    log.record(3)
    log.record(2)
    assert log.now == 3
    assert s(log.time_us) == 2


def test_a_record_is_at_most_ten_seconds_ahead_of_its_append_time() -> None:
    log = Partition()
    log.tick(0, append=0)
    log.record(3600, append=1)
    assert log.now == 11
    assert s(log.time_us) == 11


def test_where_appends_are_not_stamped_a_record_is_believed() -> None:
    log = Partition()
    log.tick(0)
    log.record(9)
    assert log.now == 9


def test_at_another_speed_append_times_mean_nothing() -> None:
    log = Partition(speed=60)
    log.tick(0, append=0)
    log.record(300, append=5)
    assert log.now == 300


# -- deadlines of nodes


def test_a_node_is_dead_fifteen_seconds_after_its_last_tick() -> None:
    log = Partition()
    log.ticks(0, 20, "a", "b")
    log.ticks(25, 35, "b")
    assert log.told() == []
    log.tick(36, "b")
    assert log.told() == [("lost", "a", 35)]
    assert log.events[0].connections == 3
    assert not log.clock.lives("a")


def test_its_records_do_not_keep_a_node_alive() -> None:
    log = Partition()
    for at in range(16):
        log.record(at) if at else log.tick(at)
    log.record(16)
    assert log.told() == [("lost", "a", 15)]


def test_deadlines_are_real_seconds_whatever_the_speed() -> None:
    log = Partition(speed=60)
    log.tick(0, "a")
    for at in range(0, 900, 300):
        log.tick(at, "b")
    log.tick(899, "b")
    assert log.told() == []
    log.tick(901, "b")
    assert log.told() == [("lost", "a", 900)]


def test_a_node_that_ticks_again_is_back() -> None:
    log = Partition()
    log.tick(0, "a")
    log.ticks(0, 20, "b")
    assert log.tick(21, "a") == [NodeEvent("back", "a", us(21), us(21), 1)]
    assert log.clock.lives("a")


def test_an_older_tick_that_lands_after_a_newer_one_is_no_sign_of_life() -> None:
    log = Partition()
    log.ticks(0, 20, "a", "b")
    log.ticks(25, 40, "b")
    assert log.told() == [("lost", "a", 35.0)]
    assert log.tick(15, "a") == []  # replaced by the one at 20, and appended all the same
    assert log.clock.nodes["a"].dead
    assert log.tick(20, "a") == []  # a repeat
    assert [event.what for event in log.tick(42, "a")] == ["back"]


def test_a_dead_nodes_clock_is_carried_on_by_the_partition() -> None:
    log = Partition()
    log.tick(0, "a")
    log.record(3, "a")
    log.ticks(5, 30, "b")
    assert not log.clock.lives("a")
    assert s(log.clock.node_now("a")) == s(log.clock.node_now("b")) == 30


def test_a_skewed_dead_nodes_clock_keeps_its_skew() -> None:
    log = Partition()
    log.tick(0, "b")
    log.tick(-100, "a")
    log.ticks(5, 40, "b")
    assert s(log.clock.node_now("a")) == -100 + 40


def test_an_unknown_nodes_clock_is_the_partitions() -> None:
    log = Partition()
    log.tick(7, "b")
    assert s(log.clock.node_now("z")) == 7
    assert not log.clock.lives("z")


def test_a_long_dead_node_is_forgotten() -> None:
    log = Partition()
    log.tick(0, "a")
    log.ticks(0, 20, "b")
    at = 20.0
    while at < 7 * DAY_S:
        at += 10
        log.tick(at, "b")
    assert [event[:2] for event in log.told()] == [("lost", "a")]
    log.ticks(at, at + 30, "b")
    assert [event[:2] for event in log.told()] == [("lost", "a"), ("forgotten", "a")]
    assert "a" not in log.clock.nodes


# -- outages of the log


def test_after_an_outage_nobody_is_judged_before_the_first_tick() -> None:
    log = Partition()
    log.ticks(0, 10, "a", "b")
    log.record(610, "a")
    assert log.interrupted()
    assert log.told() == []
    log.tick(611, "a")
    assert not log.interrupted()
    assert log.told() == []


def test_after_an_outage_every_node_has_one_more_deadline() -> None:
    log = Partition()
    log.ticks(0, 10, "a", "b")
    log.ticks(610, 625, "a")
    assert log.told() == []
    log.tick(626, "a")
    assert log.told() == [("lost", "b", 25)], "stamped with its old deadline"


def test_a_node_that_ticks_within_that_deadline_lives() -> None:
    log = Partition()
    log.ticks(0, 10, "a", "b")
    log.ticks(610, 620, "a")
    log.tick(624, "b")
    log.ticks(625, 635, "a")
    assert log.told() == []


def outage(partition: Partition, *, until: float) -> None:
    """Ticks of two nodes up to 100 s, and then nothing is appended; what waited for the log trickles in."""
    for at in range(0, 101, 5):
        for node in "ab":
            partition.tick(at, node, append=at)
    for at in range(104, round(until), 8):
        partition.record(at, "a", append=until)


def test_records_that_waited_for_the_log_do_not_hide_its_outage() -> None:
    partition = Partition()
    outage(partition, until=160)
    assert partition.gaps() == [(100, None)]
    partition.tick(159, "a", append=160)
    partition.tick(158, "b", append=160)
    assert partition.told() == []
    assert partition.gaps() == [(100, 159)]


def test_a_tick_that_was_on_its_way_does_not_end_an_outage() -> None:
    partition = Partition()
    for at in range(0, 101, 5):
        partition.tick(at, append=at)
    partition.tick(105, append=160)
    assert partition.interrupted()
    for at in (113, 121, 129, 137):
        partition.record(at, append=160)
    assert partition.told() == []
    partition.tick(158, append=160)
    assert partition.gaps() == [(100, 158)]


def test_a_clock_that_is_behind_ends_an_outage_all_the_same() -> None:
    partition = Partition()
    for at in range(0, 101, 5):
        partition.tick(at, append=at + 30)
    partition.tick(170, append=200)
    assert partition.gaps() == [(100, 170)]


def test_at_another_speed_an_outage_is_seen_by_its_real_length() -> None:
    partition = Partition(speed=60)
    partition.tick(0, append=1000)
    partition.tick(300, append=1005)
    partition.tick(800, append=1014)
    assert partition.gaps() == []
    partition.record(900, append=1030)
    assert partition.gaps() == [(800, None)]


def test_silence_of_ten_seconds_is_no_outage() -> None:
    log = Partition()
    log.tick(0)
    log.tick(10)
    assert log.gaps() == []
    log.tick(20.001)
    assert log.gaps() == [(10, 20.001)]


def test_a_deadline_that_was_running_starts_anew() -> None:
    log = Partition()
    log.ticks(0, 10)
    log.tick(610)
    grace = 60 * SECOND

    def postponed(began: float) -> float:
        return s(log.clock.postponed(us(began), us(began) + grace, grace))

    assert postponed(-55) == 5  # over before the outage
    assert postponed(-45) == 670  # running when it began
    assert postponed(100) == 670  # began in it
    assert postponed(611) == 671  # began after it


def test_two_outages_shift_a_deadline_twice() -> None:
    log = Partition()
    log.ticks(0, 10)
    log.tick(610)
    log.tick(620)
    log.tick(1220)
    assert s(log.clock.postponed(us(5), us(65), 60 * SECOND)) == 1280


# -- epochs


def test_a_greater_epoch_is_a_restart() -> None:
    log = Partition()
    log.tick(0, epoch=1)
    assert [event.what for event in log.tick(5, epoch=2)] == ["restarted"]
    assert log.clock.nodes["a"].epoch == 2


def test_a_connect_shows_a_restart_before_the_first_tick_does() -> None:
    log = Partition()
    log.tick(0, epoch=1)
    assert [event.what for event in log.record(3, epoch=2)] == ["restarted"]
    assert log.tick(5, epoch=2) == []


def test_a_dead_node_that_starts_anew_is_back_and_restarted() -> None:
    log = Partition()
    log.tick(0, "a", epoch=1)
    log.ticks(0, 20, "b")
    assert [event.what for event in log.tick(21, "a", epoch=2)] == ["back", "restarted"]


def test_a_lower_epoch_after_a_greater_one_changes_nothing_and_is_told() -> None:
    log = Partition()
    log.tick(0, epoch=2)
    before = log.clock.nodes
    assert [event.what for event in log.tick(5, epoch=1)] == ["duplicate"]
    assert [event.what for event in log.record(6, epoch=1)] == ["duplicate"]
    assert log.clock.nodes == before


def test_it_is_believed_once_the_greater_one_is_silent() -> None:
    """A node whose system was an hour ahead is set right and started again; nobody else is there to tell the time."""
    log = Partition()
    log.tick(0, epoch=3_600_000)
    found = [event.what for at in (5, 10, 15, 20, 25) for event in log.tick(at, epoch=1)]
    assert found == ["duplicate", "duplicate", "duplicate", "duplicate", "lost", "back", "restarted"]
    assert log.tick(30, epoch=1) == []


# -- clocks that are wrong


def test_a_clock_ahead_is_told_at_once_and_when_it_is_right_again() -> None:
    log = Partition()
    log.tick(0, append=0)
    (event,) = log.tick(3605, append=5)
    assert (event.what, event.skew_s) == ("skewed", 3600)
    assert log.tick(3610, append=10) == []
    assert [event.what for event in log.tick(15, append=15)] == ["unskewed"]


def test_ten_seconds_ahead_is_none() -> None:
    log = Partition()
    assert log.tick(TRUST / SECOND, append=0) == []


def test_a_clock_behind_is_told_at_the_second_tick() -> None:
    log = Partition()
    log.tick(0, append=0)
    assert log.tick(-3595, append=5) == []
    (event,) = log.tick(-3590, append=10)
    assert (event.what, event.skew_s) == ("skewed", -3600)
    assert [event.what for event in log.tick(15, append=15)] == ["unskewed"]


def test_one_tick_that_waited_for_the_log_is_no_wrong_clock() -> None:
    log = Partition()
    log.tick(0, append=0)
    log.tick(5, append=5 + BEHIND / SECOND + 1)
    log.tick(70, append=70)
    assert log.told() == []


def test_where_appends_are_not_stamped_no_clock_is_wrong() -> None:
    log = Partition()
    log.tick(0)
    log.tick(3600)
    assert log.told() == []


def test_a_skewed_node_does_not_move_the_others() -> None:
    log = Partition()
    log.tick(0, "b", append=0)
    log.tick(3600, "a", append=0)
    log.tick(5, "b", append=5)
    assert log.now == 10
    assert s(log.clock.node_now("b")) == 5
    assert s(log.clock.node_now("a")) == 10
