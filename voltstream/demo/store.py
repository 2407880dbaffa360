"""Reading the derived side back from the store, by query."""

import aiohttp
import msgspec

from contracts.errors import VoltstreamError
from voltstream.demo.compare import DerivedAlarm, DerivedSession

_PAGE = 5000


class StoreError(VoltstreamError):
    """The store did not answer a query."""

    code = "store"


async def from_duckdb(http: aiohttp.ClientSession, sink: str) -> tuple[list[DerivedSession], list[DerivedAlarm]]:
    """Sessions and alarms, asked of the running sink."""
    sessions = await _pages(
        http,
        sink,
        "SELECT session_id, station, evse, state, started_at, ended_at, import_wh, flags FROM sessions "
        "WHERE state <> 'void' ORDER BY session_id",
    )
    alarms = await _pages(http, sink, "SELECT alarm_id, alarm_key, state, raised_at FROM alarms ORDER BY alarm_id")
    return msgspec.convert(sessions, list[DerivedSession]), msgspec.convert(alarms, list[DerivedAlarm])


async def _pages(http: aiohttp.ClientSession, sink: str, sql: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    while True:
        body = {"sql": f"{sql} LIMIT {_PAGE} OFFSET {len(rows)}", "rows": _PAGE}
        async with http.post(f"http://{sink}/query", json=body) as response:
            answer = await response.json()
        if response.status != 200:
            raise StoreError(f"the sink refused a query: {answer.get('error')}")
        page = [dict(zip(answer["columns"], row, strict=True)) for row in answer["rows"]]
        rows += page
        if len(page) < _PAGE:
            return rows


async def from_influx(
    http: aiohttp.ClientSession, url: str, database: str
) -> tuple[list[DerivedSession], list[DerivedAlarm]]:
    """Sessions and alarms, by InfluxQL."""
    raise NotImplementedError
