"""The check of payloads: the verdicts of the `ocpp` package's own validator, and ours about what it refuses."""

import json
from typing import Any

import jsonschema
import pytest
from ocpp.messages import MessageType, get_validator

from contracts.versions import Version
from edge.answers import served
from edge.validation import Checker, actions, is_reply, request_schema, spelt

V16, V201, V21 = Version.V16, Version.V201, Version.V21
T = "2026-01-02T03:04:05Z"


def test_all_actions_of_a_version() -> None:
    assert (len(actions(V16)), len(actions(V201)), len(actions(V21))) == (39, 64, 91)
    for version in Version:
        assert set(served(version)) < actions(version)
    assert "NotifyPeriodicEventStream" in actions(V21)
    assert not any(action.endswith(("Request", "Response")) for version in Version for action in actions(version))


def test_the_names_of_request_schemas() -> None:
    assert request_schema(V16, "Heartbeat") == "Heartbeat"
    assert request_schema(V201, "Heartbeat") == "HeartbeatRequest"
    assert request_schema(V21, "NotifyPeriodicEventStream") == "NotifyPeriodicEventStream"


def test_the_codes_spellings() -> None:
    assert spelt(V16, "OccurrenceConstraintViolation") == "OccurenceConstraintViolation"
    assert spelt(V201, "OccurrenceConstraintViolation") == "OccurrenceConstraintViolation"
    assert spelt(V16, "FormatViolation") == "FormationViolation"
    assert spelt(V16, "TypeConstraintViolation") == "TypeConstraintViolation"


def test_replies_are_checked_against_their_schema() -> None:
    assert is_reply(V16, "Heartbeat", b'{"currentTime":"x"}')
    assert not is_reply(V16, "Heartbeat", b"{}")


ODD: list[object] = [
    {}, [], None, 5, "x",
    {"connectorId": 1, "meterValue": []},
    {"connectorId": "1", "meterValue": [{"timestamp": T, "sampledValue": [{"value": "1"}]}]},
    {"connectorId": 1, "meterValue": [{"timestamp": T, "sampledValue": [{"value": "1", "unit": "Hz"}]}]},
    {"connectorId": 1, "meterValue": [{"timestamp": T, "sampledValue": [{"value": 1, "x": None}]}]},
    {"evseId": 1, "meterValue": [{"timestamp": T, "sampledValue": [{"value": 1.5}]}]},
    {"evseId": 2**70, "meterValue": [{"timestamp": T, "sampledValue": [{"value": 1e308}]}]},
    {"chargePointVendor": "V" * 21, "chargePointModel": "M" * 20},
    {"reason": "PowerUp", "chargingStation": {"model": "M", "vendorName": "V", "modem": {"iccid": "\U0001f50c" * 20}}},
    {"vendorId": "v", "data": "\u0000"}, {"vendorId": "v", "data": {"a": [1, 2, {}]}},
]  # fmt: skip


@pytest.mark.parametrize("version", list(Version))
@pytest.mark.parametrize("payload", ODD)
def test_the_same_verdict_as_the_ocpp_package(version: Version, payload: Any) -> None:
    for action in served(version):
        oracle = get_validator(MessageType.Call, action, version.value.removeprefix("ocpp"))
        assert isinstance(oracle, jsonschema.Draft4Validator)
        verdict = Checker(version, action).check(payload)
        ours = verdict.valid and not any(flag.code not in _UNSEEN for flag in verdict.flags)
        assert ours == oracle.is_valid(payload), action


_UNSEEN = {"quirk:padded-value", "quirk:timestamp-no-zone", "quirk:timestamp-format", "quirk:timestamp-unreadable"}


def test_an_integer_may_be_written_with_a_fraction_of_zero_where_its_draft_says_so() -> None:
    reading = {"meterValue": [{"timestamp": T, "sampledValue": [{"value": 1}]}]}
    assert Checker(V201, "MeterValues").check({"evseId": 1.0} | reading).valid  # draft 06
    start = {"connectorId": 1.0, "idTag": "t", "meterStart": 0, "timestamp": T}
    assert not Checker(V16, "StartTransaction").check(start).valid  # draft 04


def test_a_payload_is_handed_on_as_it_was_meant() -> None:
    sent = {"connectorId": 1, "meterValue": {"timestamp": T, "sampledValue": {"value": "1"}}}
    verdict = Checker(V16, "MeterValues").check(sent)
    assert verdict.payload == {"connectorId": 1, "meterValue": [{"timestamp": T, "sampledValue": [{"value": "1"}]}]}
    assert sent["meterValue"] == {"timestamp": T, "sampledValue": {"value": "1"}}
    assert Checker(V16, "MeterValues").check(verdict.payload).payload is verdict.payload


def test_what_stands_in_an_object_for_an_array_is_looked_at() -> None:
    sent = {"connectorId": 1, "meterValue": {"timestamp": 5, "sampledValue": {"value": None}}}
    verdict = Checker(V16, "MeterValues").check(sent)
    assert {(error.code, error.pointer) for error in verdict.errors} == {
        ("TypeConstraintViolation", "/meterValue/timestamp"),
        ("TypeConstraintViolation", "/meterValue/sampledValue/value"),
    }


def test_a_few_levels_of_objects_for_arrays_are_followed() -> None:
    profile: dict[str, object] = {
        "requestId": 1, "chargingLimitSource": "EMS", "evseId": 1,
        "chargingProfile": {
            "id": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Absolute",
            "chargingSchedule": {
                "id": 1, "chargingRateUnit": "A",
                "chargingSchedulePeriod": {"startPeriod": 0, "limit": 16.0},
            },
        },
    }  # fmt: skip
    verdict = Checker(V201, "ReportChargingProfiles").check(profile)
    assert verdict.valid
    assert [flag.pointer for flag in verdict.flags] == [
        "/chargingProfile",
        "/chargingProfile/chargingSchedule",
        "/chargingProfile/chargingSchedule/chargingSchedulePeriod",
    ]


def test_the_detail_says_where_and_what() -> None:
    def detail(payload: object) -> str:
        return Checker(V16, "StatusNotification").check(payload).detail

    status = {"connectorId": 1, "errorCode": "NoError", "status": "Available"}
    assert detail(status) == ""
    assert detail([]) == "the payload is no object"
    assert detail(status | {"connectorId": "1"}) == "/connectorId: not of type integer"
    assert detail(status | {"status": "Bogus"}) == "/status: none of the values allowed"
    assert detail({"errorCode": "NoError", "status": "Available"}) == "/connectorId: missing"
    assert Checker(V21, "VatNumberValidation").check({"vatNumber": "x", "evseId": -1}).detail == (
        "/evseId: violates minimum"
    )


def test_a_payload_full_of_violations_is_bounded() -> None:
    verdict = Checker(V16, "MeterValues").check(
        {"connectorId": 1, "meterValue": [json.loads('{"sampledValue":[5]}')] * 20_000}
    )
    assert 0 < len(verdict.errors) <= 32
    assert 0 < len(verdict.flags) <= 32
