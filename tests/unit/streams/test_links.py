"""Connections of one station. Times here are plain numbers."""

from typing import Any

import msgspec
import pytest

from contracts.envelope import Envelope
from streams.links import Change, Link, fold, is_repeat, node_back, node_lost, node_restarted


class Station:
    """A station's records, folded as they come; repeats are dropped."""

    def __init__(self) -> None:
        self.link: Link | None = None
        self.seqs: dict[str, int] = {}
        self.changes: list[Change] = []

    def connect(self, at: int, conn: str, node: str = "a", epoch: int = 1) -> Change:
        return self.record(at, "connected", conn, node, epoch=epoch, proto="ocpp1.6")

    def frame(self, at: int, conn: str, node: str = "a") -> Change:
        return self.record(at, "frame", conn, node, dir="in", proto="ocpp1.6")

    def close(self, at: int, conn: str, node: str = "a", code: int | None = 1006) -> Change:
        return self.record(at, "disconnected", conn, node, close_code=code)

    def record(self, at: int, kind: Any, conn: str, node: str = "a", **more: Any) -> Change:
        seq = self.seqs[conn] = self.seqs.get(conn, -1) + 1
        return self.take(at, envelope(kind, conn, seq, node, **more))

    def take(self, at: int, record: Envelope) -> Change:
        assert not is_repeat(self.link, record)
        self.link, change = fold(self.link, record, at)
        return change

    def node(self, happened: tuple[Link, Change]) -> Change:
        self.link, change = happened
        return change

    @property
    def now(self) -> Link:
        assert self.link is not None
        return self.link

    @property
    def current(self) -> str | None:
        return self.now.last.conn if self.now.last else None


def envelope(kind: Any, conn: str | None, seq: int | None, node: str = "a", **more: Any) -> Envelope:
    return Envelope(
        v=1, kind=kind, ts="", node=node, tenant="default", station="default/CP1", site="s", conn=conn, seq=seq, **more
    )


def connected_at(site: str, *, seq: int, **more: Any) -> Envelope:
    return msgspec.structs.replace(envelope("connected", f"C{seq}", seq, epoch=1, **more), site=site)


@pytest.fixture
def station() -> Station:
    return Station()


def test_a_connect_brings_it_online_and_its_close_offline(station: Station) -> None:
    assert station.connect(1, "C1") == "online"
    assert (station.now.online, station.current, station.now.disconnected_us) == (True, "C1", None)
    assert station.close(9, "C1", code=1001) == "offline"
    assert (station.now.online, station.now.disconnected_us, station.now.close_code) == (False, 9, 1001)


def test_what_began_at_a_site_stays_there(station: Station) -> None:
    station.take(1, connected_at("north", seq=0, time_zone="Europe/Oslo"))
    station.take(5, connected_at("north", seq=1))
    assert (station.now.site, station.now.time_zone, station.now.moved) == ("north", None, None)
    station.take(9, connected_at("south", seq=2, time_zone="Europe/Rome"))
    assert (station.now.site, station.now.time_zone) == ("south", "Europe/Rome")
    assert [station.now.site_at(at) for at in (1, 8, 9)] == ["north", "north", "south"]


def test_the_close_of_an_old_connection_never_takes_a_new_one_offline(station: Station) -> None:
    station.connect(1, "C1")
    assert station.connect(5, "C2") == "moved"
    assert station.close(9, "C1") == "none"
    assert (station.now.online, station.current, station.now.close_code) == (True, "C2", None)


def test_nor_does_it_before_the_new_one_opens(station: Station) -> None:
    station.connect(1, "C1")
    assert station.close(5, "C1") == "offline"
    assert station.connect(5, "C2") == "online"
    assert (station.now.online, station.current) == (True, "C2")


def test_while_any_connection_is_open_it_is_online(station: Station) -> None:
    station.connect(1, "C1", "a")
    station.connect(2, "C2", "b")
    assert station.close(3, "C2", "b") == "moved"
    assert (station.now.online, station.current, station.now.node) == (True, "C1", "a")
    assert station.close(4, "C1") == "offline"
    assert station.now.disconnected_us == 4


def test_a_late_close_does_not_move_the_time_of_being_offline(station: Station) -> None:
    station.connect(1, "C1")
    station.connect(2, "C2")
    station.node(node_lost(station.now, "a", 5))
    station.close(7, "C1", code=1000)
    assert (station.now.disconnected_us, station.now.close_code) == (5, None)
    station.close(8, "C2", code=1001)
    assert (station.now.disconnected_us, station.now.close_code) == (5, 1001)


def test_repeats_are_known(station: Station) -> None:
    station.connect(1, "C1")
    station.frame(2, "C1")
    assert is_repeat(station.link, envelope("frame", "C1", 1))
    assert is_repeat(station.link, envelope("connected", "C1", 0))
    assert not is_repeat(station.link, envelope("frame", "C1", 2))
    assert not is_repeat(station.link, envelope("frame", "C2", 0))
    station.close(3, "C1")
    assert is_repeat(station.link, envelope("disconnected", "C1", 2))
    assert is_repeat(station.link, envelope("frame", "C1", 1))


