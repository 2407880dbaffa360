"""The readers that bear with chargers. (What sets each quirk's flag, and what does not: edge/test_quirk_flags.py.)"""

import pytest

from contracts import quirks
from contracts.quirks import Violation, as_list, excuse, modern_names, number, timestamp, timestamp_quirk
from contracts.versions import Version


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("1.5", 1.5),
        (" 0.0", 0.0),
        ("7 \n", 7.0),
        ("-3", -3.0),
        ("+.5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        (12, 12.0),
        (12.5, 12.5),
        (0, 0.0),
    ],
)
def test_numbers(value: object, read: float) -> None:
    assert number(value) == read


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "nan", "NaN", "inf", "-Infinity", "1e999", "9" * 400, 10**400, "0x10", "1_000", "1,5", "1 2", "12 kWh",
        "\u0661", float("nan"), float("inf"), True, False, None, [], {}, [1],
    ],
)  # fmt: skip
def test_what_is_no_number(value: object) -> None:
    assert number(value) is None


def test_lists() -> None:
    assert as_list([1, 2]) == [1, 2]
    assert as_list({"a": 1}) == [{"a": 1}]
    assert as_list(None) == as_list("x") == as_list(5) == []


def test_timestamps() -> None:
    assert timestamp("1970-01-01T01:00:00+01") == 0
    assert timestamp("1970-01-01T00:00:01") == 1_000_000
    assert timestamp("yesterday") is None
    assert timestamp(17) is None


@pytest.mark.parametrize(
    ("text", "quirk"),
    [
        ("2025-01-01T00:00:00Z", None),
        ("2025-01-01T00:00:00.123456+00:00", None),
        ("2025-01-01t00:00:00z", None),
        ("1970-01-01T00:00:00Z", None),
        ("2025-01-01T00:00:00", quirks.TIMESTAMP_NO_ZONE),
        ("2025-01-01T00:00:00+02", quirks.TIMESTAMP_FORMAT),
        ("2025-01-01 00:00:00Z", quirks.TIMESTAMP_FORMAT),
        ("2025-01-01T00:00Z", quirks.TIMESTAMP_FORMAT),
        ("", quirks.TIMESTAMP_UNREADABLE),
        ("now", quirks.TIMESTAMP_UNREADABLE),
    ],
)
def test_the_quirks_of_times(text: str, quirk: str | None) -> None:
    assert timestamp_quirk(text) == quirk


def test_names_of_the_draft_are_made_modern() -> None:
    old = {"transactionData": {"id": "t", "chargingState": "EVDetected"}, "seqNo": 1}
    new = {"transactionInfo": {"transactionId": "t", "chargingState": "EVConnected"}, "seqNo": 1}
    assert modern_names("TransactionEvent", old) == new
    assert modern_names("TransactionEvent", new) is new
    assert modern_names("MeterValues", old) is old
    assert modern_names("TransactionEvent", {"transactionInfo": None}) == {"transactionInfo": None}
    assert old["seqNo"] == 1
    assert "transactionData" in old  # the payload itself is left alone


def test_every_excuse_is_for_a_quirk_of_the_table() -> None:
    assert {entry.quirk for entry in quirks.EXCUSES} <= set(quirks.QUIRKS)


def test_what_is_on_no_list_is_not_excused() -> None:
    for violation in (
        Violation("type", "/connectorId", "1", "integer"),
        Violation("enum", "/status", "Bogus"),
        Violation("required", "/connectorId", None),
        Violation("minItems", "/eventData", None),
        Violation("type", "/meterValue/0/sampledValue/0/value", None, "string"),
        Violation("type", "/meterValue/0/sampledValue/0/value", True, "string"),
        Violation("type", "/meterValue", "x", "array"),
        Violation("minimum", "/evseId", -1),
    ):
        assert excuse(Version.V16, "MeterValues", violation) is None
        assert excuse(Version.V201, "MeterValues", violation) is None
