"""The answers of 1.6 mean the right thing."""

import json
from typing import Any

import pytest
from ocpp.messages import MessageType, get_validator

from contracts.versions import Version
from edge.answers import served, v16
from edge.core import Identity, Policy, StationCore
from edge.policy import TokenRule

NOW_US = 1_767_323_045_678_901
T = "2026-01-02T03:04:05Z"
START = {"connectorId": 1, "idTag": "04A2b3", "meterStart": 0, "timestamp": T}


def station(**policy: Any) -> StationCore:
    return StationCore(
        identity=Identity("default", "CP1", "default"),
        node="n",
        epoch=1,
        conn="C",
        version=Version.V16,
        policy=Policy(**policy),
    )


def answer(action: str, payload: object, core: StationCore | None = None, **policy: Any) -> Any:
    """The payload of the CALLRESULT; it validates against its action's schema."""
    step = (core or station(**policy)).received(json.dumps([2, "1", action, payload]).encode(), NOW_US)
    assert step.reply is not None
    kind, _, result, *_ = json.loads(step.reply)
    assert kind == 3, step.reply
    get_validator(MessageType.CallResult, action, "1.6").validate(result)
    return result


def test_every_action_that_a_station_sends_is_served() -> None:
    assert set(served(Version.V16)) == set(v16.ANSWERS) == {
        "Authorize", "BootNotification", "DataTransfer", "DiagnosticsStatusNotification",
        "FirmwareStatusNotification", "Heartbeat", "LogStatusNotification", "MeterValues",
        "SecurityEventNotification", "SignCertificate", "SignedFirmwareStatusNotification",
        "StartTransaction", "StatusNotification", "StopTransaction",
    }  # fmt: skip


LISTED: dict[str, Any] = {"authorize": "list", "known_tokens": frozenset({"04A2B3"})}


@pytest.mark.parametrize(
    ("policy", "token", "status"),
    [
        ({}, "any", "Accepted"),
        ({"authorize": "deny"}, "any", "Blocked"),
        (LISTED, "04a2B3", "Accepted"),
        (LISTED, "other", "Invalid"),
    ],
)
def test_tokens_by_policy(policy: dict[str, Any], token: str, status: str) -> None:
    assert answer("Authorize", {"idTag": token}, **policy) == {"idTagInfo": {"status": status}}
    assert answer("StartTransaction", START | {"idTag": token}, **policy)["idTagInfo"] == {"status": status}
    stop = {"transactionId": 1, "meterStop": 1, "timestamp": T}
    assert answer("StopTransaction", stop | {"idTag": token}, **policy) == {"idTagInfo": {"status": status}}
    assert answer("StopTransaction", stop, **policy) == {}


def test_a_start_without_a_token_is_not_on_a_list() -> None:
    assert answer("StartTransaction", {}, **LISTED)["idTagInfo"] == {"status": "Invalid"}


def test_a_retry_on_any_node_gets_the_same_id() -> None:
    first = answer("StartTransaction", START)["transactionId"]
    assert answer("StartTransaction", START | {"reservationId": 0})["transactionId"] == first
    assert answer("StartTransaction", START | {"timestamp": "2026-01-02T04:04:05+01"})["transactionId"] == first
    assert answer("StartTransaction", START | {"connectorId": 2})["transactionId"] != first
    assert answer("StartTransaction", START | {"meterStart": 1})["transactionId"] != first
    assert answer("StartTransaction", START | {"timestamp": "2026-01-02T03:04:06Z"})["transactionId"] != first


def test_an_id_on_the_log_is_no_means_to_guess_a_hidden_token() -> None:
    def given(token: str, rule: TokenRule) -> object:
        return answer("StartTransaction", START | {"idTag": token}, tokens=rule)["transactionId"]

    dropped = TokenRule("drop")
    assert given("A", dropped) == given("B", dropped)
    keyed = TokenRule("hmac", b"key")
    assert given("A", keyed) == given("a", keyed) != given("B", keyed)
    assert given("A", keyed) != given("A", TokenRule("hmac", b"other key"))


def test_a_charger_without_a_clock() -> None:
    core = station()
    clockless = START | {"timestamp": "1970-01-01T00:00:07Z"}
    first = answer("StartTransaction", clockless, core)["transactionId"]
    assert answer("StartTransaction", clockless | {"timestamp": "1970-01-01T00:00:09Z"}, core)["transactionId"] == first
    stop = {"transactionId": first, "meterStop": 5, "timestamp": "1970-01-01T00:05:00Z"}
    answer("StopTransaction", stop, core)
    second = answer("StartTransaction", clockless, core)["transactionId"]
    assert second != first
    answer("StopTransaction", stop, core)  # the first stop again: nothing begins anew
    assert answer("StartTransaction", clockless, core)["transactionId"] == second


def test_data_transfer_of_a_vendor_nobody_knows() -> None:
    assert answer("DataTransfer", {"vendorId": "com.x"}) == {"status": "UnknownVendorId"}
    known = frozenset({"com.x"})
    assert answer("DataTransfer", {"vendorId": "com.x"}, data_transfer_vendors=known) == {"status": "Accepted"}


def test_there_is_no_ca() -> None:
    assert answer("SignCertificate", {"csr": "x"}) == {"status": "Rejected"}


def test_a_heartbeat_tells_the_time_in_utc() -> None:
    assert answer("Heartbeat", {}) == {"currentTime": "2026-01-02T03:04:05.678Z"}
