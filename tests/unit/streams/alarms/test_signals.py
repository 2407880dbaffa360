"""Alarms from messages: what raises them, what clears them, what does not."""

from typing import Any

import pytest

from list_log import Log, ms, ts

FAULT = "connector-fault/default/CP1/1/1"
MINUTE, DAY = 60, 24 * 3600


def latest(log: Log) -> dict[str, Any]:
    found: dict[str, Any] = log.all("alarms")[-1]
    return found


def faults(log: Log, *states: str) -> list[tuple[str, str, str]]:
    """The connectors' alarms, whatever the edge node's silence came to."""
    return [each for each in log.alarms(*states) if each[0].startswith("connector-fault")]


def passed(log: Log, at: float) -> None:
    """The clock goes on to a time: an outage, and the ticks after it."""
    log.tick(at)
    log.tick(at + 5)


def notify(log: Log, at: float, component: Any = "CableBreakAway", variable: Any = "Tripped", **more: Any) -> None:
    evse = {"id": 1, "connectorId": 1}
    event = {
        "eventId": 7,
        "timestamp": ts(at),
        "trigger": "Alerting",
        "actualValue": "true",
        "component": {"name": component, "evse": evse} if isinstance(component, str) else component,
        "variable": {"name": variable} if isinstance(variable, str) else variable,
        **more,
    }
    log.call(at, "NotifyEvent", {"generatedAt": ts(at), "seqNo": 0, "eventData": [event]}, proto="ocpp2.0.1")


# -- connector faults of 1.6


def test_a_fault_is_raised_and_cleared_by_the_next_status_without_one(log: Log) -> None:
    log.status(10, "Faulted", "ConnectorLockFailure", info="bolt")
    log.status(70, "Available")
    key = f"{FAULT}/ConnectorLockFailure"
    assert log.alarms() == [(key, "raised", ms(10)), (key, "cleared", ms(70))]
    raised, cleared = log.all("alarms")
    assert raised["alarm_id"] == cleared["alarm_id"] == f"{key}/{ms(10)}"
    assert (raised["severity"], raised["scope"], raised["kind"]) == ("major", "connector", "condition")
    assert (raised["code"], raised["detail"]) == ({"ocpp": "ConnectorLockFailure"}, "bolt")
    assert (raised["evse"], raised["connector"], raised["observer"]) == (1, 1, "log")
    assert cleared["clear_reason"] == "status Available"


@pytest.mark.parametrize(
    ("status", "error", "severity"),
    [
        ("Faulted", "EVCommunicationError", "major"),
        ("Charging", "WeakSignal", "warning"),
        ("Charging", "GroundFailure", "critical"),
        ("Faulted", "HighTemperature", "critical"),
        ("Faulted", "OverCurrentFailure", "critical"),
    ],
)
def test_severities(log: Log, status: str, error: str, severity: str) -> None:
    log.status(10, status, error)
    assert latest(log)["severity"] == severity


@pytest.mark.parametrize(
    ("error", "more", "cause"),
    [
        ("OtherError", {"vendorErrorCode": "E42"}, "E42"),
        ("OtherError", {"info": "C;420"}, "OtherError"),
        ("OtherError", {}, "OtherError"),
        ("NoError", {}, "Faulted"),
        ("NoError", {"vendorErrorCode": "0x0000"}, "Faulted"),
        ("NoError", {"vendorErrorCode": "CX014"}, "CX014"),
        ("InternalError", {"vendorErrorCode": "E42"}, "InternalError"),
        ("OtherError", {"vendorErrorCode": " E/42 "}, "E_42"),
        ("CurrentMax", {}, "CurrentMax"),
    ],
)
def test_causes(log: Log, error: str, more: dict[str, Any], cause: str) -> None:
    log.status(10, "Faulted", error, **more)
    assert log.alarms() == [(f"{FAULT}/{cause}", "raised", ms(10))]


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"vendorErrorCode": "0x0000"},
        {"vendorErrorCode": "", "info": ""},
        {"vendorErrorCode": "0", "info": "null"},
        {"vendorErrorCode": "NoError"},
    ],
)
def test_no_error_raises_nothing(log: Log, more: dict[str, Any]) -> None:
    log.status(10, "Charging", "NoError", **more)
    assert log.alarms() == []


