"""`POST /query` of a sink that writes DuckDB: SQL in, rows out, for whoever is on this machine.

Request: {"sql": "SELECT ...", "parameters": [...], "rows": 1000}. Answer: {"columns": [...], "rows": [[...], ...],
"truncated": false}; times are RFC 3339 with three decimals. Refusals are {"error": "..."}: 400 for the query's fault,
403 for who is not on this machine, 415 for what is not JSON, 503 where too many ask at once.
"""

import asyncio
import ipaddress
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from sinks.duckdb import DuckDb, QueryError

AT_ONCE = 4  # queries that may run


class Question(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request's body."""

    sql: str
    parameters: tuple[str | int | float | bool | None, ...] = ()
    rows: int = 1000


def query_routes(store: DuckDb, *, most_rows: int, seconds: float) -> Sequence[web.RouteDef]:
    """The route, for ops.health.HttpServer."""
    free = asyncio.Semaphore(AT_ONCE)

    async def query(request: web.Request) -> web.Response:
        if not _from_here(request):
            return _refusal(403, "queries are answered on this machine only")
        if request.content_type != "application/json":  # which a foreign web page cannot send without being asked first
            return _refusal(415, "a JSON body is wanted")
        try:
            question = msgspec.json.decode(await request.read(), type=Question)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return _refusal(400, f"not a query: {error}")
        if free.locked():
            return _refusal(503, "too many queries at once")
        async with free:
            try:
                rows = min(max(question.rows, 0), most_rows)
                answer = await store.query(question.sql, question.parameters, rows=rows, seconds=seconds)
            except QueryError as error:
                return _refusal(400, str(error))
        body = {
            "columns": answer.columns,
            "rows": [[plain(value) for value in row] for row in answer.rows],
            "truncated": answer.truncated,
        }
        return web.Response(body=msgspec.json.encode(body), content_type="application/json")

    return [web.post("/query", query)]


def _refusal(status: int, error: str) -> web.Response:
    return web.json_response({"error": error}, status=status)


def _from_here(request: web.Request) -> bool:
    """Whether the peer, and the name it calls us by, are this machine's (a web page elsewhere can rebind its name)."""
    host = request.host.rsplit(":", 1)[0] if not request.host.endswith("]") else request.host
    return _is_loopback(request.remote or "") and _is_loopback(host.strip("[]"))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def plain(value: Any) -> object:
    """A DuckDB value as JSON has it; what JSON lacks becomes text, and a number that is none null."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case int():
            return value if -(2**63) <= value < 2**64 else str(value)
        case None | bool() | str():
            return value
        case datetime():
            utc = value.replace(tzinfo=None) - (value.utcoffset() or timedelta(0))
            return utc.isoformat(timespec="milliseconds") + "Z"
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Decimal():
            return float(value)
        case list() | tuple():
            return [plain(inner) for inner in value]
        case Mapping():
            return {str(key): plain(inner) for key, inner in value.items()}
        case _:
            return str(value)
