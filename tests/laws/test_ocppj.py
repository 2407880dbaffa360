"""Laws of the framing: over any bytes."""

import json

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from contracts import ocppj
from contracts.ocppj import Call, CallError, CallResult, Send, Unreadable

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda children: st.lists(children, max_size=5) | st.dictionaries(st.text(), children, max_size=5),
    max_leaves=10,
)
texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_message_or_unreadable(frame: bytes) -> None:
    message = ocppj.parse(frame)
    assert ocppj.type_name(message)
    if isinstance(message, Unreadable) and message.is_json:
        json.loads(frame)


@given(texts, texts, documents)
def test_what_was_sent_is_read(unique_id: str, action: str, payload: object) -> None:
    payload = msgspec.json.decode(msgspec.json.encode(payload))
    call = ocppj.parse(msgspec.json.encode([2, unique_id, action, payload]))
    assert isinstance(call, Call)
    assert (call.unique_id, call.action, call.payload) == (unique_id, action, payload)
    assert json.loads(call.id_json) == unique_id
    result = ocppj.parse(ocppj.call_result(call.id_json, msgspec.json.encode(payload)))
    assert result == CallResult(unique_id, payload)
    error = ocppj.parse(ocppj.call_error(call.id_json, "GenericError", action))
    assert error == CallError(unique_id, "GenericError", action[:255], {})
    send = ocppj.parse(msgspec.json.encode([6, unique_id, action, payload]))
    assert isinstance(send, Send)


@given(texts, st.text('[]{}",:\\ x0', max_size=30))
def test_a_call_with_a_readable_head_keeps_its_id(unique_id: str, tail: str) -> None:
    """Whatever follows `[2,"id"`: the id is there to be answered."""
    head = b"[2," + msgspec.json.encode(unique_id)
    message = ocppj.parse(head + b"," + tail.encode())
    assert isinstance(message, Unreadable | Call)
    assert message.unique_id == unique_id


@given(st.integers(1, 200), st.sampled_from(["[", "{"]))
def test_depth_is_counted_exactly(levels: int, bracket: str) -> None:
    opened, closed = ('{"a":' if bracket == "{" else "["), ("}" if bracket == "{" else "]")
    innermost = "[]" if bracket == "[" else "{}"
    document = opened * (levels - 1) + innermost + closed * (levels - 1)
    padded = f'[{document},"[[[[",{",".join(["[{}]"] * 70)}]'
    assert ocppj.too_deep(padded.encode()) == (max(levels, 2) + 1 > ocppj.MAX_DEPTH)
