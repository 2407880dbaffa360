"""`voltstream edge` over Kafka: independent clients are answered as they expect, and all of it stands on the log."""

import asyncio
import json
from pathlib import Path

from clients.charge_points import charge
from contracts.ocppj import CallResult
from edge_log import Row, answer_of, exchanges, log_of, of_station, without_gaps
from edge_process import start_edge
from parts.handles import Broker
from parts.node import run_node

CLIENT = Path(__file__).parent / "clients" / "charge_point.js"
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


def ended(rows: list[Row], identity: str) -> set[str | None]:
    return {
        row.envelope.station
        for row in rows
        if row.envelope.kind == "disconnected" and str(row.envelope.station).startswith(f"default/{identity}")
    }
