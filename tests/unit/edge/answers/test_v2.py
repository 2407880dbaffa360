"""The answers of 2.0.1 and 2.1 mean the right thing."""

import json
from typing import Any

import pytest
from ocpp.messages import MessageType, get_validator

from contracts.versions import Version
from edge.answers import sent, served, v2
from edge.core import Identity, Policy, StationCore

V201, V21 = Version.V201, Version.V21
NOW_US = 1_767_323_045_678_901
T = "2026-01-02T03:04:05Z"
TOKEN = {"idToken": "04A2b3", "type": "ISO14443"}
EVENT = {
    "eventType": "Started",
    "timestamp": T,
    "triggerReason": "Authorized",
    "seqNo": 0,
    "transactionInfo": {"transactionId": "t"},
}
LISTED: dict[str, Any] = {"authorize": "list", "known_tokens": frozenset({"04A2B3"})}


def answer(action: str, payload: object, version: Version = V201, **policy: Any) -> Any:
    """The payload of the CALLRESULT; it validates against its action's schema."""
    core = StationCore(
        identity=Identity("default", "CP1", "default"),
        node="n",
        epoch=1,
        conn="C",
        version=version,
        policy=Policy(**policy),
    )
    step = core.received(json.dumps([2, "1", action, payload]).encode(), NOW_US)
    assert step.reply is not None
    kind, _, result, *_ = json.loads(step.reply)
    assert kind == 3, step.reply
    get_validator(MessageType.CallResult, action, version.value.removeprefix("ocpp")).validate(result)
    return result


def test_every_action_that_a_station_sends_is_served() -> None:
    in_201 = {
        "Authorize", "BootNotification", "ClearedChargingLimit", "DataTransfer", "FirmwareStatusNotification",
        "Get15118EVCertificate", "GetCertificateStatus", "Heartbeat", "LogStatusNotification", "MeterValues",
        "NotifyChargingLimit", "NotifyCustomerInformation", "NotifyDisplayMessages", "NotifyEVChargingNeeds",
        "NotifyEVChargingSchedule", "NotifyEvent", "NotifyMonitoringReport", "NotifyReport",
        "PublishFirmwareStatusNotification", "ReportChargingProfiles", "ReservationStatusUpdate",
        "SecurityEventNotification", "SignCertificate", "StatusNotification", "TransactionEvent",
    }  # fmt: skip
    added_in_21 = {
        "BatterySwap", "ClosePeriodicEventStream", "GetCertificateChainStatus", "NotifyDERAlarm",
        "NotifyDERStartStop", "NotifyPriorityCharging", "NotifySettlement", "OpenPeriodicEventStream",
        "PullDynamicScheduleUpdate", "ReportDERControl", "VatNumberValidation",
    }  # fmt: skip
    assert set(served(V201)) == set(v2.ANSWERS_201) == in_201
    assert set(served(V21)) == set(v2.ANSWERS_21) == in_201 | added_in_21
    assert set(sent(V21)) == {"NotifyPeriodicEventStream"}
    assert sent(V201) == {}


@pytest.mark.parametrize("version", [V201, V21])
@pytest.mark.parametrize(
    ("policy", "token", "status"),
    [
        ({}, "any", "Accepted"),
        ({"authorize": "deny"}, "any", "Blocked"),
        (LISTED, "04a2B3", "Accepted"),
        (LISTED, "other", "Unknown"),
    ],
)
def test_tokens_by_policy(version: Version, policy: dict[str, Any], token: str, status: str) -> None:
    sent_token = {"idToken": TOKEN | {"idToken": token}}
    info = {"idTokenInfo": {"status": status}}
    assert answer("Authorize", sent_token, version, **policy) == info
    assert answer("TransactionEvent", EVENT | sent_token, version, **policy) == info
    ended = EVENT | {"eventType": "Ended"}
    assert answer("TransactionEvent", ended | sent_token, version, **policy) == info
    assert answer("TransactionEvent", ended, version, **policy) == {}


def test_a_token_that_is_none_is_not_on_a_list() -> None:
    assert answer("TransactionEvent", EVENT | {"idToken": "04A2B3"}, **LISTED) == {"idTokenInfo": {"status": "Unknown"}}


def test_a_contract_certificate_cannot_be_vouched_for() -> None:
    asked = {"idToken": {"idToken": "DE-ABC-C12345678-9", "type": "eMAID"}, "certificate": "PEM"}
    assert answer("Authorize", asked) == {
        "idTokenInfo": {"status": "Invalid"},
        "certificateStatus": "CertChainError",
    }


def test_there_is_no_ca() -> None:
    assert answer("SignCertificate", {"csr": "x"}) == {"status": "Rejected"}
    asked = {"iso15118SchemaVersion": "urn:x", "action": "Install", "exiRequest": "x"}
    assert answer("Get15118EVCertificate", asked) == {"status": "Failed", "exiResponse": ""}
    ocsp = {
        "hashAlgorithm": "SHA256", "issuerNameHash": "h", "issuerKeyHash": "h", "serialNumber": "1",
        "responderURL": "http://x",
    }  # fmt: skip
    assert answer("GetCertificateStatus", {"ocspRequestData": ocsp}) == {"status": "Failed"}
    hashes = {"hashAlgorithm": "SHA256", "issuerNameHash": "h", "issuerKeyHash": "h", "serialNumber": "1"}
    chain = {"certificateStatusRequests": [{"source": "OCSP", "urls": ["http://x"], "certificateHashData": hashes}]}
    assert answer("GetCertificateChainStatus", chain, V21) == {
        "certificateStatus": [
            {
                "certificateHashData": hashes,
                "source": "OCSP",
                "status": "Failed",
                "nextUpdate": "2026-01-02T03:04:05.678Z",
            }
        ]
    }


def test_what_we_do_not_offer() -> None:
    stream = {"constantStreamData": {"id": 1, "variableMonitoringId": 1, "params": {}}}
    assert answer("OpenPeriodicEventStream", stream, V21) == {"status": "Rejected"}
    assert answer("PullDynamicScheduleUpdate", {"chargingProfileId": 1}, V21) == {"status": "Rejected"}
    needs = {"evseId": 1, "chargingNeeds": {"requestedEnergyTransfer": "DC"}}
    assert answer("NotifyEVChargingNeeds", needs) == {"status": "Rejected"}
    assert answer("NotifyEVChargingNeeds", needs, V21) == {"status": "NoChargingProfile"}


def test_a_vat_number_is_named_and_not_vouched_for() -> None:
    assert answer("VatNumberValidation", {"vatNumber": "NL1", "evseId": 2}, V21) == {
        "vatNumber": "NL1",
        "evseId": 2,
        "status": "Rejected",
    }
    assert answer("VatNumberValidation", {"vatNumber": "N" * 30}, V21)["vatNumber"] == "N" * 20


def test_data_transfer_of_a_vendor_nobody_knows() -> None:
    assert answer("DataTransfer", {"vendorId": "com.x"}) == {"status": "UnknownVendorId"}
    known = frozenset({"com.x"})
    assert answer("DataTransfer", {"vendorId": "com.x"}, data_transfer_vendors=known) == {"status": "Accepted"}
