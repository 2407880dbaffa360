"""Framing: bytes to messages and back."""

import time

import pytest

from contracts import ocppj
from contracts.ocppj import Call, CallError, CallResult, CallResultError, Send, Unreadable
from contracts.versions import Version


def test_each_type_of_message() -> None:
    assert ocppj.parse(b'[2,"1","Heartbeat",{}]') == Call("1", "Heartbeat", {}, b'"1"')
    assert ocppj.parse(b'[3,"1",{"a":1}]') == CallResult("1", {"a": 1})
    assert ocppj.parse(b'[4,"1","GenericError","d",{"x":2}]') == CallError("1", "GenericError", "d", {"x": 2})
    assert ocppj.parse(b'[5,"1","GenericError","d",{}]') == CallResultError("1", "GenericError", "d", {}, b'"1"')
    assert ocppj.parse(b'[6,"1","NotifyPeriodicEventStream",{}]') == Send("1", "NotifyPeriodicEventStream", {}, b'"1"')


def test_a_call_without_payload_has_an_empty_one() -> None:
    assert ocppj.parse(b'[2,"1","Heartbeat"]') == Call("1", "Heartbeat", {}, b'"1"')


def test_a_short_call_error_is_one() -> None:
    assert ocppj.parse(b'[4,"1","GenericError"]') == CallError("1", "GenericError", "", {})


@pytest.mark.parametrize("digits", [b"12", b"-1", b"31840272950166013991", b"1.5", b"1.50", b"1e5", b"-2.5E-3"])
def test_a_numeric_id_is_kept_digit_by_digit(digits: bytes) -> None:
    message = ocppj.parse(b'[ 2 , %b , "Heartbeat" , {} ]' % digits)
    assert isinstance(message, Call)
    assert (message.id_json, message.unique_id) == (digits, digits.decode())


@pytest.mark.parametrize(
    ("frame", "reason", "number", "id_json"),
    [
        (b"{}", "array", None, None),
        (b"[]", "array", None, None),
        (b'["x"]', "array", None, None),
        (b"[2]", "id", 2, None),
        (b'[2,"1"]', "array", 2, b'"1"'),
        (b'[3,"1"]', "array", 3, b'"1"'),
        (b'[2,null,"Heartbeat",{}]', "id", 2, None),
        (b'[2,true,"Heartbeat",{}]', "id", 2, None),
        (b'[2,["1"],"Heartbeat",{}]', "id", 2, None),
        (b'[2,"1",5,{}]', "action", 2, b'"1"'),
        (b'[7,"1","Heartbeat",{}]', "type", 7, b'"1"'),
        (b'["2","1","Heartbeat",{}]', "type", None, b'"1"'),
        (b'[true,"1","Heartbeat",{}]', "type", None, b'"1"'),
    ],
)
def test_json_that_is_no_message(frame: bytes, reason: str, number: int | None, id_json: bytes | None) -> None:
    message = ocppj.parse(frame)
    assert isinstance(message, Unreadable)
    assert (message.reason, message.type_number, message.id_json, message.is_json) == (reason, number, id_json, True)


