"""Laws of the edge's core: over any bytes, and over all messages that the schemas allow."""

import json
from importlib.resources import files
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ocpp.messages import MessageType, get_validator

from contracts import envelope, ocppj
from contracts.envelope import Envelope
from contracts.ocppj import Call
from contracts.quirks import QUIRKS, flag
from contracts.versions import Version
from edge.answers import served
from edge.core import Identity, Policy, StationCore, Step
from edge.policy import TokenRule
from edge.validation import request_schema

NOW_US = 1_767_323_045_678_901
FOLDERS = {Version.V16: "v16", Version.V201: "v201", Version.V21: "v21"}
versions = st.sampled_from(list(Version))
policies = st.builds(
    Policy,
    registration=st.sampled_from(["accept", "pending", "reject"]),
    authorize=st.sampled_from(["allow", "deny", "list"]),
    strict_tx=st.booleans(),
    data_transfer_vendors=st.just(frozenset({"v"})),
)
hiding = st.sampled_from([TokenRule("hmac", b"key"), TokenRule("drop")])


def core(version: Version, policy: Policy) -> StationCore:
    return StationCore(
        identity=Identity("default", "CP1", "default"), node="n", epoch=1, conn="C", version=version, policy=policy
    )


def told(step: Step) -> list[Envelope]:
    records = [envelope.decode(value) for value in step.records]
    for value in step.records:
        json.loads(value)
    return records


# --- frames ----------------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda children: st.lists(children, max_size=4) | st.dictionaries(texts, children, max_size=4),
    max_leaves=12,
)


def schema_of(version: Version, name: str) -> dict[str, Any]:
    text = (files("ocpp") / FOLDERS[version] / "schemas" / f"{name}.json").read_text("utf-8-sig")
    schema: dict[str, Any] = json.loads(text)
    return schema


@st.composite
def instances(draw: st.DrawFn, node: dict[str, Any], root: dict[str, Any]) -> Any:
    """An instance of a schema: of the few keywords that OCPP's schemas use."""
    if "$ref" in node:
        node = root["definitions"][node["$ref"].rsplit("/", 1)[1]]
    if "enum" in node:
        return draw(st.sampled_from(node["enum"]))
    if node.get("format") == "date-time":
        return draw(
            st.sampled_from(["2026-01-02T03:04:05Z", "2026-01-02T03:04:05.123456+02:00", "1970-01-01T00:00:00Z"])
        )
    match node.get("type"):
        case "string":
            return draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=min(node.get("maxLength", 50), 50)))
        case "integer":
            return draw(st.integers(int(node.get("minimum", -(2**63))), int(node.get("maximum", 2**63 - 1))))
        case "number":
            return draw(st.floats(node.get("minimum"), node.get("maximum"), allow_nan=False, allow_infinity=False))
        case "boolean":
            return draw(st.booleans())
        case "array":
            return draw(
                st.lists(
                    instances(node["items"], root),
                    min_size=node.get("minItems", 0),
                    max_size=min(node.get("maxItems", 3), 3),
                )
            )
        case "object" if "properties" in node:
            required = node.get("required", [])
            return {
                name: draw(instances(member, root))
                for name, member in node["properties"].items()
                if name in required or draw(st.integers(0, 3)) == 0
            }
        case "object":
            return draw(st.dictionaries(texts, documents, max_size=3))
        case _:
            return draw(documents)


SERVED = [(version, action) for version in Version for action in sorted(served(version))]


@st.composite
def calls(draw: st.DrawFn, version: Version | None = None) -> tuple[Version, bytes]:
    version, action = draw(st.sampled_from([pair for pair in SERVED if version in (None, pair[0])]))
    schema = schema_of(version, request_schema(version, action))
    return version, msgspec.json.encode([2, draw(texts), action, draw(instances(schema, schema))])


