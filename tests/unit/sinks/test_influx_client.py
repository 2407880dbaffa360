"""What InfluxDB's answers mean, over real HTTP to a server of ours that answers as it is told."""

import asyncio
import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from sinks.influx_client import InfluxClient, Target, setting_to_mend
from sinks.service import SinkSettings
from sinks.store import BatchRefusedError, BatchTooLargeError, StoreAwayError, StoreClosedError, StoreError


class Server:
    """Answers `status`, and keeps what it was asked."""

    def __init__(self) -> None:
        self.status, self.text, self.headers = 204, "", {"X-Influxdb-Version": "1.8.10"}
        self.delay_s = 0.0
        self.asked: list[tuple[str, dict[str, str], dict[str, str], bytes]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.path, dict(request.query), dict(request.headers), await request.read()))
        await asyncio.sleep(self.delay_s)
        return web.Response(status=self.status, text=self.text or None, headers=self.headers)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application(handler_args={"auto_decompress": False})
    app.add_routes([web.post("/{path:.*}", server.answer)])
    runner = web.AppRunner(app, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield server
    await runner.cleanup()


@pytest.fixture
async def client(server: Server) -> AsyncIterator[InfluxClient]:
    client = InfluxClient(Target(server.url, "fleet/week", org="o", token="u:p", timeout_s=0.5))  # noqa: S106
    yield client
    await client.close()


async def test_lines_go_out_as_one_gzip_body(server: Server, client: InfluxClient) -> None:
    await client.write("m f=1 1\nm f=2 2")
    ((path, query, headers, body),) = server.asked
    assert path == "/api/v2/write"
    assert query == {"bucket": "fleet/week", "org": "o", "precision": "ms"}
    assert headers["Authorization"] == "Token u:p"
    assert headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(body) == b"m f=1 1\nm f=2 2"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BatchRefusedError), (422, BatchRefusedError), (413, BatchTooLargeError),
        (401, StoreClosedError), (403, StoreClosedError), (404, StoreClosedError), (405, StoreClosedError),
        (408, StoreAwayError), (429, StoreAwayError), (500, StoreAwayError), (503, StoreAwayError),
    ],
)  # fmt: skip
async def test_answers_that_are_no_acceptance(
    server: Server, client: InfluxClient, status: int, error: type[StoreError]
) -> None:
    server.status, server.text = status, '{"error":"because"}'
    with pytest.raises(error, match=f"{status}.*because") as raised:
        await client.write("m f=1 1")
    assert type(raised.value) is error
    assert "u:p" not in str(raised.value)


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (401, '{"code":"unauthorized","message":"unauthorized access"}', "unauthorized access (SINK_INFLUX_TOKEN)"),
        (403, '{"error":"user may not write"}', "user may not write (SINK_INFLUX_TOKEN)"),
        (404, '{"code":"not found","message":"bucket \\"b\\" not found"}', 'bucket "b" not found (SINK_INFLUX_BUCKET)'),
        (404, '{"error":"database not found: b"}', "database not found: b (SINK_INFLUX_BUCKET)"),
        (404, '{"message":"organization name o not found"}', "organization name o not found (SINK_INFLUX_ORG)"),
        (405, "<html>", "<html>"),
    ],
)
async def test_a_closed_store_names_the_setting_to_mend(
    server: Server, client: InfluxClient, status: int, body: str, wanted: str
) -> None:
    server.status, server.text = status, body
    with pytest.raises(StoreClosedError) as raised:
        await client.write("m f=1 1")
    assert str(raised.value) == f"InfluxDB answers {status}: {wanted}"


def test_the_settings_that_are_named_exist() -> None:
    named = {setting_to_mend(status, words) for status in (401, 403, 404) for words in ("organization", "bucket")}
    assert {name.strip(" ()") for name in named} <= SinkSettings.variables()


@pytest.mark.parametrize(("value", "seconds"), [("7", 7.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)])
async def test_the_server_says_when_to_come_back(
    server: Server, client: InfluxClient, value: str, seconds: float | None
) -> None:
    server.status, server.headers = 503, {"Retry-After": value}
    with pytest.raises(StoreAwayError) as raised:
        await client.write("m f=1 1")
    assert raised.value.retry_after_s == seconds


async def test_a_server_that_is_slow_or_gone_is_away(server: Server, client: InfluxClient) -> None:
    server.delay_s = 1
    with pytest.raises(StoreAwayError, match="does not answer: TimeoutError"):
        await client.write("m f=1 1")
    gone = InfluxClient(Target("http://127.0.0.1:9", "b"))
    with pytest.raises(StoreAwayError, match="does not answer"):
        await gone.write("m f=1 1")
    with pytest.raises(StoreAwayError, match="does not answer"):
        await gone.create_database("b")
    await gone.close()


async def test_a_request_is_ended_by_its_cancellation(server: Server, client: InfluxClient) -> None:
    server.delay_s = 0.3
    writing = asyncio.create_task(client.write("m f=1 1"))
    while not server.asked:
        await asyncio.sleep(0.01)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing


async def test_a_database_is_created_by_its_quoted_name(server: Server, client: InfluxClient) -> None:
    server.status = 200
    await client.create_database('fleet "a"')
    ((path, _, headers, body),) = server.asked
    assert path == "/query"
    assert body == b"q=CREATE+DATABASE+%22fleet+%5C%22a%5C%22%22"
    assert headers["Authorization"] == "Token u:p"


async def test_who_may_not_create_may_perhaps_write(
    server: Server, client: InfluxClient, caplog: pytest.LogCaptureFixture
) -> None:
    server.status, server.text = 403, "not an admin"
    await client.create_database("fleet")
    await client.create_database("fleet")
    assert [record.message for record in caplog.records] == ["the database could not be created"]
    server.status = 400
    with pytest.raises(StoreClosedError):
        await client.create_database("fleet")
    server.status = 503
    with pytest.raises(StoreAwayError):
        await client.create_database("fleet")
