"""Records that are not a frame's."""

from contracts import envelope
from contracts.envelope import ClockSetting
from contracts.topics import REJECTED_KEY
from contracts.versions import Version
from edge.core import Identity, reject_record, tick_record
from edge.records import Recorder, Told

NOW_US = 1_767_323_045_678_901


def test_a_refused_handshake() -> None:
    key, value = reject_record(
        node="n", tenant=None, station=None, site=None, now_us=NOW_US, status=404, reason="unknown-path",
        path="/ocpp/%20?key=SECRET", remote="10.0.0.1:5",
    )  # fmt: skip
    record = envelope.decode(value)
    assert key == REJECTED_KEY
    assert (record.kind, record.status, record.reason, record.path) == ("rejected", 404, "unknown-path", "/ocpp/%20")
    assert (record.station, record.conn, record.seq, record.ts) == (None, None, None, "2026-01-02T03:04:05.678901Z")


def test_a_refused_handshake_of_a_station_has_its_key() -> None:
    key, value = reject_record(
        node="n", tenant="acme", station="acme/CP1", site="depot", now_us=NOW_US, status=401, reason="password",
        path="/CP1", remote="10.0.0.1:5", user_agent="x" * 1000,
    )  # fmt: skip
    record = envelope.decode(value)
    assert (key, record.station, record.tenant, record.site) == (b"acme/CP1", "acme/CP1", "acme", "depot")
    assert len(record.user_agent or "") == 512


def test_a_tick() -> None:
    clock = ClockSetting(1, 2, 60.0)
    record = envelope.decode(tick_record(node="n", epoch=7, log=1, connections=3, clock=clock, now_us=NOW_US))
    assert (record.kind, record.node, record.epoch, record.log, record.connections, record.clock) == (
        "node", "n", 7, 1, 3, clock,
    )  # fmt: skip


def test_bytes_that_must_not_be_kept_are_not() -> None:
    recorder = Recorder(
        identity=Identity("default", "CP1", "default"), node="n", epoch=1, conn="C", version=Version.V16
    )
    record = envelope.decode(recorder.frame(Told(type="unknown"), None, "t", "in", redacted=("",)))
    assert (record.frame_bytes(), record.redacted, record.seq) == (None, ("",), 0)
    assert recorder.next_seq == 1
