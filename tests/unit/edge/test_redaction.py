"""Redaction: what must not stand in a record does not, and everything else stands as it was."""

import json
from typing import Any

import pytest

from contracts import envelope
from contracts.envelope import Envelope
from contracts.versions import Version
from edge.core import Identity, Policy, StationCore
from edge.policy import REDACTED, TokenRule
from edge.redaction import Redactor

V16, V201, V21 = Version.V16, Version.V201, Version.V21
HMAC = TokenRule("hmac", b"the key")
DROP = TokenRule("drop")
T = "2026-01-02T03:04:05Z"


def record(frame: bytes, version: Version = V16, **policy: Any) -> Envelope:
    core = StationCore(
        identity=Identity("default", "CP1", "default"),
        node="n",
        epoch=1,
        conn="C",
        version=version,
        policy=Policy(**policy),
    )
    step = core.received(frame, 1_767_323_045_000_000)
    return envelope.decode(step.records[0])


def test_plain_tokens_stay() -> None:
    frame = b'[2,"1","Authorize",{"idTag":"04A2"}]'
    assert record(frame).frame_bytes() == frame
    assert record(frame).redacted == ()


def test_a_token_is_replaced_and_nothing_else() -> None:
    frame = b'[2, "1",\t"StartTransaction", {"connectorId" :1, "idTag": "04A2",\n"meterStart":1.0e1, "timestamp":"%b"}]'
    told = record(frame % T.encode(), tokens=HMAC)
    shown = HMAC.published("04A2")
    assert told.frame_bytes() == (frame % T.encode()).replace(b"04A2", shown.encode())
    assert told.redacted == ("/idTag",)


TOKENS_SENT = [
    (V16, [2, "1", "Authorize", {"idTag": "SECRET"}], "/idTag"),
    (V16, [2, "1", "StartTransaction", {"idTag": "SECRET"}], "/idTag"),
    (V16, [2, "1", "StopTransaction", {"idTag": "SECRET"}], "/idTag"),
    (V16, [2, "1", "Authorize", {"idTag": ["SECRET"]}], "/idTag/0"),
    (V16, [2, "1", "Authorize", {"idToken": {"idToken": "SECRET", "type": "Central"}}], "/idToken/idToken"),
    (V16, [2, "1", "TransactionEvent", {"idToken": {"idToken": "SECRET"}}], "/idToken/idToken"),
    (V16, [2, "1", "startTransaction", {"idTag": "SECRET"}], "/idTag"),
    (V16, [2, "1", "MeterValues", {"connectorId": 1, "idTag": "SECRET"}], "/idTag"),
    (V16, [2, "1", "Nonsense", {"deep": [{"parentIdTag": "SECRET"}]}], "/deep/0/parentIdTag"),
    (V16, [3, "1", {"idTagInfo": {"parentIdTag": "SECRET"}}], "/idTagInfo/parentIdTag"),
    (V16, [9, "1", {"idTag": "SECRET"}], "/2/idTag"),
    (V16, {"idTag": "SECRET"}, "/idTag"),
    (V16, [2, "1", "StatusNotification", {"status": "Available", "IdTag": "SECRET"}], "/IdTag"),
    (V16, [2, "1", "StatusNotification", {"status": "Available", "idtag": "SECRET"}], "/idtag"),
    (V16, [2, "1", "MeterValues", {"ID_TAG": ["SECRET"]}], "/ID_TAG/0"),
    (V201, [2, "1", "Authorize", {"idToken": {"idToken": "SECRET", "type": "Central"}}], "/idToken/idToken"),
    (V201, [2, "1", "TransactionEvent", {"idToken": {"idToken": "SECRET", "type": "Central"}}], "/idToken/idToken"),
    (
        V201,
        [2, "1", "TransactionEvent", {"idToken": {"additionalInfo": [{"additionalIdToken": "SECRET", "type": "x"}]}}],
        "/idToken/additionalInfo/0/additionalIdToken",
    ),
    (V201, [2, "1", "StartTransaction", {"idTag": "SECRET"}], "/idTag"),
    (V201, [2, "1", "NotifyCustomerInformation", {"data": "SECRET", "seqNo": 0}], "/data"),
    (V21, [2, "1", "BatterySwap", {"idToken": {"idToken": "SECRET", "type": "Central"}}], "/idToken/idToken"),
]  # fmt: skip


@pytest.mark.parametrize(("version", "message", "pointer"), TOKENS_SENT)
@pytest.mark.parametrize("rule", [HMAC, DROP])
@pytest.mark.parametrize("escaped", [False, True])
def test_hidden_tokens(version: Version, message: Any, pointer: str, rule: TokenRule, escaped: bool) -> None:
    text = json.dumps(message)
    if escaped:
        text = text.replace("dT", "d\\u0054").replace("SECRET", "\\u0053ECRET")
    told = record(text.encode(), version, tokens=rule)
    kept = told.frame_bytes()
    assert kept is not None
    assert "SECRET" not in json.dumps(json.loads(kept))
    assert rule.published("SECRET") in json.dumps(json.loads(kept))
    assert told.redacted == (pointer,)
    if "Central" in text:
        assert b"Central" in kept  # the kind of token is none


