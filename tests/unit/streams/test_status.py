"""Connectors' states from everything that speaks of them."""

from typing import Any

import pytest

from list_log import Log, ms, ts


def state(log: Log, evse: int = 1, connector: int = 1) -> dict[str, Any]:
    return log.latest("status")[f"default/CP1/{evse}/{connector}"]


def status_2x(log: Log, at: float, status: str, evse: int = 1, connector: int = 1) -> None:
    payload = {"timestamp": ts(at), "connectorStatus": status, "evseId": evse, "connectorId": connector}
    log.call(at, "StatusNotification", payload, proto="ocpp2.0.1")


def notify(log: Log, at: float, value: str, component: str = "Connector", variable: str = "AvailabilityState") -> None:
    event = {
        "eventId": 1,
        "timestamp": ts(at),
        "trigger": "Delta",
        "actualValue": value,
        "component": {"name": component, "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": variable},
    }
    log.call(at, "NotifyEvent", {"generatedAt": ts(at), "seqNo": 0, "eventData": [event]}, proto="ocpp2.0.1")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Available", "available"),
        ("Preparing", "preparing"),
        ("Charging", "charging"),
        ("SuspendedEV", "suspended_ev"),
        ("SuspendedEVSE", "suspended_evse"),
        ("Finishing", "finishing"),
        ("Reserved", "reserved"),
        ("Unavailable", "unavailable"),
        ("Faulted", "faulted"),
        ("Occupied", "occupied"),
        ("Sleeping", "unknown"),
    ],
)
def test_the_states_of_1_6(log: Log, said: str, expected: str) -> None:
    log.status(1, said)
    assert (state(log)["state"], state(log)["status_raw"]) == (expected, said)


def test_what_a_1_6_station_says_of_a_fault(log: Log) -> None:
    log.status(1, "Faulted", "OtherError", vendorId="org.example", vendorErrorCode="E42", info="door open")
    found = state(log)
    assert (found["error_code"], found["vendor_id"], found["vendor_error_code"]) == ("OtherError", "org.example", "E42")
    assert (found["info"], found["source_action"], found["reported_at"]) == ("door open", "StatusNotification", ms(1))


def test_connector_0_is_the_station_and_no_connector(log: Log) -> None:
    log.status(1, "Charging")
    log.status(2, "Unavailable", connector=0)
    assert state(log)["state"] == "charging"
    assert state(log, 0, 0)["state"] == "unavailable"
    assert state(log, 0, 0)["online"]


def test_one_identity_in_front_of_six_wallboxes(log: Log) -> None:
    for connector in range(1, 7):
        log.status(connector, "Charging" if connector % 2 else "Available", connector=connector)
    assert [state(log, connector)["state"] for connector in range(1, 7)] == ["charging", "available"] * 3


def test_since_is_when_the_state_began(log: Log) -> None:
    log.status(1, "Charging")
    log.status(60, "Charging", info="still")
    assert (state(log)["since"], state(log)["reported_at"]) == (ms(1), ms(60))
    log.status(90, "Finishing")
    assert state(log)["since"] == ms(90)


