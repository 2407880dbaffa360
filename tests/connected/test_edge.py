"""`voltstream edge` over Kafka: independent clients are answered as they expect, and all of it stands on the log."""

import asyncio
import json
import re
from pathlib import Path

from websockets.asyncio.client import ClientConnection

from clients.charge_points import charge
from contracts.ocppj import CallResult
from edge_log import Row, answer_of, exchanges, log_of, of_station, without_gaps
from edge_process import start_edge
from parts.handles import Broker
from parts.node import run_node

CLIENT = Path(__file__).parent / "clients" / "charge_point.js"
FRAMES = Path(__file__).parents[1] / "fixtures" / "frames.jsonl"
VERSIONS = ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")


async def test_charge_points_of_pypi_charge(broker: Broker) -> None:
    with start_edge(broker) as edge:
        answers = await asyncio.gather(*(charge(version, edge.url(f"PY-{version}")) for version in VERSIONS))
        rows = await asyncio.to_thread(log_of, broker, lambda rows: len(ended(rows, "PY-")) == 3)
    for version, answered in zip(VERSIONS, answers, strict=True):
        records = of_station(rows, f"PY-{version}")
        assert without_gaps(records)
        assert [record.kind for record in records if record.kind != "frame"] == ["connected", "disconnected"]
        assert {record.proto for record in records} == {version}
        on_log = exchanges(records)
        assert [(unique_id, action) for unique_id, action, _, _ in on_log] == [(one[0], one[1]) for one in answered]
        assert all(record.valid for record in records if record.kind == "frame")
        assert all(isinstance(answer_of(reply), CallResult) for *_, reply in on_log)
    ticks = [row for row in rows if row.envelope.kind == "node"]
    assert {row.partition for row in ticks} == set(range(broker.partitions))


async def test_the_npm_client_is_content_in_strict_mode(broker: Broker, ocpp_rpc: Path) -> None:
    assert ocpp_rpc
    with start_edge(broker) as edge:
        endpoint = f"ws://127.0.0.1:{edge.port}/ocpp"
        printed = [
            await asyncio.to_thread(run_node, CLIENT, endpoint, f"JS-{version}", version) for version in VERSIONS
        ]
        rows = await asyncio.to_thread(log_of, broker, lambda rows: len(ended(rows, "JS-")) == 3)
    for version, text in zip(VERSIONS, printed, strict=True):
        records = of_station(rows, f"JS-{version}")
        on_log = [[action, json.loads(reply)[2]] for _, action, _, reply in exchanges(records)]
        assert on_log == json.loads(text)
        assert records[-1].close_code == 1000


async def test_every_frame_seen_in_the_field_is_recorded_verbatim_and_every_call_answered(broker: Broker) -> None:
    sent: dict[str, list[str]] = {version: [] for version in VERSIONS}
    for line in FRAMES.read_text().splitlines():
        frame = json.loads(line)
        sent[f"ocpp{frame['ocpp']}"].append(frame["raw"])
    assert sum(map(len, sent.values())) == 106
    with start_edge(broker) as edge:
        for version, frames in sent.items():
            async with edge.connect(f"FIELD-{version}", version) as station:
                for number, frame in enumerate(frames):
                    await station.send(frame)
                    replies = await until_fence(station, number)
                    assert len(replies) == (1 if re.match(r"\s*\[\s*2\b", frame) else 0), frame
        rows = await asyncio.to_thread(log_of, broker, lambda rows: len(ended(rows, "FIELD-")) == 3)
    for version, frames in sent.items():
        records = of_station(rows, f"FIELD-{version}")
        assert without_gaps(records)
        came = [record.frame_bytes() for record in records if record.dir == "in"]
        assert [frame for frame in came if b'"fence-' not in (frame or b"")] == [frame.encode() for frame in frames]


async def until_fence(station: ClientConnection, number: int) -> list[str]:
    """What was answered before a heartbeat that is sent now."""
    await station.send(f'[2,"fence-{number}","Heartbeat",{{}}]')
    replies: list[str] = []
    while True:
        reply = str(await asyncio.wait_for(station.recv(), 60))
        if json.loads(reply)[1] == f"fence-{number}":
            return replies
        replies.append(reply)


def ended(rows: list[Row], identity: str) -> set[str | None]:
    return {
        row.envelope.station
        for row in rows
        if row.envelope.kind == "disconnected" and str(row.envelope.station).startswith(f"default/{identity}")
    }
