"""Clients that fail, hang, or cancel whoever asks them."""

import asyncio

import pytest

from ops import clients
from ops.clients import started, stop, within


class Faulty:
    """A client that does not start, and does not stop either."""

    def __init__(self) -> None:
        self.cancelled = 0

    async def start(self) -> None:
        raise ConnectionError("nobody there")

    async def stop(self) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def test_a_client_that_does_not_start_is_stopped_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clients, "STOP_S", 0.01)
    client = Faulty()
    with pytest.raises(ConnectionError, match="nobody there"):
        await started(client, client.stop)
    assert client.cancelled == 1


async def test_what_a_client_raises_while_it_stops_ends_there() -> None:
    async def close() -> None:
        raise ConnectionError("gone")

    await stop(close)


async def test_work_gives_its_result_and_its_error() -> None:
    async def sound() -> int:
        return 7

    async def faulty() -> int:
        raise ValueError("no")

    assert await within(60, sound()) == 7
    with pytest.raises(ValueError, match="no"):
        await within(60, faulty())


async def test_work_that_is_cancelled_from_within_is_none_that_was_asked_to_end() -> None:
    async def cancelled() -> None:
        raise asyncio.CancelledError

    with pytest.raises(TimeoutError):
        await within(60, cancelled())


async def test_work_that_takes_too_long_is_cancelled() -> None:
    client = Faulty()
    with pytest.raises(TimeoutError):
        await within(0.01, client.stop())
    await asyncio.sleep(0)
    assert client.cancelled == 1


async def test_whoever_waits_can_be_cancelled() -> None:
    client = Faulty()
    waiting = asyncio.create_task(within(60, client.stop()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0)
    assert client.cancelled == 1
