"""What the folds read of an envelope."""

import base64
import json
from typing import Any

import msgspec
import pytest

from contracts.envelope import Envelope, encode
from contracts.errors import RecordError
from contracts.times import from_rfc3339
from streams.message import Message, decode, int_of, object_of, objects_of, plausible, text_of

TS = "2026-03-01T10:00:00.000000Z"
NOW = from_rfc3339(TS)


def message(said: object, action: str = "MeterValues", proto: str = "ocpp1.6", **more: Any) -> Message:
    fields = {"dir": "in", "type": "CALL", "frame": msgspec.Raw(json.dumps(said).encode()), **more}
    envelope = Envelope(v=1, kind="frame", ts=TS, node="n", action=action, proto=proto, **fields)
    return decode(encode(envelope))


def test_an_inbound_call_has_a_payload() -> None:
    found = message([2, "1", "MeterValues", {"connectorId": 1}])
    assert (found.call, found.result, found.action, found.ts_us) == ({"connectorId": 1}, None, "MeterValues", NOW)


def test_a_send_has_one_too() -> None:
    assert message([6, "1", "MeterValues", {"id": 1}], type="SEND").call == {"id": 1}


def test_an_outbound_result_has_a_result() -> None:
    found = message([3, "1", {"status": "Accepted"}], "BootNotification", dir="out", type="CALLRESULT")
    assert (found.call, found.result) == (None, {"status": "Accepted"})


@pytest.mark.parametrize(
    ("frame", "more"),
    [
        ([3, "1", {"status": "Accepted"}], {"type": "CALLRESULT"}),  # the station's own
        ([2, "1", "Reset", {}], {"dir": "out"}),
        ([2, "1", "MeterValues", None], {}),
        ([2, "1", "MeterValues", []], {}),
        ([4, "1", "GenericError", "", {}], {"type": "CALLERROR"}),
    ],
)
def test_other_frames_have_neither(frame: object, more: dict[str, str]) -> None:
    found = message(frame, **more)
    assert (found.call, found.result) == (None, None)


@pytest.mark.parametrize("action", ["Heartbeat", "DataTransfer", "NotifyReport"])
def test_what_no_fold_reads_is_not_decoded(action: str) -> None:
    assert message([2, "1", action, {"connectorId": 1}], action).call is None
    assert message([3, "1", {"status": "Accepted"}], action, dir="out", type="CALLRESULT").result is None


def test_a_frame_with_blanks_around_it_stands_in_raw_and_is_read_all_the_same() -> None:
    raw = base64.b64encode(b'\n[2,"1","MeterValues",{"connectorId":1}]\n').decode()
    assert message(None, frame=msgspec.UNSET, raw=raw).call == {"connectorId": 1}


def test_a_broken_frame_says_nothing() -> None:
    raw = base64.b64encode(b'[2,"1","MeterValues",{"connectorId":').decode()
    assert message(None, frame=msgspec.UNSET, raw=raw).call is None


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b'{"v":1}'])
def test_what_is_no_envelope(value: bytes | None) -> None:
    with pytest.raises(RecordError):
        decode(value)


def test_an_envelope_without_a_time() -> None:
    with pytest.raises(ValueError, match="not an RFC 3339 time"):
        decode(encode(Envelope(v=1, kind="node", ts="noon", node="n")))


def test_the_names_of_the_2_0_draft_are_read() -> None:
    draft = {"eventType": "Started", "transactionData": {"id": "t", "chargingState": "EVDetected"}}
    found = message([2, "1", "TransactionEvent", draft], "TransactionEvent", "ocpp2.0.1")
    assert object_of(found.call or {}, "transactionInfo") == {"transactionId": "t", "chargingState": "EVConnected"}


@pytest.mark.parametrize(
    ("action", "payload", "is_2x"),
    [
        ("BootNotification", {"reason": "PowerUp", "chargingStation": {"model": "X", "vendorName": "Y"}}, True),
        ("BootNotification", {"chargePointModel": "X", "chargePointVendor": "Y"}, False),
        ("StatusNotification", {"connectorStatus": "Occupied", "evseId": 1, "connectorId": 1}, True),
        ("StatusNotification", {"connectorId": 1, "status": "Available", "errorCode": "NoError"}, False),
        ("MeterValues", {"evseId": 1, "meterValue": []}, True),
        ("MeterValues", {"connectorId": 1, "meterValue": []}, False),
    ],
)
def test_a_payload_of_2x_on_a_connection_of_1_6_is_one_of_2x(
    action: str,
    payload: dict[str, object],
    is_2x: bool,
) -> None:
    assert message([2, "1", action, payload], action).is_2x is is_2x
    assert message([2, "1", action, payload], action, "ocpp2.1").is_2x


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-03-01T10:00:00Z", 0),
        ("2026-03-01T10:00:00", 0),  # no zone
        ("2026-03-01T12:00:00+02", 0),
        ("2026-03-01T10:09:59Z", 599),
        ("2026-03-01T10:10:01Z", None),  # beyond its own message by more than ten minutes
        ("2015-01-01T00:00:00Z", (from_rfc3339("2015-01-01T00:00:00Z") - NOW) // 1_000_000),
        ("2014-12-31T23:59:59Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("soon", None),
        (None, None),
        (1772359200, None),
    ],
)
def test_a_time_is_plausible_from_2015_to_ten_minutes_ahead(text: object, expected: int | None) -> None:
    found = plausible(text, NOW)
    assert found == (None if expected is None else NOW + expected * 1_000_000)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), ("", None), (7, "7"), (7.0, "7"), (7.5, "7.5"), (True, None), (None, None), ([], None)],
)
def test_text(value: object, expected: str | None) -> None:
    assert text_of({"x": value}, "x") == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (7, 7),
        (7.0, 7),
        (7.5, None),
        (" 7 ", 7),
        ("-1", -1),
        ("7.0", None),
        ("x", None),
        (True, None),
        (None, None),
        (2**63 - 1, 2**63 - 1),
        (2**63, None),
        (1e300, None),
        ("9" * 30, None),
    ],
)
def test_integers_are_those_of_64_bits(value: object, expected: int | None) -> None:
    assert int_of({"x": value}, "x") == expected


def test_an_object_in_a_lists_place_is_its_only_member() -> None:
    assert objects_of({"x": {"a": 1}}, "x") == [{"a": 1}]
    assert objects_of({"x": [{"a": 1}, 2, None]}, "x") == [{"a": 1}]
    assert objects_of({}, "x") == objects_of({"x": "y"}, "x") == []
    assert object_of({"x": []}, "x") == object_of({}, "x") == {}
