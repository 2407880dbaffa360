"""Each quirk: a frame that sets its flag and is valid all the same, and a neighbour that does not."""

import json

import pytest

from contracts import envelope, quirks
from contracts.envelope import Envelope
from contracts.versions import Version
from edge.core import Identity, Policy, StationCore

T = "2026-01-02T03:04:05Z"
NOW_US = 1_767_323_045_000_000
V16, V201, V21 = Version.V16, Version.V201, Version.V21


def record(version: Version, action: str, payload: object, identifier: object = "1") -> Envelope:
    core = StationCore(
        identity=Identity("default", "CP1", "default"), node="n", epoch=1, conn="C", version=version, policy=Policy()
    )
    step = core.received(json.dumps([2, identifier, action, payload]).encode(), NOW_US)
    assert step.reply is not None
    return envelope.decode(step.records[0])


def meter(value: object = "1", time: object = T, **reading: object) -> dict[str, object]:
    return {"connectorId": 1, "meterValue": [{"timestamp": time, "sampledValue": [{"value": value, **reading}]}]}


def meter_2x(value: object = 1, **reading: object) -> dict[str, object]:
    return {"evseId": 1, "meterValue": [{"timestamp": T, "sampledValue": [{"value": value, **reading}]}]}


def event(**changes: object) -> dict[str, object]:
    return {
        "eventType": "Updated",
        "timestamp": T,
        "triggerReason": "MeterValuePeriodic",
        "seqNo": 1,
        "transactionInfo": {"transactionId": "t"},
    } | changes


def without(payload: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in payload.items() if name not in names}


STATUS = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
BOOT = {"chargePointVendor": "V", "chargePointModel": "M"}
START = {"connectorId": 1, "idTag": "T", "meterStart": 0, "timestamp": T}
READING = "/meterValue/0/sampledValue/0"

# quirk -> frames that set it, with the pointer; frames that do not
SETS: list[tuple[str, Version, str, object, str]] = [
    (quirks.LONG_STRING, V16, "BootNotification", BOOT | {"meterType": "S" * 34}, "/meterType"),
    (quirks.LONG_STRING, V201, "NotifyEvent", {"generatedAt": T, "seqNo": 0, "eventData": [{
        "eventId": 1, "timestamp": T, "trigger": "Delta", "actualValue": "x" * 3000,
        "eventNotificationType": "HardWiredMonitor", "component": {"name": "C" * 60}, "variable": {"name": "V"},
    }]}, "/eventData/0/component/name"),
    (quirks.EXTRA_PROPERTY, V16, "Heartbeat", {"uptime": 5}, "/uptime"),
    (quirks.EXTRA_PROPERTY, V16, "Heartbeat", {"a/b~c": 5}, "/a~1b~0c"),
    (quirks.EXTRA_PROPERTY, V21, "MeterValues", meter_2x(quality="good"), f"{READING}/quality"),
    (quirks.UNKNOWN_ENUM, V16, "MeterValues", meter(unit="Hz"), f"{READING}/unit"),
    (quirks.UNKNOWN_ENUM, V16, "MeterValues", meter(measurand="CurrentMax"), f"{READING}/measurand"),
    (quirks.UNKNOWN_ENUM, V16, "MeterValues", meter(context="CurrentMax"), f"{READING}/context"),
    (quirks.UNKNOWN_ENUM, V16, "StopTransaction", {
        "transactionId": 1, "timestamp": T, "meterStop": 1,
        "transactionData": [{"timestamp": T, "sampledValue": [{"value": "1", "location": "Socket"}]}],
    }, "/transactionData/0/sampledValue/0/location"),
    (quirks.UNKNOWN_ENUM, V201, "TransactionEvent", event(
        meterValue=[{"timestamp": T, "sampledValue": [{"value": 1, "phase": "N-PE"}]}]), f"{READING}/phase"),
    (quirks.UNKNOWN_ERROR_CODE, V16, "StatusNotification", STATUS | {"errorCode": "Error"}, "/errorCode"),
    (quirks.NUMERIC_VALUE, V16, "MeterValues", meter(1000), f"{READING}/value"),
    (quirks.NUMERIC_VALUE, V16, "MeterValues", meter(0.5), f"{READING}/value"),
    (quirks.TEXT_VALUE, V201, "MeterValues", meter_2x(" 12.5"), f"{READING}/value"),
    (quirks.PADDED_VALUE, V16, "MeterValues", meter(" 0.0"), f"{READING}/value"),
    (quirks.OBJECT_FOR_ARRAY, V16, "MeterValues", meter() | {"meterValue": {
        "timestamp": T, "sampledValue": {"value": "1"}}}, "/meterValue/sampledValue"),
    (quirks.OBJECT_FOR_ARRAY, V201, "TransactionEvent", event(
        meterValue={"timestamp": T, "sampledValue": [{"value": 1}]}), "/meterValue"),
    (quirks.EMPTY_READINGS, V16, "MeterValues", meter() | {"meterValue": [
        {"timestamp": T, "sampledValue": []}]}, "/meterValue/0/sampledValue"),
    (quirks.EMPTY_READINGS, V201, "TransactionEvent", event(meterValue=[]), "/meterValue"),
    (quirks.MISSING_TIMESTAMP, V16, "StartTransaction", without(START, "timestamp"), "/timestamp"),
    (quirks.MISSING_TIMESTAMP, V201, "TransactionEvent", without(event(), "timestamp"), "/timestamp"),
    (quirks.MISSING_TIMESTAMP, V201, "NotifyReport", {"requestId": 1, "seqNo": 0}, "/generatedAt"),
    (quirks.MISSING_TIMESTAMP, V16, "MeterValues", meter() | {"meterValue": [
        {"sampledValue": [{"value": "1"}]}]}, "/meterValue/0/timestamp"),
    (quirks.TIMESTAMP_NO_ZONE, V16, "StartTransaction", START | {"timestamp": "2026-01-02T03:04:05"}, "/timestamp"),
    (quirks.TIMESTAMP_NO_ZONE, V16, "MeterValues", meter(time="2026-01-02T03:04:05"), "/meterValue/0/timestamp"),
    (quirks.TIMESTAMP_FORMAT, V16, "StatusNotification", STATUS | {"timestamp": "2026-01-02T03:04:05+02"},
        "/timestamp"),
    (quirks.TIMESTAMP_UNREADABLE, V16, "StatusNotification", STATUS | {"timestamp": "boot"}, "/timestamp"),
    (quirks.TIMESTAMP_UNREADABLE, V201, "StatusNotification", {
        "timestamp": "", "connectorStatus": "Available", "evseId": 1, "connectorId": 1}, "/timestamp"),
    (quirks.DRAFT_NAMES, V201, "TransactionEvent",
        without(event(transactionData={"id": "t", "chargingState": "EVDetected"}), "transactionInfo"),
        "/transactionData"),
    (quirks.ACTION_CASE, V16, "HeartBeat", {}, ""),
]  # fmt: skip

