"""The core: what each frame leads to, in each version."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from contracts import envelope
from contracts.envelope import Envelope
from contracts.ocppj import Call, parse
from contracts.versions import Version
from edge.core import Identity, Policy, StationCore, Step

V16, V201, V21 = Version.V16, Version.V201, Version.V21
NOW_US = 1_767_323_045_678_901
NOW = "2026-01-02T03:04:05.678901Z"
FRAMES = Path(__file__).parents[2] / "fixtures" / "frames.jsonl"


def core(version: Version = V16, **policy: Any) -> StationCore:
    return StationCore(
        identity=Identity("acme", "CP1", "depot"),
        node="edge-1",
        epoch=7,
        conn="01ARZ3NDEKTSV4RRFFQ69G5FAV",
        version=version,
        policy=Policy(**policy),
    )


def told(step: Step) -> list[Envelope]:
    return [envelope.decode(value) for value in step.records]


def reply(step: Step) -> list[Any]:
    assert step.reply is not None
    document: list[Any] = json.loads(step.reply)
    return document


def test_a_call_and_its_reply_are_two_records_of_one_step() -> None:
    frame = b'[2, "19223201", "Heartbeat", {}]'
    step = core().received(frame, NOW_US)
    assert step.reply == b'[3,"19223201",{"currentTime":"2026-01-02T03:04:05.678Z"}]'
    assert step.close is None
    own, answer = told(step)
    assert own == envelope.Envelope(
        v=1,
        kind="frame",
        ts=NOW,
        node="edge-1",
        tenant="acme",
        station="acme/CP1",
        site="depot",
        conn="01ARZ3NDEKTSV4RRFFQ69G5FAV",
        seq=0,
        dir="in",
        proto="ocpp1.6",
        type="CALL",
        action="Heartbeat",
        id="19223201",
        valid=True,
        frame=own.frame,
    )
    assert own.frame_bytes() == frame
    assert (answer.dir, answer.type, answer.action, answer.id) == ("out", "CALLRESULT", "Heartbeat", "19223201")
    assert (answer.seq, answer.call_seq, answer.ts, answer.valid) == (1, 0, NOW, True)
    assert answer.frame_bytes() == step.reply


def test_seq_counts_every_record_of_a_connection() -> None:
    station = core()
    values = [station.connected(NOW_US, remote="10.0.0.1:5", path="/ocpp/CP1", security_profile=1, user_agent="x")]
    for frame in (b'[2,"1","Heartbeat",{}]', b"nonsense", b'[3,"9",{}]', b'[2,"2","Heartbeat",{}]'):
        values += station.received(frame, NOW_US).records
    values += station.rejected_frame(NOW_US, reason="oversized-frame", size=9, sha256="", head=b"").records
    values.append(station.disconnected(NOW_US, 1000))
    assert [envelope.decode(value).seq for value in values] == list(range(9))


def test_a_frame_too_late_for_an_answer_leaves_its_own_record_only() -> None:
    station = core()
    (late,) = station.unanswered(station.received(b'[2,"1","Heartbeat",{}]', NOW_US))
    (result,) = station.unanswered(station.received(b'[3,"1",{}]', NOW_US))
    answered = told(station.received(b'[2,"2","Heartbeat",{}]', NOW_US))
    records = [envelope.decode(late), envelope.decode(result), *answered]
    assert [(record.seq, record.dir, record.type) for record in records] == [
        (0, "in", "CALL"),
        (1, "in", "CALLRESULT"),
        (2, "in", "CALL"),
        (3, "out", "CALLRESULT"),
    ]
    assert answered[1].call_seq == 2


def test_the_records_of_a_connections_beginning_and_end() -> None:
    station = core()
    begin = envelope.decode(
        station.connected(
            NOW_US, remote="10.0.0.1:5", path="/ocpp/CP1?token=secret", security_profile=2, user_agent="esp\udcff32"
        )
    )
    assert (begin.kind, begin.epoch, begin.remote, begin.path) == ("connected", 7, "10.0.0.1:5", "/ocpp/CP1")
    assert (begin.security_profile, begin.user_agent, begin.proto) == (2, "esp?32", "ocpp1.6")
    end = envelope.decode(station.disconnected(NOW_US, 1006, "gone"))
    assert (end.kind, end.close_code, end.reason, end.seq) == ("disconnected", 1006, "gone", 1)
    assert envelope.decode(station.disconnected(NOW_US, None)).close_code is None


def test_an_oversized_frame_leaves_its_size_hash_and_head() -> None:
    frame = b'[2,"a1","StopTransaction",{"transactionData":[' + b" " * 5000
    digest = hashlib.sha256(frame).hexdigest()
    step = core().rejected_frame(NOW_US, reason="oversized-frame", size=len(frame), sha256=digest, head=frame[:4096])
    assert (step.reply, step.close) == (None, 1009)
    (record,) = told(step)
    assert (record.kind, record.reason, record.size, record.sha256) == (
        "rejected", "oversized-frame", len(frame), digest,
    )  # fmt: skip
    assert (record.id, record.action, record.close_code, record.dir) == ("a1", "StopTransaction", 1009, "in")
    assert record.head is not None
    assert base64.b64decode(record.head) == frame[:4096]


def test_a_refused_record_is_replaced_under_its_own_seq() -> None:
    station = core()
    frame = b'[2,"1","Heartbeat",{}]'
    call, reply = station.received(frame, NOW_US).records
    record = envelope.decode(station.replaced(call, NOW_US))
    assert (record.kind, record.seq, record.reason, record.conn) == (
        "rejected", 0, "refused", "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    )  # fmt: skip
    assert (record.dir, record.size, record.sha256) == ("in", len(frame), hashlib.sha256(frame).hexdigest())
    record = envelope.decode(station.replaced(reply, NOW_US))
    assert (record.kind, record.seq, record.dir) == ("rejected", 1, "out")
    assert told(station.received(b'[2,"1","Heartbeat",{}]', NOW_US))[0].seq == 2


def test_a_refused_record_without_a_frame_is_replaced_too() -> None:
    station = core()
    oversized = station.rejected_frame(NOW_US, reason="oversized-frame", size=9, sha256="ab", head=b"").records[0]
    gone = station.connected(NOW_US, remote="r", path="/CP1", security_profile=0, user_agent=None)
    one, other = (envelope.decode(station.replaced(record, NOW_US)) for record in (oversized, gone))
    assert (one.kind, one.seq, one.dir, one.reason, one.size) == ("rejected", 0, "in", "refused", 9)
    assert (other.kind, other.seq, other.dir, other.size) == ("rejected", 1, None, None)


def test_blanks_around_a_document_are_kept() -> None:
    frame = b' \n[2,"1","Heartbeat",{}]\r\n'
    step = core().received(frame, NOW_US)
    assert step.reply is not None
    assert told(step)[0].frame_bytes() == frame
    assert told(step)[0].valid


NOT_MESSAGES = [
    # frame, and the code and id that 1.6, 2.0.1 and 2.1 answer with (None: silence)
    (b'[2,"a","MeterValues",{"connectorId":1,', ("FormationViolation", "a"), ("RpcFrameworkError", "a"), "same"),
    (b'[2,"a",7,{}]', ("FormationViolation", "a"), ("RpcFrameworkError", "a"), "same"),
    (b'[2,"a"]', ("FormationViolation", "a"), ("RpcFrameworkError", "a"), "same"),
    (b"[2,null,\"Heartbeat\",{}]", None, ("RpcFrameworkError", "-1"), "same"),
    (b"[2", None, ("RpcFrameworkError", "-1"), "same"),
    (b"{}", None, ("RpcFrameworkError", "-1"), "same"),
    (b"hello", None, ("RpcFrameworkError", "-1"), "same"),
    (b"", None, ("RpcFrameworkError", "-1"), "same"),
    (b'[9,"a","Heartbeat",{}]', None, ("MessageTypeNotSupported", "a"), None),
    (b'["2","a","Heartbeat",{}]', None, ("MessageTypeNotSupported", "a"), None),
    (b"[9,{},1]", None, ("MessageTypeNotSupported", "-1"), None),
    (b'[9,"a",{', None, ("MessageTypeNotSupported", "a"), None),
    (b'[5,"a","GenericError","",{}]', None, ("MessageTypeNotSupported", "a"), "recorded"),
    (b'[6,77,"NotifyPeriodicEventStream",{}]', None, ("MessageTypeNotSupported", 77), "recorded"),
    (b'[3,"a"', None, None, None),
    (b'[3,"a"]', None, None, None),
    (b"[3,null,{}]", None, None, None),
    (b'[4,"a",', None, None, None),
    (b"[4", None, None, None),
    (b'[6,"a",7,{}]', None, None, None),
]  # fmt: skip


@pytest.mark.parametrize(("frame", "in_16", "in_201", "in_21"), NOT_MESSAGES)
def test_what_is_no_message_is_recorded_whole_and_answered_as_the_version_says(
    frame: bytes, in_16: Any, in_201: Any, in_21: Any
) -> None:
    for version, wanted in ((V16, in_16), (V201, in_201), (V21, in_201 if in_21 == "same" else in_21)):
        step = core(version).received(frame, NOW_US)
        record = told(step)[0]
        assert record.frame_bytes() == frame
        if wanted == "recorded":
            assert step.reply is None
            continue
        assert record.valid is False
        assert record.errors
        if wanted is None:
            assert (step.reply, len(step.records)) == (None, 1)
        else:
            code, identifier = wanted
            assert reply(step)[:3] == [4, identifier, code]
            assert (record.errors[0].code, told(step)[1].type) == (code, "CALLERROR")


def test_text_that_is_not_utf8_closes_1007_and_binary_1003() -> None:
    frame = b'[2,"1","Heartbeat",{"x":"\xff"}]'
    for version in Version:
        step = core(version).received(frame, NOW_US)
        assert (step.reply, step.close) == (None, 1007)
        (record,) = told(step)
        assert (record.valid, record.frame_bytes(), record.frame) == (False, frame, msgspec.UNSET)
        step = core(version).received(b'[2,"1","Heartbeat",{}]', NOW_US, binary=True)
        assert (step.reply, step.close) == (None, 1003)
        assert told(step)[0].frame_bytes() == b'[2,"1","Heartbeat",{}]'


@pytest.mark.parametrize(
    ("version", "action", "code"),
    [
        (V16, "Nonsense", "NotImplemented"),
        (V16, "TransactionEvent", "NotImplemented"),
        (V16, "RemoteStartTransaction", "NotSupported"),
        (V201, "StartTransaction", "NotImplemented"),
        (V201, "RequestStartTransaction", "NotSupported"),
        (V201, "OpenPeriodicEventStream", "NotImplemented"),
        (V21, "SetDERControl", "NotSupported"),
        (V21, "NotifyPeriodicEventStream", "NotSupported"),  # it comes as a SEND, never as a CALL
    ],
)
def test_actions_that_are_not_served(version: Version, action: str, code: str) -> None:
    step = core(version).received(b'[2,"1","%b",{}]' % action.encode(), NOW_US)
    assert reply(step)[:3] == [4, "1", code]
    record = told(step)[0]
    assert (record.action, record.valid, record.errors[0].code) == (action, False, code)


def test_heartbeat_in_any_case() -> None:
    step = core().received(b'[2,"1","HeartBeat",{}]', NOW_US)
    assert reply(step)[2] == {"currentTime": "2026-01-02T03:04:05.678Z"}
    own, answer = told(step)
    assert (own.action, answer.action, own.flags[0].code) == ("Heartbeat", "Heartbeat", "quirk:action-case")


def test_ids_are_echoed_as_they_came() -> None:
    for written in (b'"7"', b"7", b"31840272950166013991", b'"36:352"', b'"' + b"9" * 300 + b'"', b'""'):
        step = core().received(b'[2,%b,"Heartbeat",{}]' % written, NOW_US)
        assert step.reply is not None
        assert step.reply.startswith(b"[3,%b," % written)


def test_an_endless_id_is_cut_in_the_records_fields_only() -> None:
    frame = b'[2,"' + b"x" * 100_000 + b'","Heartbeat",{}]'
    own, answer = told(core().received(frame, NOW_US))
    assert (len(own.id or ""), len(answer.id or "")) == (512, 512)
    assert own.frame_bytes() == frame


TRANSACTION_MESSAGES = [
    (V16, "StartTransaction"), (V16, "StopTransaction"), (V16, "MeterValues"),
    (V201, "TransactionEvent"), (V201, "MeterValues"), (V21, "TransactionEvent"), (V21, "MeterValues"),
]  # fmt: skip


@pytest.mark.parametrize(("version", "action"), TRANSACTION_MESSAGES)
@pytest.mark.parametrize("payload", [b"{}", b"[]", b"null", b'{"connectorId":{},"idTag":[],"idToken":5,"timestamp":1}'])
def test_a_transaction_message_is_answered_positively_whatever_it_holds(
    version: Version, action: str, payload: bytes
) -> None:
    step = core(version).received(b'[2,"1","%b",%b]' % (action.encode(), payload), NOW_US)
    assert reply(step)[0] == 3
    record = told(step)[0]
    assert record.valid is False
    assert record.errors


@pytest.mark.parametrize(("version", "action"), TRANSACTION_MESSAGES)
def test_unless_the_policy_is_strict(version: Version, action: str) -> None:
    step = core(version, strict_tx=True).received(b'[2,"1","%b",{}]' % action.encode(), NOW_US)
    assert reply(step)[0] == 4
    assert told(step)[0].valid is False


@pytest.mark.parametrize(
    ("version", "action", "payload", "code", "pointer"),
    [
        (V16, "BootNotification", [], "FormationViolation", ""),
        (V201, "BootNotification", [], "FormatViolation", ""),
        (V16, "BootNotification", {"chargePointVendor": "V"}, "OccurenceConstraintViolation", "/chargePointModel"),
        (V201, "BootNotification", {"reason": "PowerUp"}, "OccurrenceConstraintViolation", "/chargingStation"),
        (
            V201, "BootNotification", {"reason": "PowerUp", "chargingStation": None},
            "TypeConstraintViolation", "/chargingStation",
        ),
        (V16, "Authorize", {"idTag": 5}, "TypeConstraintViolation", "/idTag"),
        (
            V16, "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Bogus"},
            "PropertyConstraintViolation", "/status",
        ),
        (
            V21, "NotifyEvent", {"generatedAt": "2026-01-02T03:04:05Z", "seqNo": 0, "eventData": []},
            "OccurrenceConstraintViolation", "/eventData",
        ),
    ],
)  # fmt: skip
def test_a_payload_that_does_not_validate(
    version: Version, action: str, payload: object, code: str, pointer: str
) -> None:
    step = core(version).received(json.dumps([2, "1", action, payload]).encode(), NOW_US)
    assert reply(step)[:3] == [4, "1", code]
    own, answer = told(step)
    assert (own.valid, own.errors[0].code, own.errors[0].pointer) == (False, code, pointer)
    assert (answer.type, answer.action, answer.call_seq) == ("CALLERROR", action, 0)


def test_an_error_never_quotes_a_value() -> None:
    for payload in ({"idTag": ["SECRETTAG"]}, {"idTag": {"x": "SECRETTAG"}}, "SECRETTAG"):
        step = core().received(json.dumps([2, "1", "Authorize", payload]).encode(), NOW_US)
        assert b"SECRETTAG" not in (step.reply or b"")


def test_a_payload_of_another_version() -> None:
    frame = b'[2,"d4","BootNotification",{"reason":"PowerUp","chargingStation":{"model":"X","vendorName":"Y"}}]'
    assert reply(core(V16).received(frame, NOW_US))[2] == "OccurenceConstraintViolation"
    assert reply(core(V201).received(frame, NOW_US))[0] == 3


def test_results_that_answer_nothing_of_ours_are_recorded_only() -> None:
    for frame, kind in (
        (b'[3,"srv-1",{"status":"Accepted"}]', "CALLRESULT"),
        (b'[4,"srv-1","NotSupported","",{}]', "CALLERROR"),
    ):
        for version in Version:
            step = core(version).received(frame, NOW_US)
            assert (step.reply, step.close) == (None, None)
            (record,) = told(step)
            assert (record.type, record.id, record.action, record.valid) == (kind, "srv-1", None, True)


def test_send_and_call_result_error_of_2_1() -> None:
    stream = {"id": 1, "pending": 0, "basetime": "2026-01-02T03:04:05Z", "data": [{"t": 0, "v": "1"}]}
    frame = json.dumps([6, "1", "NotifyPeriodicEventStream", stream]).encode()
    step = core(V21).received(frame, NOW_US)
    (record,) = told(step)
    assert (step.reply, record.type, record.action, record.valid) == (None, "SEND", "NotifyPeriodicEventStream", True)
    for frame, code in (
        (b'[6,"1","NotifyPeriodicEventStream",{}]', "OccurrenceConstraintViolation"),
        (b'[6,"1","Heartbeat",{}]', "NotSupported"),
        (b'[6,"1","Nonsense",{}]', "NotImplemented"),
    ):
        step = core(V21).received(frame, NOW_US)
        (record,) = told(step)
        assert (step.reply, record.valid, record.errors[0].code) == (None, False, code)
    step = core(V21).received(b'[5,"1","GenericError","",{}]', NOW_US)
    (record,) = told(step)
    assert (step.reply, record.type, record.valid) == (None, "CALLRESULTERROR", True)


BOOT_16 = b'[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
BOOT_2X = b'[2,"1","BootNotification",{"reason":"PowerUp","chargingStation":{"model":"M","vendorName":"V"}}]'


@pytest.mark.parametrize(
    ("registration", "status", "interval"),
    [("accept", "Accepted", 300), ("pending", "Pending", 60), ("reject", "Rejected", 60)],
)
def test_boot_says_the_registration(registration: Any, status: str, interval: int) -> None:
    for version, boot in ((V16, BOOT_16), (V201, BOOT_2X), (V21, BOOT_2X)):
        step = core(version, registration=registration).received(boot, NOW_US)
        assert reply(step)[2] == {
            "status": status,
            "interval": interval,
            "currentTime": "2026-01-02T03:04:05.678Z",
        }
        assert told(step)[0].flags == ()


@pytest.mark.parametrize("registration", ["pending", "reject"])
def test_before_it_is_accepted_2_x_gets_a_security_error_and_1_6_an_answer(registration: Any) -> None:
    for version in (V201, V21):
        for frame in (b'[2,"1","Heartbeat",{}]', b'[2,"1","TransactionEvent",{}]'):
            step = core(version, registration=registration).received(frame, NOW_US)
            assert reply(step)[:3] == [4, "1", "SecurityError"]
            assert "not-accepted" in [flag.code for flag in told(step)[0].flags]
    step = core(V16, registration=registration).received(b'[2,"1","Heartbeat",{}]', NOW_US)
    assert reply(step)[0] == 3
    assert [flag.code for flag in told(step)[0].flags] == ["not-accepted"]
    assert told(core(V16).received(b'[2,"1","Heartbeat",{}]', NOW_US))[0].flags == ()


def test_a_send_before_it_is_accepted_is_flagged() -> None:
    send = b'[6,"1","NotifyPeriodicEventStream",{}]'
    (record,) = told(core(V21, registration="pending").received(send, NOW_US))
    assert [flag.code for flag in record.flags] == ["not-accepted"]
    (record,) = told(core(V21).received(send, NOW_US))
    assert record.flags == ()


def test_an_echo_that_would_not_validate_becomes_an_error() -> None:
    hashes = {"hashAlgorithm": "SHA256", "issuerNameHash": "h" * 200, "issuerKeyHash": "h", "serialNumber": "1"}
    request = {"certificateStatusRequests": [{"source": "OCSP", "urls": ["http://x"], "certificateHashData": hashes}]}
    step = core(V21).received(json.dumps([2, "1", "GetCertificateChainStatus", request]).encode(), NOW_US)
    assert reply(step)[:3] == [4, "1", "PropertyConstraintViolation"]
    assert told(step)[0].valid is False


@pytest.mark.parametrize("line", FRAMES.read_text().splitlines())
def test_frames_from_the_field(line: str) -> None:
    field = json.loads(line)
    frame = field["raw"].encode()
    version = {"1.6": V16, "2.0.1": V201, "2.1": V21}[field["ocpp"]]
    step = core(version).received(frame, NOW_US)
    record = told(step)[0]
    assert record.frame_bytes() == frame
    assert step.close is None
    is_call = frame.replace(b"\n", b"").replace(b" ", b"").startswith(b"[2,")
    assert (step.reply is not None) == is_call
    if not is_call:
        return
    broken = not field["valid_json"]
    of_another_version = "2.0.1 BootNotification payload" in str(field["quirks"])
    expected_error = broken or of_another_version or "chargingStation null" in field["quirks"]
    assert (reply(step)[0] == 4) == expected_error
    assert record.valid is not expected_error
    message = parse(frame)
    if isinstance(message, Call):
        assert reply(step)[1] == message.unique_id
