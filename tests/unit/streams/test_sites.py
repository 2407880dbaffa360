"""Where what is derived of a station belongs: the site that its edge says, and the first one for what began there."""

import pytest

from list_log import Log


@pytest.fixture
def log() -> Log:
    """Seven minutes at two sites: a session and a fault begin at `north`, then the station connects at `south`."""
    log = Log()
    log.tick(0)
    log.connect(0, "C1", site="north", time_zone="Europe/Oslo")
    log.call(5, "StatusNotification", {"connectorId": 2, "errorCode": "GroundFailure", "status": "Faulted"}, "C1")
    log.start(10, 1000)
    log.meter(70, 1100)
    log.disconnect(200, "C1")
    log.connect(240, "C2", site="south", time_zone="Europe/Rome")
    log.meter(300, 1200, conn="C2")
    log.stop(360, 1300, conn="C2")
    log.call(400, "StatusNotification", {"connectorId": 2, "errorCode": "NoError", "status": "Available"}, "C2")
    return log


def test_a_session_its_energy_and_an_alarm_stay_where_they_began(log: Log) -> None:
    log.start(1000, 1300, 8, conn="C2")
    log.meter(1060, 1400, 8, conn="C2")
    assert {each["site"] for each in log.all("sessions") if each["transaction_id"] == "7"} == {"north"}
    assert {each["site"] for each in log.all("sessions") if each["transaction_id"] == "8"} == {"south"}
    assert {start: each["site"] for start, each in log.quarters().items()} == {"10:00": "north", "10:15": "south"}
    assert {each["site"] for each in log.all("energy") if each["start"][11:16] == "10:00"} == {"north"}
    fault = [each for each in log.all("alarms") if each["rule"] == "connector-fault"]
    assert [(each["state"], each["site"]) for each in fault] == [("raised", "north"), ("cleared", "north")]


def test_status_and_samples_are_where_the_station_is(log: Log) -> None:
    statuses = [each for each in log.all("status") if "online" in each]
    assert [(each["site"], each["time_zone"]) for each in (statuses[0], statuses[-1])] == [
        ("north", "Europe/Oslo"),
        ("south", "Europe/Rome"),
    ]
    assert [each["site"] for each in log.all("samples")] == ["north", "south"]


def test_sites_outlive_a_restart(log: Log) -> None:
    log.restart()
    log.meter(450, 1310, conn="C2")
    assert log.quarters()["10:00"]["site"] == "north"
