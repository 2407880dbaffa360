"""Reading the derived side back from the store, by query."""

from typing import TypeVar

import aiohttp
import msgspec

from contracts.errors import VoltstreamError
from contracts.times import rfc3339_ms
from voltstream.demo.compare import DerivedAlarm, DerivedSession

_PAGE = 5000
_MS = 1000  # microseconds


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
    """Sessions and alarms, by InfluxQL. What stands at 0 there was null (sinks/points.py)."""
    sessions = [
        DerivedSession(
            session_id=row.session_id,
            station=row.station,
            evse=int(row.evse),
            state=row.state,
            started_at=_text_or_none(row.started_at),
            ended_at=_text_or_none(row.ended_at),
            import_wh=row.import_wh,
            flags=tuple(filter(None, row.flags.split(","))),
        )
        for row in await _influx_rows(http, url, database, "sessions", "superseded = false", _SessionRow)
    ]
    alarms = [
        DerivedAlarm(row.alarm_id, row.alarm_key, row.state, rfc3339_ms(row.time * _MS))
        for row in await _influx_rows(http, url, database, "alarms", "", _AlarmRow)
    ]
    return sessions, alarms


class _SessionRow(msgspec.Struct, frozen=True, array_like=True):
    """Fields and tags of `sessions`, in the order they are asked for; times in milliseconds."""

    time: int
    session_id: str
    station: str
    evse: str
    state: str
    started_at: int
    ended_at: int
    import_wh: float
    flags: str


class _AlarmRow(msgspec.Struct, frozen=True, array_like=True):
    """Likewise of `alarms`, whose time is `raised_at`."""

    time: int
    alarm_id: str
    alarm_key: str
    state: str


_Row = TypeVar("_Row", _SessionRow, _AlarmRow)


async def _influx_rows(
    http: aiohttp.ClientSession, url: str, database: str, measurement: str, where: str, row: type[_Row]
) -> list[_Row]:
    fields = ", ".join(f'"{field}"' for field in row.__struct_fields__ if field != "time")
    condition = f" WHERE {where}" if where else ""
    rows: list[_Row] = []
    while True:
        # Names of ours only: nothing that a station sent stands in it.
        influxql = f'SELECT {fields} FROM "{measurement}"{condition} LIMIT {_PAGE} OFFSET {len(rows)}'  # noqa: S608
        async with http.post(f"{url}/query", data={"q": influxql, "db": database, "epoch": "ms"}) as response:
            answer = _InfluxAnswer.read(await response.read(), response.status)
        page = msgspec.convert(answer, list[row])  # type: ignore[valid-type] # one of two, by the caller
        rows += page
        if len(page) < _PAGE:
            return rows


class _Series(msgspec.Struct, frozen=True):
    values: list[list[object]] = []


class _Result(msgspec.Struct, frozen=True):
    series: list[_Series] = []
    error: str | None = None


class _InfluxAnswer(msgspec.Struct, frozen=True):
    results: list[_Result] = []
    error: str | None = None

    @classmethod
    def read(cls, body: bytes, status: int) -> list[list[object]]:
        """The rows of the one series of the one statement. Raises StoreError."""
        try:
            answer = msgspec.json.decode(body, type=cls)
        except msgspec.DecodeError:
            raise StoreError(f"InfluxDB answered {status}: {body[:200]!r}") from None
        error = answer.error or next((each.error for each in answer.results if each.error), None)
        if error is not None or status != 200:
            raise StoreError(f"InfluxDB refused a query: {error or status}")
        return [row for result in answer.results for series in result.series for row in series.values]


def _text_or_none(ms: int) -> str | None:
    return rfc3339_ms(ms * _MS) if ms else None