def test_without_a_time_of_its_own_a_report_has_the_edges(log: Log) -> None:
    log.call(5, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Preparing"})
    assert state(log)["since"] == ms(5)


def test_the_states_of_2x(log_2x: Log) -> None:
    for status, expected in {"Available": "available", "Occupied": "occupied", "Faulted": "faulted"}.items():
        status_2x(log_2x, 1, status)
        assert state(log_2x)["state"] == expected


def test_within_occupied_the_transaction_knows_better(log_2x: Log) -> None:
    status_2x(log_2x, 1, "Occupied")
    log_2x.event(2, "Started", 0, evse=1, info={"chargingState": "EVConnected"})
    assert state(log_2x)["state"] == "occupied"
    log_2x.event(3, "Updated", 1, info={"chargingState": "Charging"})  # no evse: its transaction's
    assert (state(log_2x)["state"], state(log_2x)["charging_state_raw"]) == ("charging", "Charging")
    log_2x.event(4, "Updated", 2, info={"chargingState": "SuspendedEV"})
    assert (state(log_2x)["state"], state(log_2x)["since"]) == ("suspended_ev", ms(4))
    log_2x.event(5, "Ended", 3)
    assert state(log_2x)["state"] == "occupied"
    status_2x(log_2x, 6, "Available")
    assert state(log_2x)["state"] == "available"


def test_a_transaction_may_speak_before_the_status_does(log_2x: Log) -> None:
    status_2x(log_2x, 1, "Available")
    log_2x.event(2, "Started", 0, evse=1, info={"chargingState": "Charging"})
    assert state(log_2x)["state"] == "charging"


def test_a_fault_is_the_connectors_own_word(log_2x: Log) -> None:
    log_2x.event(2, "Started", 0, evse=1, info={"chargingState": "Charging"})
    status_2x(log_2x, 3, "Faulted")
    assert state(log_2x)["state"] == "faulted"


def test_events_that_say_nothing_new_publish_no_status(log_2x: Log) -> None:
    log_2x.event(2, "Started", 0, evse=1, info={"chargingState": "Charging"})
    before = len(log_2x.all("status"))
    for number in range(1, 5):
        log_2x.event(2 + number, "Updated", number, info={"chargingState": "Charging"})
    assert len(log_2x.all("status")) == before


def test_2_1_says_it_in_notify_event(log_2x: Log) -> None:
    notify(log_2x, 1, "Reserved")
    assert (state(log_2x)["state"], state(log_2x)["source_action"]) == ("reserved", "NotifyEvent")
    notify(log_2x, 2, "Warm", variable="Temperature")
    notify(log_2x, 2, "Faulted", component="EVSE")
    assert state(log_2x)["state"] == "reserved"


def test_a_2x_payload_on_a_1_6_connection_is_understood(log: Log) -> None:
    log.call(
        1, "StatusNotification", {"timestamp": ts(1), "connectorStatus": "Occupied", "evseId": 2, "connectorId": 1}
    )
    assert state(log, 2)["state"] == "occupied"


@pytest.mark.parametrize(
    "payload",
    [
        {"connectorId": -1, "status": "Available", "errorCode": "NoError"},
        {"status": "Available", "errorCode": "NoError"},
        {"connectorId": 1, "errorCode": "NoError"},
        {"connectorId": {}, "status": [], "errorCode": None},
        {},
    ],
)
def test_what_names_no_connector_or_no_state_changes_nothing(log: Log, payload: dict[str, Any]) -> None:
    log.call(1, "StatusNotification", payload)
    assert list(log.latest("status")) == ["default/CP1/0/0"]
    assert log.all("dlq") == []


def test_power_stands_with_the_connector_while_it_can_flow(log: Log) -> None:
    log.status(1, "Charging")
    log.meter(2, 1000, None, Power_Active_Import=6000)
    log.status(3, "SuspendedEVSE")
    assert state(log)["power_w"] == 6000
    log.meter(4, 1000, None, Power_Active_Import=0)
    log.status(5, "Finishing")
    assert "power_w" not in state(log)
    log.meter(6, 1000, None, Power_Active_Import=3)
    log.status(7, "Available")
    assert "power_w" not in state(log)


def test_a_connector_names_the_session_it_serves(log: Log) -> None:
    log.status(1, "Preparing")
    assert "session_id" not in state(log)
    log.start(2, 1000)
    assert state(log)["session_id"] == log.session()["session_id"]
    log.status(3, "Charging")
    assert state(log)["session_id"] == log.session()["session_id"]
    log.stop(90, 2000)
    assert "session_id" not in state(log)
    assert state(log)["state"] == "charging", "what its status said last"


def test_only_the_connector_of_its_evse_does(log: Log) -> None:
    log.status(1, "Preparing")
    log.status(1, "Preparing", connector=2)
    log.start(2, 1000, connector=2)
    assert "session_id" not in state(log, 1)
    assert "session_id" in state(log, 2)


# -- bounds


def test_free_text_is_cut_in_the_state_and_on_its_way_out(log: Log) -> None:
    long = "x" * 499_000
    log.status(1, "Faulted", "OtherError", info=long, vendorErrorCode=long, vendorId=long)
    found = state(log)
    assert {len(found[name]) for name in ("info", "vendor_error_code", "vendor_id")} == {500}
    log.status(2, long, long)
    assert (len(state(log)["status_raw"]), len(state(log)["error_code"])) == (500, 500)
    (alarm, *_) = log.all("alarms")
    assert len(alarm["detail"]) == len(alarm["code"]["vendor"]) == 500
    assert max(map(len, log.states.values())) < 10_000


def test_what_is_no_longer_than_that_is_whole(log: Log) -> None:
    log.status(1, "Faulted", "OtherError", info="x" * 500)
    assert state(log)["info"] == "x" * 500


def test_the_word_null_says_nothing(log: Log) -> None:
    log.status(1, "Faulted", "GroundFailure", info="null")
    assert "info" not in state(log)
    (alarm,) = log.all("alarms")
    assert "detail" not in alarm


def test_a_station_has_128_connectors_at_most(log: Log) -> None:
    for connector in range(200):
        log.status(connector, "Available", connector=connector)
    log.status(300, "Charging", connector=5)
    assert len(log.latest("status")) == 128
    assert state(log, 5)["state"] == "charging"


CHARGING = {"chargingState": "Charging"}


@pytest.mark.parametrize("ends", [True, False])
def test_a_late_event_of_a_transaction_that_is_over_changes_no_state(log_2x: Log, *, ends: bool) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1, info=CHARGING)
    if ends:
        log_2x.event(90, "Ended", 3, 2000)
    status_2x(log_2x, 100, "Available")
    log_2x.event(110, "Updated", 2, 1500, said=50, offline=True, info=CHARGING)
    assert state(log_2x)["state"] == "available"
    status_2x(log_2x, 120, "Occupied")
    assert state(log_2x)["state"] == "occupied"
    log_2x.event(130, "Started", 0, 2000, transaction="tx-2", evse=1, info=CHARGING)
    assert state(log_2x)["state"] == "charging"


