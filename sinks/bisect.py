"""Finding the bad ones in a refused batch: halve it until each stands alone."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from sinks.store import BatchRefusedError

T = TypeVar("T")


async def settle(
    items: Sequence[T], send: Callable[[Sequence[T]], Awaitable[None]]
) -> list[tuple[T, BatchRefusedError]]:
    """Send all items, in order; what `send` refuses is halved and sent again. Returns the items refused alone.

    A store may keep the good items of what it refuses; they are sent again, so sending must be idempotent.
    """
    refused: list[tuple[T, BatchRefusedError]] = []
    waiting = [items] if items else []
    while waiting:
        part = waiting.pop()
        try:
            await send(part)
        except BatchRefusedError as error:
            if len(part) == 1:
                refused.append((part[0], error))
            else:
                middle = len(part) // 2
                waiting += (part[middle:], part[:middle])
    return refused
