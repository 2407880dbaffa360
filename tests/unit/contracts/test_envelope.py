"""The envelope: what is spliced in comes out again."""

import json

import msgspec
import pytest

from contracts import envelope
from contracts.envelope import ClockSetting, Envelope
from contracts.errors import RecordError
from contracts.flags import Finding

TS = "2026-01-02T03:04:05.000006Z"


def test_a_frame_is_spliced_in_as_it_is() -> None:
    frame = b'[2, "1",\n\t"Heartbeat", {"x": 1.50}]'
    value = envelope.encode(Envelope(v=1, kind="frame", ts=TS, node="n", frame=msgspec.Raw(frame)))
    assert frame in value
    assert envelope.decode(value).frame_bytes() == frame


def test_what_is_no_json_stands_in_base64() -> None:
    value = envelope.encode(Envelope(v=1, kind="frame", ts=TS, node="n", raw=envelope.raw_text(b"\xff\x00[")))
    assert envelope.decode(value).frame_bytes() == b"\xff\x00["
    assert json.loads(value)["raw"] == "/wBb"


def test_a_record_without_a_frame_has_none() -> None:
    assert envelope.decode(envelope.encode(Envelope(v=1, kind="node", ts=TS, node="n"))).frame_bytes() is None


def test_absent_fields_are_not_written() -> None:
    assert json.loads(envelope.encode(Envelope(v=1, kind="node", ts=TS, node="n"))) == {
        "v": 1,
        "kind": "node",
        "ts": TS,
        "node": "n",
    }


def test_everything_comes_back() -> None:
    told = Envelope(
        v=1,
        kind="frame",
        ts=TS,
        node="n",
        seq=0,
        valid=False,
        errors=(Finding("TypeConstraintViolation", "/a"),),
        flags=(Finding("quirk:long-string"),),
        redacted=("/idTag",),
        clock=ClockSetting(1, 2, 60.0),
    )
    assert envelope.decode(envelope.encode(told)) == told


@pytest.mark.parametrize("value", [None, b"", b"{}", b"[]", b"\xff", b'{"v":1,"kind":"other","ts":"","node":""}'])
def test_what_is_no_envelope_is_a_record_error(value: bytes | None) -> None:
    with pytest.raises(RecordError):
        envelope.decode(value)
