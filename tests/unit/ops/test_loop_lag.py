"""A loop that was held up has a lag of at least so long."""

import asyncio
import time

from prometheus_client import CollectorRegistry, Histogram

from ops.loop_lag import measure_loop_lag


async def test_a_loop_that_stands_still_is_seen() -> None:
    registry = CollectorRegistry()
    lag = Histogram("lag_seconds", "Lag.", registry=registry)
    measuring = asyncio.create_task(measure_loop_lag(lag, 0.01))
    await asyncio.sleep(0)
    time.sleep(0.2)
    while not registry.get_sample_value("lag_seconds_count"):
        await asyncio.sleep(0.001)
    measuring.cancel()
    assert (registry.get_sample_value("lag_seconds_sum") or 0) >= 0.19