@pytest.mark.parametrize(
    ("frame", "number", "unique_id", "action"),
    [
        (b'[2,"a:1","MeterValues",{"connectorId":1,"meterValue":[', 2, "a:1", "MeterValues"),
        (b'[2,"9","MeterValues",{"v":[,{}]}]', 2, "9", "MeterValues"),
        (b'[2,"9","StopTransaction",{"transactionId":,"x":1}]', 2, "9", "StopTransaction"),
        (b'[2,"9""Heartbeat",{}]', 2, "9", None),
        (b'[2,"9","Heartbeat",{"a":"\\ "}]', 2, "9", "Heartbeat"),
        (b'[2,"9","Heartbeat",{"a":"\x00"}]', 2, "9", "Heartbeat"),
        (b'[2,"9","Heartbeat",{"a":1e999}]', 2, "9", "Heartbeat"),
        (b'[2,77,"Heartbeat",{', 2, "77", "Heartbeat"),
        (b'[2,"9', 2, None, None),
        (b"[2,7x", 2, None, None),
        (b'[3,"9",{', 3, "9", None),
        (b"[3", 3, None, None),
        (b"nonsense", None, None, None),
        (b"", None, None, None),
        (b'[2,"\\q","Heartbeat",{', 2, None, None),
    ],
)
def test_the_head_of_broken_json_is_read(
    frame: bytes, number: int | None, unique_id: str | None, action: str | None
) -> None:
    message = ocppj.parse(frame)
    assert isinstance(message, Unreadable)
    assert message.reason == "json"
    assert not message.is_json
    assert (message.type_number, message.unique_id, message.action) == (number, unique_id, action)


@pytest.mark.parametrize("frame", [b'[2,"1","A",{"x":"\xff"}]', b"\xc0\x80", b'[2,"\xed\xa0\x80","A",{}]'])
def test_text_that_is_not_utf8(frame: bytes) -> None:
    message = ocppj.parse(frame)
    assert isinstance(message, Unreadable)
    assert message.reason == "encoding"


def nested(levels: int) -> bytes:
    """A CALL whose nesting is `levels` deep in all."""
    return b'[2,"1","A",' + b'{"a":[' * ((levels - 1) // 2) + b"]}" * ((levels - 1) // 2) + b"]"


def test_nesting_up_to_64_is_read_and_deeper_is_not() -> None:
    assert isinstance(ocppj.parse(nested(63)), Call)
    deeper = ocppj.parse(nested(65))
    assert isinstance(deeper, Unreadable)
    assert (deeper.reason, deeper.unique_id) == ("json", "1")


def test_brackets_within_strings_do_not_nest() -> None:
    assert isinstance(ocppj.parse(b'[2,"1","A",{"a":"%b\\""}]' % (b"[{" * 500)), Call)
    assert isinstance(ocppj.parse(b'[2,"1","A",[%b]]' % b",".join([b"[{}]"] * 500)), Call)


@pytest.mark.parametrize(
    "frame",
    [
        b"[" * 500_000,
        b'[2,"1","A",{' + b'"\\"' * 170_000,
        b'[2,"' + b"\\" * 500_000,
        b"[2," + b" " * 500_000 + b'"',
        b"[2," + b"9" * 500_000,
    ],
)
def test_hostile_frames_cost_no_more_than_others(frame: bytes) -> None:
    start = time.process_time()
    assert isinstance(ocppj.parse(frame), Unreadable)
    assert time.process_time() - start < 2  # quadratic behaviour would take minutes


def test_the_names_of_types() -> None:
    assert [ocppj.type_name(ocppj.parse(b'[%d,"1","A",{}]' % number)) for number in (2, 3, 4, 5, 6, 7)] == [
        "CALL",
        "CALLRESULT",
        "CALLERROR",
        "CALLRESULTERROR",
        "SEND",
        "unknown",
    ]
    assert ocppj.type_name(ocppj.parse(b'[2,"1","A",{')) == "CALL"
    assert ocppj.type_name(ocppj.parse(b"{}")) == "unknown"


def test_replies_are_compact_json() -> None:
    assert ocppj.call_result(b'"7"', b"{}") == b'[3,"7",{}]'
    assert ocppj.call_error(b"7", "GenericError", 'say "x"') == b'[4,7,"GenericError","say \\"x\\"",{}]'
    assert len(ocppj.call_error(b"7", "X", "y" * 999)) == len(ocppj.call_error(b"7", "X", "y" * 255))


def test_the_code_for_a_frame_that_is_no_message() -> None:
    assert ocppj.formation_violation(Version.V16) == "FormationViolation"
    assert ocppj.formation_violation(Version.V21) == "RpcFrameworkError"
