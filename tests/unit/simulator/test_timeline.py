"""A station's events, in order."""

from simulator.timeline import Timeline


def test_events_come_in_order_of_time_and_of_planning() -> None:
    timeline, played = Timeline(), []
    for at_us, name in ((30, "c"), (10, "a"), (20, "b1"), (20, "b2")):
        timeline.at(at_us, lambda _, name=name: played.append(name))  # type: ignore[misc]
    assert timeline.next_us == 10
    while (event := timeline.due(25)) is not None:
        event.action(event.at_us)
    assert played == ["a", "b1", "b2"]
    assert timeline.next_us == 30


def test_what_is_cleared_never_happens() -> None:
    timeline = Timeline()
    timeline.at(1, lambda _: None)
    timeline.clear()
    assert timeline.next_us is None
    assert timeline.due(10) is None
