"""The short cut of the recorder writes what the long way writes, to the byte."""

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import decode, encode
from contracts.flags import Finding
from contracts.versions import Version
from edge.records import Identity, Recorder, Told

TEXT = st.text(max_size=600)
TIME = "2026-11-24T06:00:00.000000Z"


@given(
    TEXT, TEXT | st.none(), TEXT | st.none(), st.booleans(), st.none() | st.integers(0, 2**31), st.sampled_from(Version)
)
def test_a_record_reads_and_writes_the_same(
    name: str, unique_id: str | None, action: str | None, valid: bool, call_seq: int | None, version: Version
) -> None:
    recorder = Recorder(identity=Identity(name, name, name), node=name, epoch=1, conn=name, version=version)
    frame = msgspec.json.encode([3, unique_id, {"name": name}])
    told = Told(type="CALLRESULT", id=unique_id, action=action, valid=valid)
    first = recorder.frame(told, frame, TIME, "out", call_seq=call_seq)
    assert encode(decode(first)) == first
    assert decode(first).frame_bytes() == frame
    flagged = msgspec.structs.replace(told, flags=(Finding("quirk:none"),))
    second = decode(recorder.frame(flagged, frame, TIME, "out", call_seq=call_seq))
    assert msgspec.structs.replace(second, flags=(), seq=0) == decode(first)
    assert second.seq == 1