def test_a_repeated_key_hides_nothing() -> None:
    kept = record(b'[2,"1","Authorize",{"idTag":"SECRET","idTag":"other"}]', tokens=DROP).frame_bytes()
    assert kept == b'[2,"1","Authorize",{"idTag":"[redacted]","idTag":"[redacted]"}]'


def test_numbers_are_tokens_too_and_empty_ones_are_none() -> None:
    frame = b'[2,"1","Authorize",{"idTag":%b}]'
    assert record(frame % b"4711", tokens=DROP).frame_bytes() == frame % b'"[redacted]"'
    for nothing in (b'""', b"null", b"true"):
        assert record(frame % nothing, tokens=DROP).frame_bytes() == frame % nothing


TEXTS_SENT = [
    ("StatusNotification", "info", '{"idTag":"SECRET"}'),
    ("StatusNotification", "info", '{"IDTAG": ["SECRET"]}'),
    ("StartTransaction", "vendor", '{"card": {"id_token": "SECRET"}}'),
    ("MeterValues", "vendor", json.dumps(json.dumps({"idTag": "SECRET"}))),
    ("DataTransfer", "data", '{"idTag":"SECRET"}'),
    ("DataTransfer", "data", '{"\\u0069dTag":"SECRET"}'),
    ("DataTransfer", "data", "<idTag>SECRET</idTag>"),
    ("DataTransfer", "data", "idTag=SECRET"),
]


@pytest.mark.parametrize(("action", "name", "text"), TEXTS_SENT)
def test_a_text_that_holds_a_token_is_replaced_whole(action: str, name: str, text: str) -> None:
    frame = json.dumps([2, "1", action, {name: text}]).encode()
    told = record(frame, tokens=DROP)
    kept = told.frame_bytes()
    assert kept is not None
    assert json.loads(kept)[3] == {name: REDACTED}
    assert told.redacted == (f"/{name}",)
    assert record(frame).frame_bytes() == frame


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("DataTransfer", '{"key":"AuthorizationKey","value":"SECRET"}'),
        ("DataTransfer", '{"value":"SECRET","key":"AuthorizationKey"}'),
        ("DataTransfer", "AuthorizationKey=SECRET"),
        ("DataTransfer", '{"vpn": {"key": "SECRET"}}'),
        ("DataTransfer", {"key": "AuthorizationKey", "value": ["SECRET"]}),
        ("DataTransfer", {"Key": "AuthorizationKey", "Value": "SECRET"}),
        ("DataTransfer", {"connectionData": {"basicauthpassword": "SECRET"}}),
        ("StatusNotification", '{"key":"AuthorizationKey","value":"SECRET"}'),
        ("StatusNotification", r'{"url":"ftp:\/\/joe:SECRET@h"}'),
    ],
)
def test_secrets_in_what_a_vendor_sends(action: str, data: object) -> None:
    kept = record(json.dumps([2, "1", action, {"vendorId": "v", "data": data}]).encode()).frame_bytes()
    assert kept is not None
    assert b"SECRET" not in kept
    assert REDACTED.encode() in kept


@pytest.mark.parametrize("text", ["AuthorizationKey", "idTag", 'a "quoted" text', 'VPN: "up"', "token", "é\n"])
def test_a_name_alone_is_no_secret(text: str) -> None:
    for action in ("StatusNotification", "DataTransfer"):
        frame = json.dumps([2, "1", action, {"vendorId": "v", "info": text}]).encode()
        assert record(frame, tokens=DROP).frame_bytes() == frame


