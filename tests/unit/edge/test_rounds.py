"""What a round of every second does."""

import asyncio

import pytest

from edge import rounds
from edge.rounds import go_round
from ops.metrics.edge import REGISTRY
from paper import HEARTBEAT, paper_edge, until


async def test_silent_stations_are_pinged_unless_the_process_stood_still() -> None:
    async with paper_edge() as edge:
        station = await edge.connect()
        (connection,) = edge.node.stations
        later = connection.heard_at + 100
        go_round(edge.node, edge.hold, later, stalled=True)
        assert connection.heard_at == later  # forgiven
        go_round(edge.node, edge.hold, later + 21)
        await until(lambda: connection.heard_at != later)  # pinged, and its pong came
        assert station.close_code is None


async def test_partitions_without_acknowledgements_of_their_own_are_looked_at() -> None:
    async with paper_edge() as edge:
        edge.log.capacity = 0
        station = await edge.connect()
        await station.send(HEARTBEAT)
        await asyncio.sleep(0.05)
        assert not edge.log.waiting
        edge.log.capacity = 10
        (connection,) = edge.node.stations
        go_round(edge.node, edge.hold, connection.heard_at)
        assert len(edge.log.waiting) == 2


async def test_gauges_and_counters_are_shown() -> None:
    async with paper_edge() as edge:
        edge.log.prompt = True
        before = REGISTRY.get_sample_value("voltstream_edge_answered_total") or 0.0
        station = await edge.connect()
        await station.send(HEARTBEAT)
        await station.recv()
        (connection,) = edge.node.stations
        go_round(edge.node, edge.hold, connection.heard_at)
        assert REGISTRY.get_sample_value("voltstream_edge_answered_total") == before + 1
        assert REGISTRY.get_sample_value("voltstream_edge_connections") == 1


async def test_rounds_come_regularly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "EVERY_S", 0.02)
    seen = []
    monkeypatch.setattr(rounds, "go_round", lambda *_, stalled: seen.append(stalled))
    async with paper_edge() as edge:
        going = asyncio.create_task(rounds.round_for_ever(edge.node, edge.hold))
        await until(lambda: len(seen) >= 3)
        going.cancel()
    assert not any(seen)


async def test_connections_are_shown_by_version() -> None:
    async with paper_edge() as edge:
        await edge.connect()
        (connection,) = edge.node.stations
        go_round(edge.node, edge.hold, connection.heard_at)
        shown = {
            version: REGISTRY.get_sample_value("voltstream_edge_connections_by_version", {"version": version})
            for version in ("ocpp1.6", "ocpp2.0.1", "ocpp2.1")
        }
        assert shown == {"ocpp1.6": 1, "ocpp2.0.1": 0, "ocpp2.1": 0}
