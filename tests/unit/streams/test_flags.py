"""Each flag of a derived record: one history that sets it, one that does not."""

from collections.abc import Callable

import pytest

from contracts.flags import FLAGS, NOT_ACCEPTED
from contracts.quirks import PREFIX
from list_log import Log, ts

DAY = 24 * 3600
History = Callable[[Log], None]


def plain(log: Log) -> None:
    """A session with nothing to remark."""
    log.start(0, 1000)
    for minute in range(1, 10):
        log.meter(60 * minute, 1000 + 10 * minute)
    log.stop(600, 1100)


def zero_begin(log: Log) -> None:
    log.start(0, 0)
    log.meter(60, 910_000)
    log.stop(600, 910_083)


def missing_start(log: Log) -> None:
    log.meter(60, 1000, transaction=4711)


def missing_stop(log: Log) -> None:
    log.start(0, 1000)
    log.start(600, 1100, transaction=8)


def reset(log: Log) -> None:
    log.start(0, 1000)
    log.meter(60, 1100)
    log.meter(120, 20)
    log.stop(600, 50)


def rollover(log: Log) -> None:
    log.start(0, 99_900)
    log.meter(60, 99_990)
    log.meter(120, 15)
    log.stop(600, 50)


def phase_sum(log: Log) -> None:
    log.start(0, 1000)
    phases = [{"value": "500", "phase": phase} for phase in ("L1", "L2", "L3")]
    meter_value = [{"timestamp": ts(60), "sampledValue": phases}]
    log.call(60, "MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": meter_value})


def interpolated(log: Log) -> None:
    log.start(0, 1000)
    log.meter(600, 1100)
    log.meter(1200, 1300)


def late(log: Log) -> None:
    log.start(0, 0)
    for quarter in range(100):
        log.meter(900 * quarter + 60, quarter)
    log.meter(2 * DAY, 5, said=30)


def conflict(log: Log) -> None:
    log.start(0, 1000)
    log.meter(60, 1100)
    log.meter(130, 1101, said=60)


def clock_suspect(log: Log) -> None:
    log.start(0, 1000, said="1970-01-01T00:00:00Z")


def signed_incomplete(log: Log) -> None:
    log.start(0, 1000)
    signed = {"value": "OCMF", "format": "SignedData", "context": "Transaction.Begin"}
    meter_value = [{"timestamp": ts(1), "sampledValue": [signed]}]
    log.call(1, "MeterValues", {"connectorId": 1, "transactionId": 7, "meterValue": meter_value})
    log.stop(600, 1100)


def backward(log: Log) -> None:
    log.start(0, 1000)
    log.stop(600, 999)


def zombie(log: Log) -> None:
    log.start(0, 1000)
    log.tick(DAY + 60)
    log.tick(DAY + 65)


def offline(log: Log) -> None:
    log.start(0, 1000, said=-600)


def outlier(log: Log) -> None:
    log.start(0, 1000)
    for minute, wh in enumerate((1010, 1020, 0, 1040), start=1):
        log.meter(60 * minute, wh)
    log.stop(600, 1050)


SETTING: dict[str, History] = {
    "zero-begin": zero_begin,
    "missing-start": missing_start,
    "missing-stop": missing_stop,
    "reset": reset,
    "rollover": rollover,
    "phase-sum": phase_sum,
    "interpolated": interpolated,
    "late": late,
    "conflict": conflict,
    "clock-suspect": clock_suspect,
    "signed-incomplete": signed_incomplete,
    "backward": backward,
    "zombie": zombie,
    "offline": offline,
    "outlier": outlier,
}
ELSEWHERE = {NOT_ACCEPTED}  # the edge sets it, in the envelope


def flags(log: Log) -> set[str]:
    """All flags of all records that stand."""
    records = [*log.latest("sessions").values(), *log.latest("energy").values(), *log.all("samples")]
    return {flag for each in records for flag in each["flags"]}


@pytest.mark.parametrize("flag", SETTING)
def test_it_is_set(log: Log, flag: str) -> None:
    SETTING[flag](log)
    assert flag in flags(log)


@pytest.mark.parametrize("flag", SETTING)
def test_it_is_not_set(log: Log, flag: str) -> None:
    plain(log)
    assert flag not in flags(log)


@pytest.mark.parametrize("flag", sorted(SETTING.keys() - {"interpolated"}))
def test_a_session_says_it(log: Log, flag: str) -> None:
    SETTING[flag](log)
    assert flag in log.sessions()[0]["flags"]


def test_the_list_is_closed() -> None:
    assert SETTING.keys() | ELSEWHERE == FLAGS.keys()


@pytest.mark.parametrize("flag", SETTING)
def test_nothing_else_is_set(log: Log, flag: str) -> None:
    SETTING[flag](log)
    assert {each for each in flags(log) if not each.startswith(PREFIX)} <= FLAGS.keys()


def test_flags_are_sorted_and_distinct(log: Log) -> None:
    zero_begin(log)
    conflict(log)
    for record in (*log.all("sessions"), *log.all("energy"), *log.all("samples")):
        assert record["flags"] == sorted(set(record["flags"]))
