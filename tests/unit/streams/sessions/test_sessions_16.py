"""OCPP 1.6 sessions, from frames to records: the plain case, when they are published, several at once."""

import pytest

from list_log import Log, meter_value, ms, ts

# -- the plain case


def test_a_session_from_start_to_stop(log: Log) -> None:
    log.start(10, 1000)
    for minute in range(1, 4):
        log.meter(10 + 60 * minute, 1000 + 100 * minute, Power_Active_Import=6000 + minute, SoC=50 + minute)
    log.stop(250, 1400, reason="Remote")
    session = log.session()
    assert session["session_id"] == f"default/CP1/7/{ms(10)}"
    assert (session["state"], session["started_at"], session["ended_at"]) == ("ended", ms(10), ms(250))
    assert (session["duration_s"], session["import_wh"], session["method"]) == (240, 400, "register")
    assert (session["meter_start_wh"], session["meter_stop_wh"]) == (1000, 1400)
    assert (session["evse"], session["connector"], session["transaction_id"]) == (1, 1, "7")
    assert (session["token"], session["stopped_by_ref"]) == ({"ref": "TAG"}, "TAG")
    assert (session["auth"], session["stop_reason"], session["result"]) == ({"status": "Accepted"}, "Remote", "ok")
    assert (session["power_peak_w"], session["power_mean_w"]) == (6003, 6002)
    assert (session["soc_from_pct"], session["soc_to_pct"]) == (51, 53)
    assert (session["readings"], session["first_reading_at"], session["last_reading_at"]) == (3, ms(70), ms(190))
    assert (session["start_clock"], session["end_clock"], session["point_at"]) == ("station", "station", ms(10))
    assert (session["final"], session["offline"], session["flags"]) == (False, False, [])


def test_an_open_session_shows_what_it_has_so_far(log: Log) -> None:
    log.start(10, 1000)
    log.meter(70, 1500)
    session = log.session()
    assert (session["state"], session["import_wh"], session["readings"]) == ("open", 500, 1)
    assert not {"ended_at", "duration_s", "meter_stop_wh", "stop_reason", "result"} & session.keys()


def test_without_readings_start_and_stop_tell(log: Log) -> None:
    log.start(10, 1000)
    assert log.session()["method"] == "none"
    log.stop(250, 1400)
    assert (log.session()["import_wh"], log.session()["method"]) == (400, "start-stop")


def test_an_omitted_reason_is_local_and_nothing_delivered_is_no_energy(log: Log) -> None:
    log.start(10, 1000)
    log.stop(250, 1000)
    assert (log.session()["stop_reason"], log.session()["result"]) == ("Local", "no-energy")


@pytest.mark.parametrize(
    ("reason", "result"), [("DeAuthorized", "deauthorised"), ("EmergencyStop", "fault"), ("EVDisconnected", "ok")]
)
def test_results(log: Log, reason: str, result: str) -> None:
    log.start(10, 1000)
    log.stop(250, 1400, reason=reason)
    assert log.session()["result"] == result


# -- when it is published


def test_a_start_is_published_with_its_reply(log: Log) -> None:
    log.start(10, 1000, transaction=None)
    assert log.all("sessions") == []
    log.answer_start(10, 7)
    assert log.session()["transaction_id"] == "7"


def test_or_with_the_end_of_its_connection(log: Log) -> None:
    log.start(10, 1000, transaction=None)
    log.disconnect(20)
    assert log.session()["session_id"] == f"default/CP1/?/{ms(10)}"


def test_or_with_an_error_in_the_place_of_the_reply(log: Log) -> None:
    log.start(10, 1000, transaction=None)
    log.station(10, "frame", conn="C1", dir="out", type="CALLERROR", action="StartTransaction", call_seq=1)
    assert log.session()["transaction_id"] == "?"


def test_or_when_its_edge_is_lost(log: Log) -> None:
    log.start(10, 1000, transaction=None)
    log.ticks(5, 30, node="edge-2")
    assert log.session()["transaction_id"] == "?"