DOES_NOT: list[tuple[str, Version, str, object]] = [
    (quirks.LONG_STRING, V16, "BootNotification", BOOT | {"meterType": "S" * 25}),
    (quirks.EXTRA_PROPERTY, V201, "MeterValues", meter_2x() | {"customData": {"vendorId": "v", "more": 1}}),
    (quirks.UNKNOWN_ENUM, V16, "MeterValues", meter(unit="Hertz")),
    (quirks.UNKNOWN_ENUM, V201, "MeterValues", meter_2x(unitOfMeasure={"unit": "furlong"})),
    (quirks.UNKNOWN_ENUM, V16, "StatusNotification", STATUS | {"status": "Bogus"}),
    (quirks.UNKNOWN_ERROR_CODE, V16, "StatusNotification", STATUS | {"errorCode": "OtherError"}),
    (quirks.UNKNOWN_ERROR_CODE, V16, "StatusNotification", STATUS | {"errorCode": 5}),
    (quirks.NUMERIC_VALUE, V16, "MeterValues", meter("1000")),
    (quirks.NUMERIC_VALUE, V16, "MeterValues", meter(value=True)),
    (quirks.NUMERIC_VALUE, V201, "MeterValues", meter_2x(1000)),
    (quirks.TEXT_VALUE, V201, "MeterValues", meter_2x("much")),
    (quirks.PADDED_VALUE, V16, "MeterValues", meter("0.0")),
    (quirks.PADDED_VALUE, V16, "MeterValues", meter(" signed data ", format="SignedData")),
    (quirks.OBJECT_FOR_ARRAY, V16, "MeterValues", meter() | {"meterValue": None}),
    (quirks.OBJECT_FOR_ARRAY, V16, "MeterValues", meter()),
    (quirks.EMPTY_READINGS, V201, "NotifyEvent", {"generatedAt": T, "seqNo": 0, "eventData": []}),
    (quirks.MISSING_TIMESTAMP, V16, "StatusNotification", STATUS),  # 1.6 lets it be missing there
    (quirks.MISSING_TIMESTAMP, V16, "StartTransaction", without(START, "idTag")),
    (quirks.TIMESTAMP_NO_ZONE, V16, "StartTransaction", START | {"timestamp": "2026-01-02T03:04:05.123456+02:00"}),
    (quirks.TIMESTAMP_FORMAT, V16, "StatusNotification", STATUS | {"timestamp": "2026-01-02T03:04:05+02:00"}),
    (quirks.TIMESTAMP_UNREADABLE, V16, "StatusNotification", STATUS | {"timestamp": "1970-01-01T00:00:00Z"}),
    (quirks.DRAFT_NAMES, V201, "TransactionEvent", event()),
    (quirks.DRAFT_NAMES, V201, "TransactionEvent", without(event(), "transactionInfo")),
    (quirks.ACTION_CASE, V16, "Heartbeat", {}),
    (quirks.ACTION_CASE, V16, "Heartbeats", {}),
]  # fmt: skip


