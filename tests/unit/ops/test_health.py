import socket
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from pydantic import Field

from contracts.errors import ConfigurationError
from ops.health import HttpServer, Readiness
from ops.metrics import edge as metrics
from ops.settings import Address, HostPort, Settings, settings_config


class SinkLike(Settings):
    """Sink"""

    model_config = settings_config("SINK_")
    http: HostPort = Field(Address("127.0.0.1", 0), description="Health and metrics.")


async def get(address: Address, path: str) -> tuple[int, Any]:
    async with aiohttp.ClientSession() as session, session.get(f"http://{address}{path}") as response:
        return response.status, await (response.json() if "json" in response.content_type else response.text())


async def test_ready_is_an_empty_list_of_reasons() -> None:
    readiness = Readiness()
    async with HttpServer(readiness, SinkLike(), metrics.REGISTRY) as server:
        assert await get(server.address, "/readyz") == (200, {"ready": True, "reasons": {}})
        readiness.blocked("kafka", "no broker serves us")
        readiness.blocked("state", "2 of 12 partitions are being loaded")
        readiness.blocked("state", "1 of 12 partitions is being loaded")
        assert await get(server.address, "/readyz") == (
            503,
            {
                "ready": False,
                "reasons": {"kafka": "no broker serves us", "state": "1 of 12 partitions is being loaded"},
            },
        )
        assert (await get(server.address, "/healthz"))[0] == 200
        readiness.clear("kafka")
        readiness.clear("state")
        assert readiness.ready
        assert (await get(server.address, "/readyz"))[0] == 200


def test_a_reason_is_logged_when_it_changes(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    readiness = Readiness()
    for reason in ("away", "away", "another", "another"):
        readiness.blocked("kafka", reason)
    readiness.clear("kafka")
    readiness.clear("kafka")
    assert [record.message for record in caplog.records] == ["not ready", "not ready", "ready"]


async def test_metrics_are_prometheus_text() -> None:
    metrics.COMMIT_RESENDS.inc()
    async with HttpServer(Readiness(), SinkLike(), metrics.REGISTRY) as server:
        status, text = await get(server.address, "/metrics")
    assert status == 200
    assert "# TYPE voltstream_commit_resends_total counter" in text


async def test_a_service_may_add_routes() -> None:
    async def page(_: web.Request) -> web.Response:
        return web.json_response({"page": 1})

    async with HttpServer(Readiness(), SinkLike(), metrics.REGISTRY, routes=[web.get("/page", page)]) as server:
        assert await get(server.address, "/page") == (200, {"page": 1})


async def test_a_port_in_use_is_told_by_its_variable() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ConfigurationError) as caught:
            async with HttpServer(Readiness(), SinkLike(http=Address("127.0.0.1", port)), metrics.REGISTRY):
                pass
    assert str(caught.value) == (
        f"SINK_HTTP (--http): 127.0.0.1:{port} is in use by another process; a free address is wanted"
    )


async def test_an_address_of_another_machine_is_told_by_its_variable() -> None:
    with pytest.raises(ConfigurationError, match=r"SINK_HTTP \(--http\): cannot listen on 192.0.2.1:0: "):
        async with HttpServer(Readiness(), SinkLike(http=Address("192.0.2.1", 0)), metrics.REGISTRY):
            pass
