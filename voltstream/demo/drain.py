"""Waiting until the stream workers and the sink have nothing left to do."""

import asyncio
import time
from collections.abc import Callable, Iterable

import aiohttp

_LINGER_S = 2.0
_POLL_S = 0.25


async def drained(
    http: aiohttp.ClientSession, addresses: Iterable[str], partitions: int, check: Callable[[], None], seconds: float
) -> None:
    """Return when everyone at `addresses` (host:port of their /lag) has kept up for two seconds; TimeoutError.

    `check` raises what ends the waiting: a process that died.
    """
    asked = list(addresses)
    quiet_since: float | None = None
    async with asyncio.timeout(seconds):
        while quiet_since is None or time.monotonic() - quiet_since < _LINGER_S:
            check()
            lags = [await _lag(http, address) for address in asked]
            # Ticks go on: a worker that keeps up is a handful of them behind at any moment.
            small = all(lag is not None and lag <= partitions for lag in lags)
            quiet_since = (quiet_since or time.monotonic()) if small else None
            await asyncio.sleep(_POLL_S)


async def _lag(http: aiohttp.ClientSession, address: str) -> int | None:
    try:
        async with http.get(f"http://{address}/lag") as response:
            lag = (await response.json())["lag"]
    except (aiohttp.ClientError, TimeoutError):
        return None
    return lag if isinstance(lag, int) else None
