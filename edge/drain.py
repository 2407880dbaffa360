"""SIGTERM: answer what is in flight, let the stations go one after another, flush the log."""

import asyncio
import logging
import random
from time import monotonic

from websockets.frames import CloseCode

from edge.node import Node
from edge.ticks import last_tick

log = logging.getLogger(__name__)

PER_SECOND = 100.0
"""With few stations it takes no longer than so many a second would: they come back elsewhere all the same."""
CLOSING_SHARE, ANSWERING_SHARE = 0.4, 0.7
"""Of the time there is: by when all were asked to leave, and by when those still owed an answer are closed."""
STOPPING_S = 0.5
"""What the producers' own end may take."""


async def drain(node: Node, ticking: "asyncio.Task[None]", log_epoch: int) -> int:
    """Within the setting's `drain_s`. The exit status: 0, or 1 where something was not answered or not written.

    Ticks go on meanwhile; the last one says that nobody is connected any more.
    """
    began, seconds = monotonic(), node.settings.drain_s
    node.draining = True
    stations = list(node.stations)
    random.shuffle(stations)
    spread = min(seconds * CLOSING_SHARE, len(stations) / PER_SECOND)
    for number, station in enumerate(stations):
        await asyncio.sleep(began + spread * number / len(stations) - monotonic())
        station.leave(CloseCode.SERVICE_RESTART)
    answered_by = began + seconds * ANSWERING_SHARE
    while len(node.stations) and monotonic() < answered_by:  # noqa: ASYNC110 - once in a process's life
        await asyncio.sleep(0.02)
    unanswered = sum(station.calls_owed for station in node.stations)
    for station in node.stations:
        station.close(CloseCode.SERVICE_RESTART, "this node stops")
    for visitor in list(node.visitors):
        visitor.give_up("this node stops")
    ticking.cancel()
    last_tick(node, log_epoch)
    unwritten = await node.writer.close(max(0.0, began + seconds - STOPPING_S - monotonic())) + node.writer.unwritten
    took = {"stations": len(stations), "seconds": round(monotonic() - began, 1)}
    if unanswered or unwritten:
        log.error("stopped without the log", extra=took | {"calls_unanswered": unanswered, "unwritten": unwritten})
        return 1
    log.info("stopped", extra=took)
    return 0
