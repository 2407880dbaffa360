"""What a session's readings say of its current: through how many phases it flowed, and between when."""

from itertools import permutations
from typing import Any

import pytest

from list_log import Log, ms, ts


def read(log: Log, at: float, *sampled: dict[str, Any], wh: float | None = None) -> None:
    """A MeterValues of transaction 7 with these readings, and the register."""
    register = [] if wh is None else [{"value": str(wh)}]
    meter_value = [{"timestamp": ts(at), "sampledValue": [*register, *sampled]}]
    log.call(1000, "MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": meter_value})


def amperes(*values: float, **more: str) -> list[dict[str, Any]]:
    """A current for each phase."""
    said = {"measurand": "Current.Import", "unit": "A", **more}
    return [{**said, "phase": f"L{number}", "value": str(value)} for number, value in enumerate(values, 1)]


# -- phases


@pytest.mark.parametrize(
    ("values", "phases"), [((16.0, 16.0, 15.9), 3), ((16.0, 0.0, 0.0), 1), ((0.0, 8.0, 8.0), 2), ((0.0, 0.0, 0.0), 0)]
)
def test_the_phases_that_current_flows_through_are_counted(log: Log, values: tuple[float, ...], phases: int) -> None:
    log.start(10, 1000)
    read(log, 70, *amperes(*values), wh=1100)
    assert log.session()["phases"] == phases


def test_they_are_those_of_all_readings_in_any_order(new_log: type[Log]) -> None:
    for order in permutations([(70, amperes(6.0)), (130, amperes(0.0, 6.0)), (190, amperes(0.0, 0.0, 0.0))]):
        log = new_log()
        log.tick(0)
        log.connect(0)
        log.start(10, 1000)
        for at, sampled in (*order, order[0]):
            read(log, at, *sampled, wh=1100)
        log.stop(1001, 1100)
        assert log.session()["phases"] == 2


def test_power_of_a_phase_counts_and_voltage_does_not(log: Log) -> None:
    log.start(10, 1000)
    power = {"measurand": "Power.Active.Import", "phase": "L2-N", "unit": "kW", "value": "1.4"}
    voltage = {"measurand": "Voltage", "phase": "L1-N", "unit": "V", "value": "230"}
    read(log, 70, power, voltage, wh=1100)
    assert log.session()["phases"] == 1


def test_readings_of_one_time_may_come_apart(log: Log) -> None:
    log.start(10, 1000)
    read(log, 70, wh=1100)
    read(log, 70, *amperes(6.0, 6.0), wh=1100)
    log.stop(1001, 1100)
    assert log.session()["phases"] == 2


def test_where_no_phase_is_read_their_number_is_not_known(log: Log) -> None:
    log.start(10, 1000)
    read(log, 70, {"measurand": "Current.Import", "unit": "A", "value": "16"}, wh=1100)
    read(log, 130, *amperes(16.0, 16.0, location="Inlet"), wh=1100)
    log.stop(1001, 1100)
    assert "phases" not in log.session()


def test_phases_of_a_2x_session(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1)
    sampled = [{"value": 1100}, {"value": 16, "measurand": "Current.Import", "phase": "L1"}]
    log_2x.event(70, "Updated", 1, meterValue=[{"timestamp": ts(70), "sampledValue": sampled}])
    assert log_2x.session()["phases"] == 1


# -- when energy flowed


def flow(log: Log) -> tuple[str | None, str | None]:
    session = log.session()
    return session.get("energy_from"), session.get("energy_to")


def test_energy_flows_from_before_the_first_rise_to_the_last(log: Log) -> None:
    log.start(10, 1000)
    for minute, wh in enumerate((1000, 1100, 1200, 1200, 1200), 1):
        log.meter(10 + 60 * minute, wh)
    assert flow(log) == (ms(70), ms(190))
    log.stop(400, 1200)
    assert flow(log) == (ms(70), ms(190))


def test_the_registers_of_start_and_stop_count(log: Log) -> None:
    log.start(10, 1000)
    log.meter(70, 1100)
    log.stop(130, 1150)
    assert flow(log) == (ms(10), ms(130))


def test_without_a_rise_none_flowed(log: Log) -> None:
    log.start(10, 1000)
    assert flow(log) == (None, None)
    log.meter(70, 1000)
    log.stop(130, 1000)
    assert flow(log) == (None, None)


def test_readings_in_any_order_and_twice_tell_the_same(new_log: type[Log]) -> None:
    readings = [(70, 1000), (130, 1100), (1000, 1200), (1060, 1200)]
    for order in permutations(readings):
        log = new_log()
        log.tick(0)
        log.connect(0)
        log.start(10, 1000)
        for at, wh in (*order, order[-1]):
            log.meter(1100, wh, said=at)
        log.stop(1120, 1200)
        assert flow(log) == (ms(70), ms(1000))


def test_a_car_that_gives_energy_back_counts_too(log: Log) -> None:
    log.start(10, 1000)
    for at, wh in ((70, 500), (130, 700), (190, 900), (250, 900)):
        log.meter(at, None, Energy_Active_Export_Register=wh)
    assert flow(log) == (ms(70), ms(190))


def test_flow_of_a_2x_session(log_2x: Log) -> None:
    log_2x.event(10, "Started", 0, 1000, evse=1)
    log_2x.event(70, "Updated", 1, 1000)
    log_2x.event(130, "Updated", 2, 1300)
    log_2x.event(190, "Ended", 3, 1300)
    assert flow(log_2x) == (ms(70), ms(130))