def test_nor_does_one_that_is_late_within_its_transaction(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, evse=1, info=CHARGING)
    log_2x.event(90, "Updated", 3, info=CHARGING)
    log_2x.event(95, "Updated", 2, said=50, offline=True, info={"chargingState": "SuspendedEV"})
    assert state(log_2x)["state"] == "charging"


def test_a_late_end_does_not_end_the_next_transaction(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, evse=1, info=CHARGING)
    log_2x.event(90, "Started", 0, transaction="tx-2", evse=1, info={"chargingState": "SuspendedEV"})
    log_2x.event(95, "Ended", 3, said=50, offline=True)
    assert state(log_2x)["state"] == "suspended_ev"


def test_a_clock_that_was_ahead_silences_nothing(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, said=300, evse=1, info=CHARGING)
    log_2x.event(20, "Updated", 1, said=20, info={"chargingState": "SuspendedEV"})
    assert state(log_2x)["state"] == "suspended_ev"


@pytest.mark.parametrize("says", [status_2x, notify])
@pytest.mark.parametrize("status", ["Available", "Unavailable", "Faulted"])
def test_what_a_transaction_said_ends_with_a_status_that_rules_it_out(log_2x: Log, says: Any, status: str) -> None:
    log_2x.event(10, "Started", 0, evse=1, info=CHARGING)
    says(log_2x, 50, status)
    assert "charging_state_raw" not in state(log_2x)
    says(log_2x, 60, "Occupied")
    assert state(log_2x)["state"] == "occupied"
    log_2x.event(70, "Updated", 1, info=CHARGING)
    assert state(log_2x)["state"] == "charging"


def test_the_first_status_after_a_start_names_the_session(log: Log) -> None:
    log.start(2, 1000)
    log.status(3, "Charging")
    assert state(log)["session_id"] == log.session()["session_id"]


def test_of_an_evses_connectors_only_the_sessions_names_it(log_2x: Log) -> None:
    status_2x(log_2x, 1, "Occupied")
    status_2x(log_2x, 1, "Available", connector=2)
    log_2x.event(2, "Started", 0, 1000, evse=1, info=CHARGING)
    status_2x(log_2x, 3, "Available", connector=2)
    assert state(log_2x)["session_id"] == "default/CP1/tx-1"
    assert "session_id" not in state(log_2x, 1, 2)


def test_a_session_of_connector_0_leaves_the_stations_own_record_alone(log: Log) -> None:
    log.status(1, "Available", connector=0)
    log.start(2, 1000, connector=0)
    log.stop(90, 2000)
    assert state(log, 0, 0)["online"]


def test_a_buffered_reading_is_not_the_present_power(log: Log) -> None:
    log.status(1, "Charging")
    log.meter(3000, Power_Active_Import=7000)
    log.meter(4000, Power_Active_Import=7000)
    log.meter(4010, said=60, Power_Active_Import=100)
    log.meter(4020, said=3500, Power_Active_Import=200)
    log.status(4030, "SuspendedEV")
    assert state(log)["power_w"] == 7000
    log.meter(4040, Power_Active_Import=300)
    log.status(4050, "Charging")
    assert state(log)["power_w"] == 300