@pytest.mark.parametrize("status", ["Faulted", "Charging"])
def test_a_status_names_the_one_fault_that_there_is(log: Log, status: str) -> None:
    log.status(10, "Faulted", "GroundFailure")
    log.status(20, status, "WeakSignal")
    log.status(70, "Available")
    assert faults(log) == [
        (f"{FAULT}/GroundFailure", "raised", ms(10)),
        (f"{FAULT}/GroundFailure", "cleared", ms(20)),
        (f"{FAULT}/WeakSignal", "raised", ms(20)),
        (f"{FAULT}/WeakSignal", "cleared", ms(70)),
    ]
    assert [each["clear_reason"] for each in log.all("alarms") if each["state"] == "cleared"] == [
        "now WeakSignal",
        "status Available",
    ]


def test_the_same_fault_with_another_status_goes_on(log: Log) -> None:
    log.status(10, "Faulted", "GroundFailure")
    log.status(20, "Charging", "GroundFailure", info="still")
    assert [(state, at) for _, state, at in faults(log)] == [("raised", ms(10)), ("updated", ms(10))]


@pytest.mark.parametrize(
    "payload",
    [
        {"connectorId": 1},
        {"connectorId": 1, "errorCode": "NoError"},
        {"connectorId": 1, "errorCode": "HighTemperature", "status": None},
        {"connectorId": -1, "errorCode": "HighTemperature", "status": "Faulted"},
        {"errorCode": "NoError", "status": "Available"},
    ],
)
def test_a_frame_without_a_status_says_nothing(log: Log, payload: dict[str, Any]) -> None:
    log.status(10, "Faulted", "GroundFailure")
    log.call(20, "StatusNotification", payload)
    assert faults(log) == [(f"{FAULT}/GroundFailure", "raised", ms(10))]


def test_one_without_an_error_code_says_that_there_is_none(log: Log) -> None:
    log.status(10, "Faulted", "GroundFailure")
    log.call(20, "StatusNotification", {"connectorId": 1, "status": "Available", "timestamp": ts(20)})
    assert faults(log, "cleared") == [(f"{FAULT}/GroundFailure", "cleared", ms(20))]


def test_another_connectors_status_ends_nothing(log: Log) -> None:
    log.status(10, "Faulted", "GroundFailure")
    log.status(20, "Available", connector=2)
    log.status(30, "Available", connector=0)
    assert log.alarms("cleared") == []


def test_the_station_itself_is_evse_0(log: Log) -> None:
    log.status(10, "Faulted", "OtherError", connector=0, vendorErrorCode="210")
    assert log.alarms() == [("connector-fault/default/CP1/0/0/210", "raised", ms(10))]


def test_repeats_are_counted_and_told_once_a_minute(log: Log) -> None:
    for second in range(0, 150, 10):
        log.tick(second)
        log.status(second, "Faulted", "GroundFailure")
    assert [each["state"] for each in log.all("alarms")] == ["raised", "updated", "updated"]
    log.status(160, "Available")
    cleared = latest(log)
    assert (cleared["count"], cleared["raised_at"], cleared["last_seen_at"]) == (15, ms(0), ms(140))


def test_a_change_is_told_at_once(log: Log) -> None:
    log.status(10, "Charging", "WeakSignal")
    log.status(20, "Faulted", "WeakSignal")
    assert (latest(log)["state"], latest(log)["severity"]) == ("updated", "major")


def test_an_alarm_that_comes_back_is_another_episode(log: Log) -> None:
    for at in (0, 100):
        log.status(at + 10, "Faulted", "GroundFailure")
        log.status(at + 60, "Available")
    assert [each["alarm_id"] for each in log.all("alarms") if each["state"] == "raised"] == [
        f"{FAULT}/GroundFailure/{ms(10)}",
        f"{FAULT}/GroundFailure/{ms(110)}",
    ]


