"""Stations that are gone, edge nodes that die, logs that were away: what is said of it, and when."""

from typing import Any

import pytest

from contracts.envelope import Envelope
from contracts.times import SECOND
from list_log import Log, ms, ts
from streams import deadlines

OFFLINE = "offline/default/CP1"


def online(log: Log) -> list[bool]:
    """What was published of the station's connectivity, in order."""
    return [each["online"] for each in log.all("status") if "evse" not in each]


def station_status(log: Log, name: str = "CP1") -> dict[str, Any]:
    found: dict[str, Any] = log.latest("status")[f"default/{name}/0/0"]
    return found


# -- stations


def test_the_status_says_offline_at_once_and_the_alarm_after_its_grace(log: Log) -> None:
    log.ticks(5, 100)
    log.disconnect(101)
    assert (online(log)[-1], station_status(log)["disconnected_at"], station_status(log)["close_code"]) == (
        False,
        ms(101),
        1006,
    )
    log.ticks(105, 160)
    assert log.alarms() == []
    log.tick(165)
    assert log.alarms() == [(OFFLINE, "raised", ms(161))], "stamped with its deadline"
    raised = log.all("alarms")[0]
    assert (raised["detail"], raised["detected_at"], raised["severity"]) == ("closed with 1006", ms(165), "major")


def test_a_station_that_comes_back_within_its_grace_raises_nothing(log: Log) -> None:
    log.disconnect(10)
    log.ticks(15, 60)
    log.connect(65, "C2")
    log.ticks(70, 200)
    assert log.alarms() == []
    assert online(log) == [True, False, True]


def test_the_alarm_ends_when_it_is_back(log: Log) -> None:
    log.disconnect(10)
    log.ticks(15, 100)
    log.connect(103, "C2")
    log.ticks(105, 200)
    assert log.alarms() == [(OFFLINE, "raised", ms(70)), (OFFLINE, "cleared", ms(103))]
    assert log.all("alarms")[-1]["clear_reason"] == "reconnected"


def test_each_absence_is_an_episode(log: Log) -> None:
    for number in range(2):
        at = 1000 * number
        log.ticks(at, at + 5)
        log.disconnect(at + 10, f"C{number + 1}")
        log.ticks(at + 15, at + 100)
        log.connect(at + 103, f"C{number + 2}")
    assert [each[2] for each in log.alarms("raised")] == [ms(70), ms(1070)]


def test_the_close_of_an_old_socket_never_marks_the_new_one_offline(log: Log) -> None:
    log.connect(30, "C2")
    log.disconnect(70, "C1")
    log.ticks(75, 300)
    assert online(log) == [True, True]
    assert log.alarms() == []
    assert station_status(log)["conn"] == "C2"


def test_connectors_of_a_station_that_is_gone_are_stale(log: Log) -> None:
    log.status(1, "Charging")
    log.disconnect(10)
    assert log.latest("status")["default/CP1/1/1"]["stale"]
    log.connect(20, "C2")
    assert not log.latest("status")["default/CP1/1/1"]["stale"]
    assert log.latest("status")["default/CP1/1/1"]["since"] == ms(1)


def test_a_takeover_does_not_publish_the_connectors_again(log: Log) -> None:
    log.status(1, "Charging")
    before = len(log.all("status"))
    log.connect(20, "C2")
    assert len(log.all("status")) == before + 1


def test_two_stations_with_one_identity_alternate_and_stay_online(log: Log) -> None:
    for number in range(2, 8):
        log.connect(10 * number, f"C{number}")
        log.disconnect(10 * number + 1, f"C{number - 1}")
    log.ticks(85, 300)
    assert set(online(log)) == {True}
    assert log.alarms() == []


def test_a_refused_handshake_of_a_stranger_leaves_nothing(log: Log) -> None:
    refused: dict[str, Any] = {"status": 401, "reason": "wrong-password", "tenant": "default"}
    for station in ("default/CP9", "default/CP1"):
        log.append(Envelope(v=1, kind="rejected", ts=ts(6), node="edge-1", station=station, **refused))
    assert not [key for key in log.states if b"CP9" in key]
    assert station_status(log)["online"]


# -- boots and registration


def test_what_a_station_said_of_itself_stands_in_its_status(log: Log) -> None:
    boot = {
        "chargePointVendor": "V",
        "chargePointModel": "M",
        "chargePointSerialNumber": "",
        "chargeBoxSerialNumber": "SN1",
        "firmwareVersion": "1.2",
        "iccid": "89",
        "imsi": "20",
    }
    log.call(10, "BootNotification", boot)
    log.reply(10, "BootNotification", {"status": "Pending", "currentTime": "", "interval": 300})
    assert station_status(log)["boot"] == {
        "at": ms(10),
        "vendor": "V",
        "model": "M",
        "serial": "SN1",
        "firmware": "1.2",
        "iccid": "89",
        "imsi": "20",
    }
    assert (station_status(log)["registration"], station_status(log)["heartbeat_s"]) == ("Pending", 300)