@pytest.mark.parametrize(("quirk", "version", "action", "payload", "pointer"), SETS)
def test_a_quirk_is_accepted_and_flagged(
    quirk: str, version: Version, action: str, payload: object, pointer: str
) -> None:
    told = record(version, action, payload)
    assert (told.valid, told.errors) == (True, ())
    assert (quirks.flag(quirk), pointer) in [(flag.code, flag.pointer) for flag in told.flags]


@pytest.mark.parametrize(("quirk", "version", "action", "payload"), DOES_NOT)
def test_its_neighbour_is_not(quirk: str, version: Version, action: str, payload: object) -> None:
    assert quirks.flag(quirk) not in [flag.code for flag in record(version, action, payload).flags]


def test_ids_that_are_numbers_or_too_long() -> None:
    def flags(identifier: object) -> list[str]:
        return [flag.code for flag in record(V16, "Heartbeat", {}, identifier).flags]

    assert flags(17) == [quirks.flag(quirks.NUMERIC_ID)]
    assert flags("17") == []
    assert flags("7" * 37) == [quirks.flag(quirks.LONG_ID)]
    assert flags("7" * 36) == []


def test_every_quirk_is_tested_both_ways() -> None:
    by_id = {quirks.NUMERIC_ID, quirks.LONG_ID}
    assert {entry[0] for entry in SETS} | by_id == set(quirks.QUIRKS)
    assert {entry[0] for entry in DOES_NOT} | by_id == set(quirks.QUIRKS)


def test_several_quirks_at_once() -> None:
    payload = {
        "connectorId": 1,
        "firmware": "x",
        "meterValue": {"timestamp": "2026-01-02T03:04:05", "sampledValue": {"value": 5, "unit": "Hz"}},
    }
    told = record(V16, "MeterValues", payload)
    assert told.valid
    assert {(flag.code.removeprefix("quirk:"), flag.pointer) for flag in told.flags} == {
        (quirks.EXTRA_PROPERTY, "/firmware"),
        (quirks.OBJECT_FOR_ARRAY, "/meterValue"),
        (quirks.OBJECT_FOR_ARRAY, "/meterValue/sampledValue"),
        (quirks.NUMERIC_VALUE, "/meterValue/sampledValue/value"),
        (quirks.UNKNOWN_ENUM, "/meterValue/sampledValue/unit"),
        (quirks.TIMESTAMP_NO_ZONE, "/meterValue/timestamp"),
    }


def test_a_quirk_beside_an_error_is_told_too() -> None:
    told = record(V16, "BootNotification", {"chargePointVendor": "V", "extra": 1})
    assert not told.valid
    assert [(error.code, error.pointer) for error in told.errors] == [
        ("OccurenceConstraintViolation", "/chargePointModel")
    ]
    assert [(flag.code, flag.pointer) for flag in told.flags] == [("quirk:extra-property", "/extra")]


def test_a_frame_full_of_quirks_and_errors_does_not_outgrow_its_record() -> None:
    full = {"n" * 400 + str(index): 1 for index in range(3000)}
    told = record(V16, "MeterValues", full | {"meterValue": [5] * 3000})
    assert len(told.flags) <= 32
    assert 0 < len(told.errors) <= 32
    assert all(len(found.pointer) <= 256 for found in told.flags + told.errors)
