"""Start, ask and stop clients of aiokafka's, each within bounds: they lose a cancellation now and then, or leak one."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol, TypeVar

log = logging.getLogger(__name__)

STOP_S = 2.0


class Client(Protocol):
    """A client of aiokafka's."""

    async def start(self) -> None: ...


C = TypeVar("C", bound=Client)
T = TypeVar("T")


async def started(client: C, close: Callable[[], Awaitable[None]]) -> C:
    """Start a client; where that fails, `close` ends what it has begun before the error goes on."""
    try:
        await client.start()
    except BaseException:
        await stop(close)
        raise
    return client


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """What comes of the work. TimeoutError where it takes longer, and where a client cancels it from within.

    After that it is no longer waited for. With Kafka away, a client passes on the cancellation of its own requests;
    let through, that would end the task of whoever asks, without a word.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait([task], timeout=seconds)
        if not done or task.cancelled():
            raise TimeoutError
        return task.result()
    finally:
        task.cancel()


async def stop(close: Callable[[], Awaitable[None]]) -> None:
    """Close a client, within bounds, whatever it meets. `close` is its `stop`, or an admin client's `close`.

    A consumer whose assignment has just changed loses the first cancellation of its fetching, and would wait for an
    assignment for ever; a second one ends it in order.
    """
    stopping = asyncio.ensure_future(close())
    try:
        await asyncio.wait([stopping], timeout=STOP_S)
    finally:
        stopping.cancel()
    await asyncio.wait([stopping], timeout=STOP_S)
    if stopping.done() and not stopping.cancelled() and (error := stopping.exception()) is not None:
        log.debug("a client was not stopped in order", exc_info=error)