def test_repeats_of_the_last_sixteen_closed_connections_are_known(station: Station) -> None:
    for number in range(17):
        station.connect(number, f"C{number}")
        station.close(number, f"C{number}")
    assert is_repeat(station.link, envelope("connected", "C1", 0))
    assert not is_repeat(station.link, envelope("connected", "C0", 0))


def test_a_straggler_from_behind_its_close_opens_nothing(station: Station) -> None:
    station.connect(1, "C1")
    station.close(2, "C1")
    assert station.take(3, envelope("frame", "C1", 7, dir="in")) == "none"
    assert not station.now.online


def test_a_frame_whose_connect_was_cut_from_the_log_shows_that_it_is_online(station: Station) -> None:
    assert station.frame(5, "C1") == "online"
    assert (station.current, station.now.connected_us("C1")) == ("C1", None)


def test_such_a_connection_is_older_than_those_that_are_known(station: Station) -> None:
    station.connect(1, "C2")
    assert station.frame(5, "C1") == "none"
    assert station.current == "C2"


def test_a_refused_handshake_says_nothing_of_the_connections(station: Station) -> None:
    station.connect(1, "C1")
    assert station.take(2, envelope("rejected", None, None, status=401)) == "none"
    assert station.now.online


def test_when_a_connection_began(station: Station) -> None:
    station.connect(1, "C1")
    station.connect(5, "C2")
    assert (station.now.connected_us("C1"), station.now.connected_us("C2")) == (1, 5)
    assert station.now.connected_us("C3") is station.now.connected_us(None) is None


def test_inbound_frames_are_noted(station: Station) -> None:
    station.connect(1, "C1")
    station.frame(4, "C1")
    station.record(6, "frame", "C1", dir="out")
    assert station.now.last_frame_us == 4


# -- nodes


def test_a_lost_node_takes_its_stations_offline_from_its_deadline(station: Station) -> None:
    station.connect(1, "C1")
    assert station.node(node_lost(station.now, "a", 15)) == "offline"
    assert (station.now.online, station.now.disconnected_us) == (False, 15)
    assert not station.now.lives("C1")


def test_another_nodes_loss_is_nothing(station: Station) -> None:
    station.connect(1, "C1")
    assert node_lost(station.now, "b", 15) == (station.now, "none")


def test_who_came_back_elsewhere_is_not_touched_by_the_loss(station: Station) -> None:
    station.connect(1, "C1", "a")
    station.connect(9, "C2", "b")
    assert station.node(node_lost(station.now, "a", 15)) == "none"
    assert station.now.online


def test_with_the_current_connections_node_it_falls_back_to_another(station: Station) -> None:
    station.connect(1, "C1", "a")
    station.connect(9, "C2", "b")
    assert station.node(node_lost(station.now, "b", 15)) == "moved"
    assert (station.current, station.now.node) == ("C1", "a")


def test_a_node_that_is_back_has_its_connections_again(station: Station) -> None:
    station.connect(1, "C1", epoch=1)
    station.node(node_lost(station.now, "a", 15))
    assert station.node(node_back(station.now, "a", 1, 40)) == "online"
    assert (station.now.disconnected_us, station.now.connected_us("C1")) == (None, 1)


def test_under_another_epoch_it_has_not(station: Station) -> None:
    station.connect(1, "C1", epoch=1)
    station.node(node_lost(station.now, "a", 15))
    assert station.node(node_back(station.now, "a", 2, 40)) == "none"
    assert not station.now.online


def test_a_frame_through_a_node_thought_dead_shows_that_it_lives(station: Station) -> None:
    station.connect(1, "C1")
    station.node(node_lost(station.now, "a", 15))
    assert station.frame(20, "C1") == "online"


def test_a_restarted_node_has_lost_its_connections(station: Station) -> None:
    station.connect(1, "C1", epoch=1)
    assert station.node(node_restarted(station.now, "a", 2, 20)) == "offline"
    assert (station.now.open, station.now.disconnected_us) == ((), 20)
    assert is_repeat(station.link, envelope("connected", "C1", 0))


def test_not_those_that_it_opened_since(station: Station) -> None:
    station.connect(1, "C1", epoch=1)
    station.connect(5, "C2", epoch=2)
    assert station.node(node_restarted(station.now, "a", 2, 20)) == "none"
    assert (station.now.online, station.current) == (True, "C2")
    assert node_restarted(station.now, "a", 2, 21) == (station.now, "none")


def test_a_takeover_at_another_node_and_the_close_that_follows(station: Station) -> None:
    station.connect(1, "C1", "a")
    assert station.connect(5, "C2", "b") == "moved"
    assert station.close(6, "C1", "a", code=1012) == "none"
    assert station.close(9, "C2", "b", code=1000) == "offline"
    assert (station.now.node, station.now.close_code) == ("b", 1000)


def test_open_connections_are_bounded(station: Station) -> None:
    for number in range(40):
        station.connect(number, f"C{number}")
    assert len(station.now.open) == 16
    assert station.current == "C39"
