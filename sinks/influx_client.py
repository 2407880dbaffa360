"""Requests to InfluxDB: one body of lines in, nothing or a StoreError out.

They go through influxdb-client's async client with one body of bytes each: its own batching would drop lines after five
retries, and its own gzip compresses at level 9. `/api/v2/write` is served by InfluxDB 1.8 and 2.x alike.

| api  | bucket parameter                | token         | org | made where missing        |
|------|---------------------------------|---------------|-----|---------------------------|
| `v1` | database, or database/retention | user:password | -   | the database, by InfluxQL |
| `v2` | bucket                          | token         | org | nothing                   |
"""

import logging
import zlib
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import msgspec
from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
from influxdb_client.rest import ApiException
from influxdb_client.service.write_service import WriteService
from yarl import URL

from sinks.store import BatchRefusedError, BatchTooLargeError, StoreAwayError, StoreClosedError

log = logging.getLogger(__name__)

_GZIP = 31  # zlib's window bits for a gzip frame
_AWAY = (aiohttp.ClientError, TimeoutError, OSError)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to write. `database`: what to create by InfluxQL, None for nothing."""

    url: str
    bucket: str
    org: str = "-"
    token: str = field(default="", repr=False)
    database: str | None = None
    timeout_s: float = 10.0


class _Answer(msgspec.Struct):
    message: str = ""
    error: str = ""


class InfluxClient:
    """A connection to a target; used inside a running loop."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._timeout = aiohttp.ClientTimeout(total=target.timeout_s)
        self._client: Any = InfluxDBClientAsync(target.url, target.token, target.org, timeout=self._timeout)
        self._told = ""
        self._service: Any = WriteService(self._client.api_client)

    async def write(self, lines: str) -> None:
        """All of them are accepted, or a StoreError is raised. Times are in milliseconds."""
        try:
            await self._service.post_write_async(
                org=self.target.org,
                bucket=self.target.bucket,
                body=zlib.compress(lines.encode(), 1, _GZIP),
                precision="ms",
                content_type="text/plain; charset=utf-8",
                content_encoding="gzip",
                async_req=False,
            )
        except ApiException as error:
            words = words_of(error) + setting_to_mend(error.status, words_of(error))
            raise error_of(error.status, words, _retry_after_s(error)) from None
        except _AWAY as error:
            raise self._away(error) from error

    async def create_database(self, name: str) -> None:
        """By InfluxQL; changes nothing where it is there. Who may not create it, may perhaps write: only logged."""
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        headers = {"Authorization": f"Token {self.target.token}"} if self.target.token else {}
        try:
            async with (
                aiohttp.ClientSession(timeout=self._timeout, headers=headers) as session,
                session.post(URL(self.target.url) / "query", data={"q": f'CREATE DATABASE "{quoted}"'}) as answer,
            ):
                text = (await answer.text()).strip()
        except _AWAY as error:
            raise self._away(error) from error
        if answer.status in (401, 403):
            if text != self._told:
                log.warning("the database could not be created", extra={"status": answer.status, "reason": text})
                self._told = text
        elif answer.status != 200:
            told = error_of(answer.status, text)
            raise told if isinstance(told, StoreAwayError) else StoreClosedError(str(told))

    async def close(self) -> None:
        await self._client.close()

    def _away(self, error: BaseException) -> StoreAwayError:
        return StoreAwayError(f"{self.target.url} does not answer: {str(error) or type(error).__name__}")


def error_of(
    status: int | None, message: str, retry_after_s: float | None = None
) -> BatchRefusedError | StoreAwayError | StoreClosedError:
    """What an answer that is no acceptance means."""
    text = f"InfluxDB answers {status}: {message}"
    match status:
        case 413:
            return BatchTooLargeError(text)
        case 400 | 422:
            return BatchRefusedError(text)
        case None | 408 | 425 | 429:
            return StoreAwayError(text, retry_after_s)
        case _ if status >= 500:
            return StoreAwayError(text, retry_after_s)
        case _:
            return StoreClosedError(text)


def setting_to_mend(status: int | None, words: str) -> str:
    """Which setting of the sink's an operator should look at, to be put after InfluxDB's words."""
    match status:
        case 401 | 403:
            return " (SINK_INFLUX_TOKEN)"
        case 404:
            return " (SINK_INFLUX_ORG)" if "organization" in words else " (SINK_INFLUX_BUCKET)"
        case _:
            return ""


def words_of(error: ApiException) -> str:
    """What InfluxDB said: the `message` of a 2.x, the `error` of a 1.8, or the body as it stands."""
    body: object = error.body
    text = (body.decode(errors="replace") if isinstance(body, bytes) else str(body or error.reason)).strip()
    try:
        answer = msgspec.json.decode(text, type=_Answer)
    except msgspec.DecodeError:
        answer = _Answer()
    return (answer.message or answer.error or text)[:1000]


def _retry_after_s(error: ApiException) -> float | None:
    """Only seconds: a date, which the header allows too, would need a clock that both sides share."""
    headers: Any = error.headers or {}
    value = str(headers.get("Retry-After", ""))
    return float(value) if value.isascii() and value.isdigit() else None
