"""Signed meter data: kept verbatim, with the session of its time."""

from typing import Any

import pytest

from list_log import Log, ts
from streams.states import Books, decode


def test_signed_data_is_kept_verbatim(log: Log) -> None:
    log.start(10, 1000)
    for at, context in ((10, "Transaction.Begin"), (130, "Transaction.End")):
        signed = {"value": f"OCMF|{at}", "format": "SignedData", "context": context}
        payload = {
            "connectorId": 1,
            "transactionId": 7,
            "meterValue": [{"timestamp": ts(at), "sampledValue": [signed]}],
        }
        log.call(at, "MeterValues", payload)
    log.stop(131, 1400)
    assert [(each["data"], each["context"], each["carrier"]) for each in log.session()["signed"]] == [
        ("OCMF|10", "Transaction.Begin", "value"),
        ("OCMF|130", "Transaction.End", "value"),
    ]


def test_both_ends_may_come_with_the_stop(log: Log) -> None:
    log.start(10, 1000)
    sampled = [{"value": name, "format": "SignedData", "context": f"Transaction.{name}"} for name in ("Begin", "End")]
    log.call(
        130,
        "StopTransaction",
        {
            "transactionId": 7,
            "meterStop": 1400,
            "timestamp": ts(130),
            "transactionData": [{"timestamp": ts(130), "sampledValue": sampled}],
        },
    )
    assert len(log.session()["signed"]) == 2
    assert log.session()["flags"] == []


def test_of_many_signed_readings_the_first_and_the_last_are_kept(log: Log) -> None:
    log.start(10, 1000)
    for at in range(20, 200, 10):
        signed = {"value": f"{at}", "format": "SignedData"}
        payload = {
            "connectorId": 1,
            "transactionId": 7,
            "meterValue": [{"timestamp": ts(at), "sampledValue": [signed]}],
        }
        log.call(at, "MeterValues", payload)
    log.stop(210, 1400)
    assert [each["data"] for each in log.session()["signed"]] == ["20", "30", "180", "190"]


def _signed(log: Log, at: float, transaction: int, context: str) -> None:
    sampled = [{"value": f"data of {at:g}", "format": "SignedData", "context": context}]
    payload = {"connectorId": 1, "transactionId": transaction, "meterValue": [_at(at, sampled)]}
    log.call(at, "MeterValues", payload)


def _at(at: float, sampled: list[dict[str, Any]]) -> dict[str, Any]:
    return {"timestamp": ts(at), "sampledValue": sampled}


@pytest.mark.parametrize("named", [7, 999])
def test_signed_data_counts_for_the_session_of_its_time_whatever_id_it_names(log: Log, named: int) -> None:
    for at in (0, 1000):
        log.start(at, 1000)
        _signed(log, at + 5, named, "Transaction.Begin")
        log.meter(at + 50, 1200, named)
        _signed(log, at + 95, named, "Transaction.End")
        log.stop(at + 100, 1400)
    first, second = log.sessions()
    assert [each["data"] for each in first["signed"]] == ["data of 5", "data of 95"]
    assert [each["data"] for each in second["signed"]] == ["data of 1005", "data of 1095"]
    assert first["flags"] == second["flags"] == []


def test_signed_data_goes_with_its_session(log: Log) -> None:
    for number in range(60):
        at = 100 * number
        log.start(at, 1000, number + 1)
        _signed(log, at + 5, 5000 + number, "Transaction.Begin")
        log.stop(at + 60, 1400, number + 1)
    book = decode(b"b/", log.states[b"b/default/CP1"])
    assert isinstance(book, Books)
    assert len(book.facts.signed) <= 17
