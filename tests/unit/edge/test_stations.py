"""Who is connected, and who takes over from whom."""

from dataclasses import dataclass

from edge.stations import WINDOW_S, Stations


@dataclass(eq=False)
class Socket:
    station: str
    partition: int = 0


def test_the_newer_connection_takes_over_and_the_older_ones_end_changes_nothing() -> None:
    stations: Stations[Socket] = Stations(3)
    old, new = Socket("default/CP1"), Socket("default/CP1")
    assert stations.enter(old, 0.0) is None
    assert stations.enter(new, 1.0) is old
    stations.leave(old)
    assert stations.get("default/CP1") is new
    assert len(stations) == 1
    stations.leave(new)
    assert len(stations) == 0


def test_the_fourth_takeover_within_a_minute_is_refused() -> None:
    stations: Stations[Socket] = Stations(3)
    stations.enter(Socket("a"), 0.0)
    for second in (1.0, 2.0, 3.0):
        assert not stations.contested("a", second)
        stations.enter(Socket("a"), second)
    assert stations.contested("a", 4.0)
    assert not stations.contested("b", 4.0)
    assert stations.contested("a", 1.0 + WINDOW_S - 0.1)
    assert not stations.contested("a", 1.0 + WINDOW_S)


def test_a_station_that_is_not_connected_is_never_contested() -> None:
    stations: Stations[Socket] = Stations(0)
    only = Socket("a")
    assert not stations.contested("a", 0.0)
    stations.enter(only, 0.0)
    assert stations.contested("a", 0.0)
    stations.leave(only)
    assert not stations.contested("a", 0.0)


def test_reconnecting_after_a_close_is_no_takeover() -> None:
    stations: Stations[Socket] = Stations(1)
    for second in range(10):
        socket = Socket("a")
        assert not stations.contested("a", float(second))
        stations.enter(socket, float(second))
        stations.leave(socket)


def test_old_takeovers_are_forgotten() -> None:
    stations: Stations[Socket] = Stations(3)
    for name in "abc":
        stations.enter(Socket(name), 0.0)
        stations.enter(Socket(name), 1.0)
    stations.forget(1.0 + WINDOW_S)
    assert not stations._takeovers


def test_the_stations_of_one_partition() -> None:
    stations: Stations[Socket] = Stations(3)
    sockets = [Socket(str(number), number % 2) for number in range(5)]
    for socket in sockets:
        stations.enter(socket, 0.0)
    assert stations.of_partition(1) == [sockets[1], sockets[3]]
    for socket in stations:  # over a copy
        stations.leave(socket)
    assert len(stations) == 0