SETTINGS_SENT = [
    (V16, [3, "1", {"configurationKey": [{"key": "AuthorizationKey", "readonly": False, "value": "SECRET"}]}],
        "/configurationKey/0/value"),
    (V16, [3, "1", {"configurationKey": {"key": "authorizationkey", "value": "SECRET"}}], "/configurationKey/value"),
    (V16, [2, "1", "ChangeConfiguration", {"key": "AuthorizationKey", "value": "SECRET"}], "/value"),
    (V201, [3, "1", {"getVariableResult": [{"attributeStatus": "Accepted", "attributeValue": "SECRET",
        "component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"}}]}],
        "/getVariableResult/0/attributeValue"),
    (V201, [2, "1", "NotifyReport", {"requestId": 1, "generatedAt": T, "seqNo": 0, "reportData": [{
        "component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"},
        "variableAttribute": [{"value": "SECRET"}]}]}], "/reportData/0/variableAttribute/0/value"),
    (V201, [2, "1", "NotifyEvent", {"generatedAt": T, "seqNo": 0, "eventData": [{
        "component": {"name": "SecurityCtrlr"}, "variable": {"name": "BasicAuthPassword"},
        "actualValue": "SECRET"}]}], "/eventData/0/actualValue"),
    (V201, [2, "1", "SetNetworkProfile", {"connectionData": {"apn": {"apnPassword": "SECRET"}}}],
        "/connectionData/apn/apnPassword"),
    (V201, [2, "1", "SetNetworkProfile", {"connectionData": {"vpn": {"key": "SECRET"}}}], "/connectionData/vpn/key"),
    (V21, [2, "1", "SetNetworkProfile", {"connectionData": {"basicAuthPassword": "SECRET"}}],
        "/connectionData/basicAuthPassword"),
]  # fmt: skip


@pytest.mark.parametrize(("version", "message", "pointer"), SETTINGS_SENT)
def test_secrets_are_always_hidden(version: Version, message: object, pointer: str) -> None:
    told = record(json.dumps(message).encode(), version)
    kept = told.frame_bytes()
    assert kept is not None
    assert kept == json.dumps(message).encode().replace(b"SECRET", REDACTED.encode())
    assert told.redacted == (pointer,)


def test_other_settings_stay() -> None:
    for frame in (
        b'[3,"1",{"configurationKey":[{"key":"HeartbeatInterval","value":"30"},{"key":"AuthorizationKey","value":""}]}]',
        b'[2,"1","NotifyReport",{"reportData":[{"variable":{"name":"Model"},"variableAttribute":[{"value":"x"}]}]}]',
    ):
        for version in Version:
            assert record(frame, version).frame_bytes() == frame


@pytest.mark.parametrize("slashes", ["//", "\\/\\/"])
@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("ftp:%sjoe:SECRET@files.example/up", "ftp:%s[redacted]@files.example/up"),
        ("see ftps:%sSECRET@h.example", "see ftps:%s[redacted]@h.example"),
        ("wss:%sCP1:SE@CRET@csms.example/ocpp", "wss:%s[redacted]@csms.example/ocpp"),
    ],
)
def test_userinfo_in_any_url(url: str, shown: str, slashes: str) -> None:
    frame = '[2,"1","StatusNotification",{"connectorId":1,"errorCode":"NoError","status":"Available","info":"%s"}]'
    told = record((frame % (url % slashes)).encode())
    kept = told.frame_bytes()
    assert kept is not None
    assert json.loads(kept)[3]["info"] == shown % "//"
    assert told.redacted == ("/info",)


def test_an_escaped_at_sign_hides_nothing() -> None:
    frame = b'[2,"1","DataTransfer",{"vendorId":"v","data":"ftp:\\u002f/joe:SECRET\\u0040h/"}]'
    assert record(frame).frame_bytes() == b'[2,"1","DataTransfer",{"vendorId":"v","data":"ftp://[redacted]@h/"}]'
    harmless = b'[2,"1","DataTransfer",{"vendorId":"v","data":"21 \\u00b0C"}]'
    assert record(harmless).frame_bytes() == harmless


def test_an_at_sign_alone_is_no_secret() -> None:
    for info in ("joe@example.com", "https://example.com/@joe", "TeisonMe@7KW V1.5@25238bf", "http://h/?q=a@b"):
        frame = json.dumps([2, "1", "DataTransfer", {"vendorId": "v", "data": info}]).encode()
        assert record(frame).frame_bytes() == frame


def test_pointers_of_frames_without_a_payload_are_into_the_frame() -> None:
    told = record(b'[4,"1","GenericError","at ftp://a:b@c",{}]')
    assert told.frame_bytes() == b'[4,"1","GenericError","at ftp://[redacted]@c",{}]'
    assert told.redacted == ("/3",)


BROKEN = [
    b'[2,"1","Authorize",{"idTag":"SECRET"',
    b'[2,"1","Nonsense",{"idTag":"SECRET"',
    b'[2,"1","StopTransaction",{,',
]


@pytest.mark.parametrize("frame", BROKEN)
def test_broken_frames_in_which_a_token_may_stand(frame: bytes) -> None:
    assert record(frame).frame_bytes() == frame  # tokens are plain
    told = record(frame, tokens=DROP)
    assert (told.frame_bytes(), told.redacted, told.valid) == (None, ("",), False)
    assert told.errors
    assert record(frame, tokens=DROP, unredactable="keep").frame_bytes() == frame