def test_an_open_session_is_published_once_a_minute(log: Log) -> None:
    log.start(0, 1000)
    published = len(log.all("sessions"))
    for second in range(61, 180, 10):
        log.meter(second, 1000 + second)
    assert len(log.all("sessions")) - published == 2
    assert log.session()["last_reading_at"] == ms(121), "the first change in the third minute"
    log.stop(179, 1300)
    assert log.session()["readings"] == 12


def test_a_closed_one_is_published_at_each_change(log: Log) -> None:
    log.start(0, 1000)
    log.stop(100, 1300)
    published = len(log.all("sessions"))
    for second in (30, 40, 50):
        log.meter(110, 1000 + second, said=second)
    assert len(log.all("sessions")) - published == 3
    log.meter(110, 1050, said=50)
    assert len(log.all("sessions")) - published == 3, "a repeat is no change"


def test_another_sessions_start_does_not_publish_one_that_is_over(log: Log) -> None:
    log.start(0, 1000, 7)
    log.stop(100, 1300, 7)
    log.start(200, 1300, 8)
    revisions = [each["revision"] for each in log.all("sessions") if each["transaction_id"] == "7"]
    assert max(revisions) < 6


# -- several at once


def test_two_connectors_do_not_mix(log: Log) -> None:
    log.start(0, 1000, 7, connector=1, tag="anna")
    log.start(5, 9000, 8, connector=2, tag="bert")
    for minute in range(1, 4):
        log.meter(60 * minute, 1000 + 10 * minute, 7, connector=1)
        log.meter(60 * minute, 9000 + 20 * minute, 8, connector=2)
    log.stop(200, 1040, 7)
    log.stop(210, 9090, 8)
    log.passes(905)
    assert [(each["evse"], each["import_wh"]) for each in log.sessions()] == [(1, 40), (2, 90)]
    assert log.quarters(1)["10:00"]["import_wh"] == 40
    assert log.quarters(2)["10:00"]["import_wh"] == 90


def test_two_stations_do_not_mix(log: Log) -> None:
    log.connect(0, "C2", name="CP2")
    log.start(0, 1000, 7)
    log.start(0, 9000, 7, conn="C2", name="CP2")
    log.stop(200, 1040, 7)
    assert [(each["station"], each["state"]) for each in log.sessions()] == [
        ("default/CP1", "ended"),
        ("default/CP2", "open"),
    ]


def test_a_start_on_connector_0_is_a_session_without_a_meter(log: Log) -> None:
    log.start(10, 1000, connector=0)
    log.stop(100, 1400)
    session = log.session()
    assert (session["evse"], session["connector"], session["import_wh"]) == (0, 0, 400)
    assert log.quarters(0) == {}


def test_a_register_that_no_sum_can_hold_is_none(log: Log) -> None:
    payload = {"connectorId": 1, "idTag": "TAG", "meterStart": "-1e308", "timestamp": ts(0)}
    log.call(0, "StartTransaction", payload)
    log.answer_start(0, 7)
    log.call(600, "StopTransaction", {"transactionId": 7, "meterStop": "1e308", "timestamp": ts(600)})
    session = log.session()
    assert session["method"] == "none"
    assert not {"import_wh", "meter_start_wh", "meter_stop_wh"} & session.keys()


def test_strange_payloads_are_no_trouble(log: Log) -> None:
    for payload in ({}, {"connectorId": "x"}, {"connectorId": 1, "idTag": 5, "meterStart": "7", "timestamp": 9}):
        log.call(1, "StartTransaction", payload)
        log.reply(1, "StartTransaction", {"transactionId": "x", "idTagInfo": []})
        log.call(1, "StopTransaction", payload)
        log.call(1, "MeterValues", payload | {"meterValue": [meter_value(1, 5)]})
    assert log.all("dlq") == []