@pytest.mark.parametrize("proto", ["ocpp2.0.1", "ocpp1.6"])
def test_a_boot_of_2x_on_any_connection(log: Log, proto: str) -> None:
    charging_station = {"model": "M", "vendorName": "V", "serialNumber": "S", "modem": {"iccid": "89"}}
    log.call(10, "BootNotification", {"reason": "PowerUp", "chargingStation": charging_station}, proto=proto)
    expected = {"at": ms(10), "reason": "PowerUp", "vendor": "V", "model": "M", "serial": "S", "iccid": "89"}
    assert station_status(log)["boot"] == expected


@pytest.mark.parametrize("payload", [{"reason": "PowerUp", "chargingStation": None}, {}])
def test_a_boot_that_says_nothing(log_2x: Log, payload: dict[str, object]) -> None:
    log_2x.call(10, "BootNotification", payload, proto="ocpp2.0.1")
    assert log_2x.all("dlq") == []


# -- nodes


def test_a_dead_node_is_one_alarm_and_its_stations_are_offline(log: Log) -> None:
    log.connect(1, "D1", name="CP2")
    log.ticks(5, 25, node="edge-2")
    assert (station_status(log)["online"], station_status(log)["disconnected_at"]) == (False, ms(15))
    (lost,) = log.all("alarms")
    assert (lost["alarm_key"], lost["raised_at"], lost["severity"]) == ("edge-node-lost/edge-1", ms(15), "critical")
    assert (lost["scope"], lost["station"], lost["affected"]) == ("node", "default/edge-1", {"count": 1, "sample": []})
    log.ticks(30, 100, node="edge-2")
    assert sorted(log.alarms("raised")) == [
        ("edge-node-lost/edge-1", "raised", ms(15)),
        ("offline/default/CP1", "raised", ms(75)),
        ("offline/default/CP2", "raised", ms(75)),
    ]
    assert "edge-1 is lost" in log.all("alarms")[-1]["detail"]


def test_its_stations_that_are_back_elsewhere_within_their_grace_raise_nothing(log: Log) -> None:
    log.ticks(5, 25, node="edge-2")
    log.connect(40, "C2", node="edge-2")
    log.ticks(45, 200, node="edge-2")
    assert [key for key, _, _ in log.alarms()] == ["edge-node-lost/edge-1"]
    assert station_status(log)["node"] == "edge-2"


def test_those_that_had_moved_before_are_not_touched(log: Log) -> None:
    log.tick(5, "edge-2")
    log.connect(6, "C2", node="edge-2")
    log.ticks(10, 200, node="edge-2")
    assert online(log) == [True, True]


def test_a_node_that_ticks_again_has_its_stations_back(log: Log) -> None:
    log.ticks(5, 25, node="edge-2")
    log.tick(30)
    assert station_status(log)["online"]
    assert log.alarms() == [
        ("edge-node-lost/edge-1", "raised", ms(15)),
        ("edge-node-lost/edge-1", "cleared", ms(30)),
    ]


def test_a_node_that_starts_anew_has_lost_its_connections(log: Log) -> None:
    log.ticks(5, 20)
    log.tick(25, epoch=2)
    assert (station_status(log)["online"], station_status(log)["disconnected_at"]) == (False, ms(25))
    log.ticks(30, 100, epoch=2)
    assert log.alarms() == [(OFFLINE, "raised", ms(85))]


def test_a_connection_opened_since_the_new_start_is_kept(log: Log) -> None:
    log.ticks(5, 20)
    log.connect(23, "C2", epoch=2)
    log.tick(25, epoch=2)
    assert station_status(log)["online"]


def test_nodes_alarms_are_partition_0s(new_log: type[Log]) -> None:
    log = new_log(partition=3)
    log.tick(0)
    log.connect(0)
    log.ticks(5, 100, node="edge-2")
    assert [key for key, _, _ in log.alarms()] == [OFFLINE]


def test_two_edges_with_one_name(log: Log) -> None:
    log.tick(5, epoch=2)
    for at in (10, 15):
        log.tick(at, epoch=1)
    (raised,) = log.all("alarms")
    assert (raised["alarm_key"], raised["kind"]) == ("edge-duplicate/edge-1", "occurrence")


def test_a_node_whose_epoch_was_too_great_is_back_within_a_deadline(new_log: type[Log]) -> None:
    """Its stations have connections that it opened since; the former ones are gone."""
    log = new_log()
    log.tick(0, epoch=3_600_000)
    log.connect(0, epoch=3_600_000)
    log.connect(1, "D1", name="CP2", epoch=3_600_000)
    log.connect(7, "C2", epoch=1)
    for at in range(10, 100, 5):
        log.tick(at, epoch=1)
    assert station_status(log)["online"]
    assert [key for key, state, _ in log.alarms() if key.startswith("offline/")] == ["offline/default/CP2"]


