"""Measuring how busy the event loop is: by how much a timer of one second is late."""

import asyncio
from time import monotonic

from prometheus_client import Histogram

EVERY_S = 1.0


async def measure_loop_lag(lag: Histogram, every_s: float = EVERY_S) -> None:
    """For ever; real seconds."""
    while True:
        due = monotonic() + every_s
        await asyncio.sleep(every_s)
        lag.observe(max(0.0, monotonic() - due))