def test_it_is_stamped_with_the_stations_time(log: Log) -> None:
    log.call(
        500,
        "StatusNotification",
        {"connectorId": 1, "errorCode": "GroundFailure", "status": "Faulted", "timestamp": ts(-100)},
    )
    raised = latest(log)
    assert (raised["raised_at"], raised["detected_at"]) == (ms(-100), ms(500))


def test_an_alarm_never_ends_before_it_began(log: Log) -> None:
    log.status(100, "Faulted", "GroundFailure")
    log.call(
        110,
        "StatusNotification",
        {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": ts(50)},
    )
    assert latest(log)["cleared_at"] == ms(100)


def test_an_open_alarm_is_published_again_every_seven_days(log: Log) -> None:
    log.status(0, "Faulted", "GroundFailure")
    passed(log, 7 * DAY - 10)
    assert [each["state"] for each in log.all("alarms") if each["rule"] == "connector-fault"] == ["raised"]
    passed(log, 7 * DAY + 10)
    again = [each for each in log.all("alarms") if each["rule"] == "connector-fault"][-1]
    assert (again["state"], again["raised_at"], again["count"]) == ("updated", ms(0), 1)


def test_it_names_the_session_in_which_it_was_raised(log: Log) -> None:
    log.start(1, 1000)
    log.status(2, "Faulted", "GroundFailure")
    log.status(3, "Faulted", "GroundFailure", connector=2)
    log.stop(4, 1001)
    log.status(5, "Available")
    of_1 = [each for each in log.all("alarms") if each["connector"] == 1 and each["evse"] == 1]
    assert [(each["state"], each["session_id"]) for each in of_1] == [
        ("raised", log.session()["session_id"]),
        ("cleared", log.session()["session_id"]),
    ]
    assert [each.get("session_id") for each in log.all("alarms") if each["evse"] == 2] == [None]


def test_one_outside_of_sessions_names_none(log: Log) -> None:
    log.start(1, 1000)
    log.stop(4, 1001)
    log.status(5, "Faulted", "GroundFailure")
    log.start(6, 1001, 8)
    log.status(70, "Faulted", "GroundFailure")
    assert [each.get("session_id") for each in log.all("alarms") if each["rule"] == "connector-fault"] == [None, None]


# -- monitored variables of 2.x


def test_a_monitored_variable_is_raised_and_cleared(log_2x: Log) -> None:
    notify(log_2x, 10, techCode="42", techInfo="cable torn")
    notify(log_2x, 70, cleared=True)
    key = f"{FAULT}/CableBreakAway.Tripped"
    assert log_2x.alarms() == [(key, "raised", ms(10)), (key, "cleared", ms(70))]
    raised = log_2x.all("alarms")[0]
    assert (raised["component"], raised["variable"]) == ("CableBreakAway", "Tripped")
    assert (raised["code"], raised["detail"], raised["severity"]) == ({"vendor": "42"}, "cable torn", "major")


def test_a_boolean_that_turns_false_clears_too(log_2x: Log) -> None:
    notify(log_2x, 10, "Connector", "Problem", trigger="Delta")
    notify(log_2x, 70, "Connector", "Problem", trigger="Delta", actualValue="false")
    assert [state for _, state, _ in log_2x.alarms()] == ["raised", "cleared"]


def test_what_was_never_raised_is_not_cleared(log_2x: Log) -> None:
    notify(log_2x, 10, cleared=True)
    assert log_2x.alarms() == []


@pytest.mark.parametrize(
    ("severity", "expected"),
    [(0, "critical"), (3, "critical"), (4, "major"), (5, "major"), (6, "warning"), (7, "info"), (9, "info")],
)
def test_2_1_has_a_severity(log_2x: Log, severity: int, expected: str) -> None:
    notify(log_2x, 10, severity=severity)
    assert latest(log_2x)["severity"] == expected


@pytest.mark.parametrize("severity", [None, 12, "x"])
def test_without_one_the_rules_holds(log_2x: Log, severity: object) -> None:
    notify(log_2x, 10, severity=severity)
    assert latest(log_2x)["severity"] == "major"


def test_two_monitors_of_one_variable_are_two_alarms(log_2x: Log) -> None:
    notify(log_2x, 10, variableMonitoringId=1)
    notify(log_2x, 20, variableMonitoringId=2)
    notify(log_2x, 30, variableMonitoringId=1, cleared=True)
    key = f"{FAULT}/CableBreakAway.Tripped"
    assert faults(log_2x) == [
        (f"{key}#1", "raised", ms(10)),
        (f"{key}#2", "raised", ms(20)),
        (f"{key}#1", "cleared", ms(30)),
    ]


def test_an_end_that_names_no_monitor_is_the_end_for_all_of_them(log_2x: Log) -> None:
    notify(log_2x, 10, variableMonitoringId=1)
    notify(log_2x, 20)
    notify(log_2x, 25, "Connector", "Problem")
    notify(log_2x, 30, trigger="Delta", actualValue="false")
    key = f"{FAULT}/CableBreakAway.Tripped"
    assert faults(log_2x, "cleared") == [(f"{key}#1", "cleared", ms(30)), (key, "cleared", ms(30))]


def test_instances_are_told_apart(log_2x: Log) -> None:
    evse = {"id": 1, "connectorId": 1}
    for at, cleared in ((10, False), (70, True)):
        for instance in ("A", "B")[: 1 if cleared else 2]:
            component = {"name": "TemperatureSensor", "instance": instance, "evse": evse}
            variable = {"name": "Active", "instance": "Inlet"}
            notify(log_2x, at, component, variable, cleared=cleared)
    assert [(key, state) for key, state, _ in faults(log_2x)] == [
        (f"{FAULT}/TemperatureSensor[A].Active[Inlet]", "raised"),
        (f"{FAULT}/TemperatureSensor[B].Active[Inlet]", "raised"),
        (f"{FAULT}/TemperatureSensor[A].Active[Inlet]", "cleared"),
    ]


def test_what_begins_and_ends_in_one_message_is_over(log_2x: Log) -> None:
    event = {
        "eventId": 7,
        "timestamp": ts(10),
        "trigger": "Alerting",
        "actualValue": "true",
        "component": {"name": "Connector", "evse": {"id": 1, "connectorId": 1}},
        "variable": {"name": "Problem"},
    }
    over = event | {"timestamp": ts(12), "cleared": True}
    log_2x.call(15, "NotifyEvent", {"generatedAt": ts(15), "eventData": [event, over]}, proto="ocpp2.1")
    assert latest(log_2x)["state"] == "cleared"


@pytest.mark.parametrize(
    ("component", "variable"),
    [("Connector", "Problem"), ("RCD", "Tripped"), ("EVSE", "Overload"), ("EmergencyStopSensor", "Active")],
)
def test_a_change_of_a_fault_variable_is_an_alert(log_2x: Log, component: str, variable: str) -> None:
    notify(log_2x, 10, component, variable, trigger="Delta")
    notify(log_2x, 70, component, variable, trigger="Delta", actualValue="False")
    assert [state for _, state, _ in faults(log_2x)] == ["raised", "cleared"]


@pytest.mark.parametrize(
    ("component", "variable", "value"),
    [("ConnectedEV", "ProtocolAgreed", "urn:iso:15118:2:2013:MsgDef,2,0"), ("Heater", "Active", "true")],
)
def test_a_change_of_any_other_is_a_report(log_2x: Log, component: str, variable: str, value: str) -> None:
    notify(log_2x, 10, component, variable, trigger="Delta", actualValue=value)
    assert faults(log_2x) == []
    notify(log_2x, 20, component, variable, actualValue=value)  # unless its monitor alerts
    assert [state for _, state, _ in faults(log_2x)] == ["raised"]


def availability(log: Log, at: float, value: str, component: str = "Connector") -> None:
    notify(log, at, component, "AvailabilityState", trigger="Delta", actualValue=value)


def status_2x(log: Log, at: float, status: str) -> None:
    payload = {"timestamp": ts(at), "evseId": 1, "connectorId": 1, "connectorStatus": status}
    log.call(at, "StatusNotification", payload, proto="ocpp2.0.1")


def test_a_connectors_availability_is_its_status(log_2x: Log) -> None:
    availability(log_2x, 10, "Faulted")
    status_2x(log_2x, 20, "Available")
    status_2x(log_2x, 30, "Faulted")
    availability(log_2x, 40, "Available")
    assert faults(log_2x) == [
        (f"{FAULT}/Faulted", "raised", ms(10)),
        (f"{FAULT}/Faulted", "cleared", ms(20)),
        (f"{FAULT}/Faulted", "raised", ms(30)),
        (f"{FAULT}/Faulted", "cleared", ms(40)),
    ]
    assert log_2x.all("alarms")[0]["severity"] == "major"


def test_another_components_availability_is_not(log_2x: Log) -> None:
    status_2x(log_2x, 10, "Faulted")
    availability(log_2x, 20, "Available", "EVSE")
    availability(log_2x, 30, "Faulted", "EVSE")
    assert faults(log_2x) == [(f"{FAULT}/Faulted", "raised", ms(10))]


@pytest.mark.parametrize(
    "more",
    [{"trigger": "Periodic"}, {"variable": {"name": "AvailabilityState"}}, {"component": {}}, {"variable": None}],
)
def test_reports_and_states_raise_nothing(log_2x: Log, more: dict[str, Any]) -> None:
    notify(log_2x, 10, **more)
    assert log_2x.alarms() == []


def test_a_component_of_the_station_is_evse_0(log_2x: Log) -> None:
    event = {
        "eventId": 1,
        "timestamp": ts(10),
        "trigger": "Alerting",
        "actualValue": "true",
        "component": {"name": "FiscalMetering"},
        "variable": {"name": "Problem"},
    }
    log_2x.call(10, "NotifyEvent", {"generatedAt": ts(10), "seqNo": 0, "eventData": [event]}, proto="ocpp2.0.1")
    assert log_2x.alarms() == [("connector-fault/default/CP1/0/0/FiscalMetering.Problem", "raised", ms(10))]


def test_a_status_does_not_end_what_a_monitor_raised_nor_the_reverse(log_2x: Log) -> None:
    notify(log_2x, 10)
    payload = {"timestamp": ts(20), "evseId": 1, "connectorId": 1}
    log_2x.call(20, "StatusNotification", payload | {"connectorStatus": "Faulted"}, proto="ocpp2.0.1")
    log_2x.call(30, "StatusNotification", payload | {"connectorStatus": "Available"}, proto="ocpp2.0.1")
    notify(log_2x, 40, cleared=True)
    assert log_2x.alarms("cleared") == [
        (f"{FAULT}/Faulted", "cleared", ms(20)),
        (f"{FAULT}/CableBreakAway.Tripped", "cleared", ms(40)),
    ]


# -- occurrences


def test_a_security_event_is_raised_and_expires_after_a_day(log: Log) -> None:
    log.call(10, "SecurityEventNotification", {"type": "TamperDetectionActivated", "timestamp": ts(10)})
    key = "security-event/default/CP1/TamperDetectionActivated"
    assert latest(log)["severity"] == "critical"
    passed(log, DAY + 5)
    passed(log, DAY + 30)
    found = [each for each in log.alarms() if each[0] == key]
    assert found == [(key, "raised", ms(10)), (key, "expired", ms(DAY + 10))]
    assert latest(log)["updated_at"] == ms(DAY + 10)


def test_one_that_is_seen_again_expires_later(log: Log) -> None:
    for at in (10, 600):
        log.call(at, "SecurityEventNotification", {"type": "InvalidMessages", "timestamp": ts(at)})
    passed(log, DAY + 100)
    assert [state for _, state, _ in log.alarms() if state == "expired"] == []
    passed(log, DAY + 700)
    assert log.alarms("expired")[-1][2] == ms(DAY + 600)


@pytest.mark.parametrize("kind", ["StartupOfTheDevice", "ResetOrReboot"])
def test_backlogs_of_old_boots_raise_nothing(log: Log, kind: str) -> None:
    for at in range(-20, 0):
        log.call(10, "SecurityEventNotification", {"type": kind, "timestamp": ts(at * DAY)})
    assert log.alarms() == []


@pytest.mark.parametrize(
    ("kind", "severity"),
    [
        ("SecurityLogWasCleared", "major"),
        ("MemoryExhaustion", "major"),
        ("SettingSystemTime", "warning"),
        ("InvalidFirmwareSignature", "major"),
        ("AttemptedReplayAttacks", "critical"),
        ("SomethingOfTheVendors", "info"),
    ],
)
def test_severities_of_security_events(log: Log, kind: str, severity: str) -> None:
    log.call(10, "SecurityEventNotification", {"type": kind, "timestamp": ts(10)})
    assert latest(log)["severity"] == severity


def test_an_oversized_frame(log: Log) -> None:
    log.station(10, "rejected", conn="C1", reason="oversized-frame", size=700_000, action="StopTransaction", dir="in")
    assert log.alarms() == [("oversized-frame/default/CP1", "raised", ms(10))]
    assert (latest(log)["value"], latest(log)["unit"], latest(log)["detail"]) == (700_000, "byte", "StopTransaction")
    passed(log, 3700)
    assert ("oversized-frame/default/CP1", "expired", ms(3610)) in log.alarms()


def test_other_rejects_are_none(log: Log) -> None:
    log.station(10, "rejected", conn="C1", reason="refused", size=7, dir="in")
    assert log.alarms() == []


# -- boots


def boot(log: Log, at: float, status: str = "Accepted", **payload: str) -> None:
    log.call(at, "BootNotification", {"chargePointModel": "M", "chargePointVendor": "V", **payload})
    log.reply(at, "BootNotification", {"status": status, "currentTime": ts(at), "interval": 300})


def test_four_boots_within_ten_minutes_are_a_loop(log: Log) -> None:
    for at in (0, 100, 200):
        boot(log, at)
    assert log.alarms() == []
    boot(log, 300)
    assert log.alarms() == [("boot-loop/default/CP1", "raised", ms(300))]
    assert (latest(log)["value"], latest(log)["threshold"]) == (4, 4)
    passed(log, 3000)
    assert not [each for each in log.alarms("expired") if each[0] == "boot-loop/default/CP1"]
    passed(log, 3950)
    assert ("boot-loop/default/CP1", "expired", ms(3900)) in log.alarms()


def test_boots_over_a_longer_time_are_none(log: Log) -> None:
    for at in range(0, 3000, 250):
        boot(log, at)
    assert log.alarms() == []


def test_boots_that_we_triggered_do_not_count(log: Log) -> None:
    for at in range(0, 300, 30):
        boot(log, at, reason="Triggered")
    assert log.alarms() == []


@pytest.mark.parametrize("status", ["Pending", "Rejected"])
def test_retries_of_a_station_that_is_not_accepted_do_not_count(log: Log, status: str) -> None:
    for at in range(0, 300, 30):
        boot(log, at, status)
    assert log.alarms() == []


@pytest.mark.parametrize("action", ["Reset", "UpdateFirmware", "SignedUpdateFirmware"])
def test_nor_does_the_boot_that_follows_our_command(log: Log, action: str) -> None:
    for at in range(0, 400, 50):
        log.station(at, "frame", conn="C1", dir="out", type="CALL", action=action)
        boot(log, at + 10)
    assert log.alarms() == []


def test_the_command_excuses_one_boot(log: Log) -> None:
    log.station(0, "frame", conn="C1", dir="out", type="CALL", action="Reset")
    for at in (10, 100, 200, 300):
        boot(log, at)
    assert log.alarms() == []
    boot(log, 400)
    assert log.alarms() == [("boot-loop/default/CP1", "raised", ms(400))]
