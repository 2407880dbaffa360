"""One stream for many browsers: snapshots, what was missed, and the slow ones."""

import asyncio

import pytest

from dashboards.live.hub import BEHIND, REMEMBERED, Hub


class Source:
    def __init__(self) -> None:
        self.snapshots = 0

    def __call__(self) -> bytes:
        self.snapshots += 1
        return b'{"whole":true}'


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def hub(source: Source) -> Hub:
    return Hub("e1", source)


async def read(hub: Hub, last_id: str | None, count: int) -> list[str]:
    stream = hub.stream(last_id)
    found = [(await asyncio.wait_for(anext(stream), 1)).decode() for _ in range(count)]
    await stream.aclose()
    return found


async def test_a_new_browser_gets_a_snapshot_then_deltas(hub: Hub) -> None:
    hub.publish(b"{}")
    stream = hub.stream(None)
    assert await anext(stream) == b'id: e1-1\nevent: snapshot\ndata: {"whole":true}\n\n'
    hub.publish(b'{"n":2}')
    assert await anext(stream) == b'id: e1-2\nevent: delta\ndata: {"n":2}\n\n'
    assert hub.browsers == 1
    await stream.aclose()
    assert hub.browsers == 0


async def test_a_browser_that_was_away_gets_what_it_missed(hub: Hub, source: Source) -> None:
    for n in range(5):
        hub.publish(b"%d" % n)
    assert [one.split("\n")[2] for one in await read(hub, "e1-3", 2)] == ["data: 3", "data: 4"]
    assert source.snapshots == 0
    stream = hub.stream("e1-5")
    hub_is_quiet = asyncio.ensure_future(anext(stream))
    await asyncio.sleep(0.01)
    assert not hub_is_quiet.done()
    hub.publish(b"5")
    assert b"data: 5" in await hub_is_quiet


@pytest.mark.parametrize("last_id", ["e0-3", "e1-0", "e1-99999", "e1-", "nonsense", "", "e1-³"])
async def test_an_id_that_says_nothing_gets_a_snapshot(hub: Hub, last_id: str) -> None:
    for n in range(REMEMBERED + 5):
        hub.publish(b"%d" % n)
    (message,) = await read(hub, last_id, 1)
    assert message.startswith(f"id: e1-{REMEMBERED + 5}\nevent: snapshot\n")


async def test_a_snapshot_is_made_once_for_all_who_come_at_one_time(hub: Hub, source: Source) -> None:
    for _ in range(50):
        await read(hub, None, 1)
    assert source.snapshots == 1
    hub.publish(b"{}")
    await read(hub, None, 1)
    assert source.snapshots == 2


async def test_a_browser_that_cannot_keep_up_is_let_go_and_no_other(hub: Hub) -> None:
    slow, quick = hub.stream("e1-0"), hub.stream("e1-0")
    waiting = [asyncio.ensure_future(anext(stream)) for stream in (slow, quick)]
    await asyncio.sleep(0)
    hub.publish(b"first")
    await asyncio.gather(*waiting)
    for n in range(BEHIND + 3):
        hub.publish(b"%d" % n)
        assert b"data: %d" % n in await anext(quick)
    assert hub.browsers == 1
    assert len([message async for message in slow]) == BEHIND