def test_a_wrong_clock_is_an_alarm_and_touches_no_other_station(new_log: type[Log]) -> None:
    log = new_log(log_append=True)
    log.tick(0)
    log.connect(0)
    log.append_skew_us = -3600 * 1_000_000
    log.tick(3600, "edge-2")
    log.connect(3601, "D1", name="CP2", node="edge-2")
    log.append_skew_us = 0
    log.ticks(5, 20)
    assert log.alarms() == [("edge-clock/edge-2", "raised", ms(10))]
    assert log.all("alarms")[0]["value"] == 3600
    assert online(log)[0] is True
    assert station_status(log)["online"]


def test_a_node_forgotten_is_an_alarm_no_longer(log: Log) -> None:
    log.ticks(5, 25, node="edge-2")
    week = 7 * 24 * 3600
    for day in range(8):
        log.ticks(day * 86_400 + 100, day * 86_400 + 130, node="edge-2")
    assert log.alarms("cleared")[-1] == ("edge-node-lost/edge-1", "cleared", ms(week + 15))
    assert log.all("alarms")[-1]["clear_reason"] == "forgotten"


def test_its_stations_timers_go_on_all_the_same(log: Log) -> None:
    log.ticks(5, 100, node="edge-2")
    raised = log.alarms("raised")
    assert (OFFLINE, "raised", ms(75)) in raised
    for week in range(1, 4):
        log.ticks(week * 7 * 86_400 + 100, week * 7 * 86_400 + 200, node="edge-2")
    again = [each for each in log.all("alarms") if each["alarm_key"] == OFFLINE and each["state"] == "updated"]
    assert len(again) == 3


# -- outages of the log


def test_an_outage_of_the_log_is_no_outage_of_the_fleet(log: Log) -> None:
    log.ticks(5, 20)
    log.ticks(620, 700)
    assert log.alarms() == []
    assert online(log) == [True]


def test_a_grace_that_was_running_starts_anew(log: Log) -> None:
    log.ticks(5, 20)
    log.disconnect(22)
    log.ticks(620, 675)
    assert log.alarms() == []
    log.ticks(680, 690)
    assert log.alarms() == [(OFFLINE, "raised", ms(680))]


def test_stations_that_reconnect_after_the_outage_raise_nothing(log: Log) -> None:
    log.ticks(5, 20)
    log.disconnect(40)  # closed by the edge, told when the log was back
    log.ticks(620, 625)
    log.connect(640, "C2")
    log.ticks(645, 900)
    assert log.alarms() == []


def test_stations_of_a_node_that_died_in_the_outage_have_their_grace(log: Log) -> None:
    log.tick(0, "edge-2")
    log.tick(5)
    log.ticks(620, 640, node="edge-2")
    assert log.alarms() == [("edge-node-lost/edge-1", "raised", ms(20))]
    log.ticks(645, 675, node="edge-2")
    assert [key for key, _, _ in log.alarms()] == ["edge-node-lost/edge-1"]
    log.ticks(680, 690, node="edge-2")
    assert log.alarms()[-1] == (OFFLINE, "raised", ms(680))


# -- at sixty times the speed


def test_at_another_speed_a_nodes_deadline_is_real_seconds(new_log: type[Log]) -> None:
    log = new_log(speed=60)
    log.tick(0)
    log.connect(0)
    log.ticks(300, 1200, every=300)
    assert log.alarms() == []
    log.ticks(1500, 2400, every=300, node="edge-2")
    assert log.alarms("raised")[0] == ("edge-node-lost/edge-1", "raised", ms(2100))


def test_the_grace_is_one_threshold(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "OFFLINE_GRACE", 5 * SECOND)
    log.disconnect(10)
    log.ticks(12, 18)
    assert log.alarms() == [("offline/default/CP1", "raised", ms(15))]


def test_a_start_whose_node_died_becomes_a_session_though_the_station_is_online_elsewhere(log: Log) -> None:
    log.tick(1, "edge-2")
    log.start(5, 1000, transaction=None)
    log.connect(8, "C2", node="edge-2")
    log.tick(9, "edge-2")
    assert log.sessions() == []
    log.status(10, "Charging", conn="C2")
    log.ticks(14, 30, node="edge-2")
    assert (log.session()["session_id"], log.session()["state"]) == (f"default/CP1/?/{ms(5)}", "open")
    assert log.latest("status")["default/CP1/1/1"]["session_id"] == log.session()["session_id"]


def test_and_so_does_one_whose_node_began_anew(log: Log) -> None:
    log.start(5, 1000, transaction=None)
    log.tick(6, "edge-2")
    log.connect(8, "C2", node="edge-2")
    log.tick(9, epoch=2)
    assert log.session()["session_id"] == f"default/CP1/?/{ms(5)}"


def test_while_its_connection_lives_it_waits(log: Log) -> None:
    log.tick(1, "edge-2")
    log.start(5, 1000, transaction=None)
    log.connect(8, "C2", node="edge-2")
    for at in range(9, 60, 5):
        log.tick(at)
        log.tick(at, "edge-2")
    assert log.sessions() == []
