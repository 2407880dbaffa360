"""Patience: how long a sink waits for its store, and that it can be stopped while it waits."""

import asyncio

import pytest

from sinks.consumer import CLOSED_PAUSE_S, FIRST_PAUSE_S, LONGEST_PAUSE_S, pause_s, unless
from sinks.store import StoreAwayError, StoreClosedError


def test_pauses_grow_with_jitter_up_to_a_limit() -> None:
    for attempt in (0, 3, 10, 10_000):
        pauses = [pause_s(StoreAwayError("gone"), attempt) for _ in range(200)]
        most = min(FIRST_PAUSE_S * 2 ** min(attempt, 16), LONGEST_PAUSE_S)
        assert most / 2 <= min(pauses) < max(pauses) <= most
    assert pause_s(StoreClosedError("401"), 0) >= CLOSED_PAUSE_S


def test_a_store_may_ask_for_more_time_but_not_for_ever() -> None:
    assert 7 <= pause_s(StoreAwayError("busy", retry_after_s=7), 0) <= 14
    assert pause_s(StoreAwayError("busy", retry_after_s=1e9), 0) <= 20 * LONGEST_PAUSE_S


async def test_work_ends_by_itself_or_by_the_stop() -> None:
    stop, done = asyncio.Event(), []

    async def work() -> None:
        done.append(1)

    async def endless() -> None:
        await asyncio.Event().wait()

    async def failing() -> None:
        raise StoreClosedError("no")

    assert await unless(stop, work())
    assert done == [1]
    with pytest.raises(StoreClosedError):
        await unless(stop, failing())
    asyncio.get_running_loop().call_later(0.01, stop.set)
    assert not await unless(stop, endless())