@pytest.mark.parametrize(
    "frame",
    [
        b'[3,"1",{"configurationKey":[{"key":"AuthorizationKey","value":"SECRET"',
        b'[2,"1","DataTransfer",{"data":"ftp://joe:SECRET@h',
        b'[2,"1","DataTransfer",{"data":"ftp:\\/\\/joe:SECRET@h',
        b'[2,"1","LogX",{"url":"ftp://joe:SECRET',
        b'[2,"1","LogX",{"url":"ftp:\\/\\/joe:SEC\\"RET',
        b'[2,"1","LogX",{"p\\u0061ssword":"SECRET',
        b'\xff {"password": "SECRET"}',
    ],
)
def test_broken_frames_in_which_a_secret_may_stand(frame: bytes) -> None:
    assert record(frame).frame_bytes() is None
    assert record(frame, unredactable="keep").frame_bytes() == frame


@pytest.mark.parametrize(
    "frame",
    [
        b'[2,"1","MeterValues",{"connectorId":1,"meterValue":[,',
        b'[2,"1","FirmwareStatusNotification",{"url":"ftp://h/file","at":,',
    ],
)
def test_broken_frames_in_which_none_can_stand_are_kept_whole(frame: bytes) -> None:
    assert record(frame, tokens=DROP).frame_bytes() == frame


URLS = json.dumps([2, "1", "DataTransfer", {"vendorId": "x", "data": ["://b@"] * 62_000}]).encode()
TAGS = json.dumps([2, "1", "Authorize", {"idTag": ["x"] * 100_000}]).encode()


@pytest.mark.parametrize(("frame", "rule"), [(URLS, TokenRule()), (TAGS, HMAC), (TAGS, DROP)])
def test_what_would_outgrow_its_record_is_dropped(frame: bytes, rule: TokenRule) -> None:
    told = record(frame, tokens=rule, unredactable="keep")
    assert (told.frame_bytes(), told.redacted) == (None, ("",))
    few = record(frame[:2000].rpartition(b",")[0] + b"]}]", tokens=rule)
    assert few.frame_bytes() is not None
    assert len(few.redacted) == 32


def test_a_token_is_hashed_once_a_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []
    published = TokenRule.published

    def counted(rule: TokenRule, token: str) -> str:
        hashed.append(token)
        return published(rule, token)

    monkeypatch.setattr(TokenRule, "published", counted)
    kept = record(json.dumps([2, "1", "Nonsense", {"idTag": ["a", "b"] * 100}]).encode(), tokens=HMAC).frame_bytes()
    assert kept is not None
    assert kept.count(HMAC.published("a").encode()) == 100
    assert hashed == ["a", "b", "a"]  # the last is of the line above


def test_pointers_of_long_names_are_cut() -> None:
    told = record(json.dumps([2, "1", "DataTransfer", {"K" * 100_000: ["://a@b"] * 3000}]).encode())
    assert told.redacted == ("/" + "K" * 255,)


@pytest.mark.parametrize(
    ("frame", "policy", "lost"),
    [
        (b'[2,"1","LogX",{"url":"ftp://joe:SECRET', {}, "dropped"),
        (b'[2,"1","LogX",{"url":"ftp://joe:SECRET', {"unredactable": "keep"}, "kept"),
        (URLS, {"unredactable": "keep"}, "dropped"),
        (b'[2,"1","DataTransfer",{"vendorId":"x","data":"://b@"}]', {}, ""),
        (b'[3,"1",{"password', {}, "dropped"),
        (b"no JSON", {}, ""),
    ],
)
def test_a_step_says_what_could_not_be_redacted(frame: bytes, policy: dict[str, Any], lost: str) -> None:
    identity = Identity("default", "CP1", "default")
    core = StationCore(identity=identity, node="n", epoch=1, conn="C", version=V16, policy=Policy(**policy))
    assert core.received(frame, 0).unredactable == lost
    if frame is not URLS:
        assert core.rejected_frame(0, reason="oversized-frame", size=9, sha256="", head=frame).unredactable in (
            lost or "dropped",
            lost,
        )


def test_the_head_of_an_oversized_frame() -> None:
    core = StationCore(
        identity=Identity("default", "CP1", "default"), node="n", epoch=1, conn="C", version=V16,
        policy=Policy(tokens=DROP),
    )  # fmt: skip

    def head_of(head: bytes) -> str | None:
        step = core.rejected_frame(0, reason="oversized-frame", size=9, sha256="", head=head)
        return envelope.decode(step.records[0]).head

    assert head_of(b'[2,"1","StopTransaction",{"idTag":"SECRET"') is None
    assert head_of(b'[2,"1","MeterValues",{"connectorId":1') is not None


def test_harmless_frames_are_handed_back_as_they_are() -> None:
    frame = b'[2,"1","Heartbeat",{}]'
    assert Redactor(V16, Policy()).redact(frame, "CALL", "Heartbeat", is_json=True)[0] is frame
