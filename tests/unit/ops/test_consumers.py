"""A consumer goes on to learn where the brokers are."""

import asyncio

import pytest

from ops import consumers


class Client:
    """aiokafka's client, as far as its task is concerned: it fails `failures` times, then learns."""

    def __init__(self, failures: int) -> None:
        self.failures, self.learnt = failures, asyncio.Event()
        self._sync_task: asyncio.Task[None] | None = asyncio.create_task(self._md_synchronizer())

    async def _md_synchronizer(self) -> None:
        if self.failures:
            self.failures -= 1
            raise ConnectionResetError
        self.learnt.set()
        await asyncio.Event().wait()

    def close(self) -> None:
        assert self._sync_task is not None
        self._sync_task.cancel()
        self._sync_task = None


class Consumer:
    def __init__(self, client: Client) -> None:
        self._client = client


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(consumers, "_AGAIN_S", 0.01)


@pytest.mark.parametrize("failures", [0, 1, 3])
async def test_aiokafkas_task_goes_on_where_it_ended(failures: int) -> None:
    client = Client(failures)
    consumers.keep_learning(Consumer(client))
    async with asyncio.timeout(10):
        await client.learnt.wait()
    client.close()


async def test_but_not_after_it_was_closed() -> None:
    client = Client(1)
    consumers.keep_learning(Consumer(client))
    await asyncio.sleep(0)
    client._sync_task = None
    await asyncio.sleep(0.05)
    assert client._sync_task is None
