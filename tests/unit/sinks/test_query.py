"""`POST /query` over HTTP: JSON in, JSON out, and only for this machine."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from derived import at, energy, out, session
from sinks.duckdb import DuckDb
from sinks.query import plain, query_routes
from sinks.records import Place, Received, decode


@pytest.fixture
async def url(tmp_path: Path) -> AsyncIterator[str]:
    store = DuckDb(tmp_path / "fleet.duckdb", memory_mb=128)
    await store.open()
    found = []
    for event in (energy("default/A", 1, 0, 1.5), session("default/A", 2, 10, ended_at=at(20), flags=("late",))):
        one = out(event)
        record = decode(one.name, Received(Place(one.name, 0, 0), one.key, one.value))
        assert record is not None
        found.append(record)

    async def permit() -> None: ...

    await store.write(found, permit)
    app = web.Application()
    app.add_routes(query_routes(store, most_rows=100, seconds=5))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/query"
    await runner.cleanup()
    await store.close()


async def ask(url: str, body: Any, **more: Any) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.post(url, json=body, **more) as answer:
        return answer.status, await answer.json()


async def test_rows_are_json(url: str) -> None:
    sql = "SELECT s.session_id, s.started_at, s.flags, s.token, e.import_wh FROM sessions s, energy e WHERE e.evse = ?"
    assert await ask(url, {"sql": sql, "parameters": [1]}) == (
        200,
        {
            "columns": ["session_id", "started_at", "flags", "token", "import_wh"],
            "rows": [[f"default/A/1/{at(10)}", at(10), ["late"], None, 1.5]],
            "truncated": False,
        },
    )


async def test_rows_are_limited(url: str) -> None:
    status, answer = await ask(url, {"sql": "SELECT * FROM range(1000)", "rows": 5000})
    assert (status, len(answer["rows"]), answer["truncated"]) == (200, 100, True)
    status, answer = await ask(url, {"sql": "SELECT * FROM range(3)", "rows": 2})
    assert answer == {"columns": ["range"], "rows": [[0], [1]], "truncated": True}


@pytest.mark.parametrize(
    "body", [{}, [], {"sql": 1}, {"sql": "SELECT 1", "limit": 3}, {"sql": "DROP TABLE energy"}, {"sql": "SELECT nope"}]
)
async def test_what_is_no_query_is_told(url: str, body: Any) -> None:
    status, answer = await ask(url, body)
    assert status == 400
    assert answer["error"]


async def test_only_json_is_read(url: str) -> None:
    async with aiohttp.ClientSession() as session:
        async with session.post(url, data=json.dumps({"sql": "SELECT 1"})) as answer:
            assert answer.status == 415
        async with session.post(url, data=b"{", headers={"Content-Type": "application/json"}) as answer:
            assert answer.status == 400


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:1", 200),
        ("localhost", 200),
        ("[::1]:9", 200),
        ("evil.example", 403),
        ("127.0.0.1.evil.example:80", 403),
    ],
)
async def test_a_page_that_rebinds_its_name_is_turned_away(url: str, host: str, status: int) -> None:
    assert (await ask(url, {"sql": "SELECT 1"}, headers={"Host": host}))[0] == status


def test_values_that_json_lacks() -> None:
    berlin = timezone(timedelta(hours=1))
    assert plain(datetime(2026, 1, 1, 12, 0, 0, 123456)) == "2026-01-01T12:00:00.123Z"  # noqa: DTZ001 - DuckDB's TIMESTAMP
    assert plain(datetime(2026, 1, 1, 12, tzinfo=berlin)) == "2026-01-01T11:00:00.000Z"
    assert plain(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"
    assert plain(date(2026, 1, 1)) == "2026-01-01"
    assert plain(timedelta(minutes=1)) == 60.0
    assert plain(Decimal("1.5")) == 1.5
    assert plain(float("nan")) is None
    assert plain(2**70) == str(2**70)
    assert plain(True) is True
    assert plain({"a": [date(2026, 1, 1), b"x"]}) == {"a": ["2026-01-01", "b'x'"]}