@st.composite
def nearly(draw: st.DrawFn) -> bytes:
    """A frame with something wrong: cut off, a byte changed, bytes put in, values replaced."""
    _, frame = draw(calls())
    at = draw(st.integers(0, len(frame)))
    match draw(st.integers(0, 3)):
        case 0:
            return frame[:at]
        case 1:
            return frame[:at] + draw(st.binary(min_size=1, max_size=3)) + frame[at + 1 :]
        case 2:
            return (
                frame[:at]
                + draw(st.sampled_from([b",", b"\\", b'"', b"\x00", b"\xff", b"1e999", b"{", b"]", b" "]))
                + frame[at:]
            )
        case _:
            message = json.loads(frame)
            message[draw(st.integers(0, 3))] = draw(documents)
            return json.dumps(message, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")


@st.composite
def stretched(draw: st.DrawFn) -> bytes:
    """A frame that repeats a few bytes very often, mostly in one of its texts: what is not linear in it never ends."""
    _, frame = draw(calls())
    ends = [at for at, byte in enumerate(frame) if byte == ord('"')]
    at = draw(st.sampled_from(ends) | st.integers(0, len(frame)))
    run = draw(st.sampled_from([b" ", b"0", b"9", b"a", b"/", b":", b"://", b"://a@", b"\\\\", b"[", b"{", b",", b'"']))
    return frame[:at] + run * (draw(st.sampled_from([30_000, 300_000])) // len(run)) + draw(texts).encode() + frame[at:]


actions = st.sampled_from(sorted({action for _, action in SERVED} | {"Reset", "Nonsense"}))
frames = st.one_of(
    st.binary(max_size=200),
    nearly(),
    stretched(),
    st.tuples(st.integers(0, 9), texts | st.integers(), actions, documents).map(
        lambda parts: json.dumps(parts).encode("utf-8", "surrogatepass")
    ),
    documents.map(lambda document: json.dumps(document).encode("utf-8", "surrogatepass")),
)


# --- laws ------------------------------------------------------------------------------------------------------------


@given(versions, policies, st.lists(st.tuples(frames, st.booleans()), max_size=4))
def test_any_bytes_are_recorded_exactly_and_without_gaps(
    version: Version, policy: Policy, received: list[tuple[bytes, bool]]
) -> None:
    station = core(version, policy)
    expected = 0
    for frame, binary in received:
        step = station.received(frame, NOW_US, binary=binary)
        records = told(step)
        own = records[0]
        if not own.redacted:
            assert own.frame_bytes() == frame
        assert (own.dir, own.call_seq, own.proto) == ("in", None, version.value)
        assert own.valid is (not own.errors)
        assert len(records) == (1 if step.reply is None else 2)
        for record in records[1:]:
            assert (record.dir, record.call_seq, record.id, record.action) == ("out", own.seq, own.id, own.action)
            assert record.frame_bytes() == step.reply
        assert [record.seq for record in records] == list(range(expected, expected + len(records)))
        expected += len(records)
        assert all(found.code in CODES for found in own.flags)


CODES = {flag(name) for name in QUIRKS} | {"not-accepted"}


@given(versions, policies, frames)
def test_every_call_with_a_readable_id_gets_one_reply_with_that_id(
    version: Version, policy: Policy, frame: bytes
) -> None:
    step = core(version, policy).received(frame, NOW_US)
    message = ocppj.parse(frame)
    if isinstance(message, Call):
        assert step.reply is not None
        assert step.reply[:3] in (b"[3,", b"[4,")
        assert step.reply[3:].startswith(message.id_json)
        msgspec.json.decode(step.reply)
    if step.reply is not None:
        reply = msgspec.json.decode(step.reply)
        assert reply[0] in (3, 4)
        assert len(reply) == (3 if reply[0] == 3 else 5)


@given(policies, st.data())
@pytest.mark.parametrize("version", list(Version))
def test_a_call_that_its_schema_allows_is_answered_as_the_response_schema_wants(
    version: Version, policy: Policy, data: st.DataObject
) -> None:
    _, frame = data.draw(calls(version))
    step = core(version, policy).received(frame, NOW_US)
    own = told(step)[0]
    assert own.valid, own.errors
    assert step.reply is not None
    reply = json.loads(step.reply)
    if policy.registration != "accept" and version.is_2x and own.action != "BootNotification":
        assert reply[2] == "SecurityError"
        return
    assert reply[0] == 3, reply
    assert own.action is not None
    oracle = get_validator(MessageType.CallResult, own.action, version.value.removeprefix("ocpp"))
    oracle.validate(reply[2])


@given(policies, st.sampled_from(["Started", "Updated", "Ended"]), st.data())
@pytest.mark.parametrize("version", [Version.V201, Version.V21])
def test_a_token_in_a_transaction_event_is_judged(
    version: Version, policy: Policy, kind: str, data: st.DataObject
) -> None:
    schema = schema_of(version, "TransactionEventRequest")
    payload = data.draw(instances(schema, schema)) | {"eventType": kind}
    policy = msgspec.structs.replace(policy, registration="accept")
    step = core(version, policy).received(msgspec.json.encode([2, "1", "TransactionEvent", payload]), NOW_US)
    assert step.reply is not None
    assert ("idTokenInfo" in json.loads(step.reply)[2]) == ("idToken" in payload)


@given(versions, hiding, nearly() | calls().map(lambda drawn: drawn[1]))
def test_a_hidden_token_stands_nowhere(version: Version, rule: TokenRule, frame: bytes) -> None:
    secret = b"S3CR3TT0KEN"
    try:
        message = json.loads(frame)
    except ValueError:
        message = None
    if isinstance(message, list) and len(message) > 3 and isinstance(message[3], dict):
        message[3] |= {"idTag": secret.decode(), "idToken": {"idToken": secret.decode(), "type": "Central"}}
        message[3] |= {"ID_TAG": secret.decode(), "packed": json.dumps({"idTag": secret.decode()})}
        frame = json.dumps(message).encode("utf-8", "surrogatepass")
    else:
        frame += b'{"idTag":"' + secret + b'"}'
    step = core(version, Policy(tokens=rule)).received(frame, NOW_US)
    for record in told(step):
        assert secret not in (record.frame_bytes() or b"")
    assert secret not in (step.reply or b"")


@given(st.text(max_size=40), documents, documents, st.data())
def test_ids_of_transactions_depend_on_nothing_but_the_start(
    identity: str, connector: object, meter: object, data: st.DataObject
) -> None:
    payload = {
        "connectorId": connector,
        "idTag": data.draw(texts),
        "meterStart": meter,
        "timestamp": "2026-01-02T03:04:05Z",
    }
    given_ids = set()
    for _ in range(2):
        step = core(Version.V16, Policy()).received(
            msgspec.json.encode([2, identity, "StartTransaction", payload]), NOW_US
        )
        assert step.reply is not None
        given_ids.add(json.loads(step.reply)[2]["transactionId"])
    (only,) = given_ids
    assert 1 <= only <= 2**31 - 1
