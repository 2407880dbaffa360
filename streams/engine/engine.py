"""A stream worker's life: it joins the group, folds what it is given, and ends in one of three ways.

- Asked to stop: batches in progress are finished if that is quick, the group is left, status 0.
- An error of Kafka's, being fenced among them: the process replaces itself after a while and begins anew.
- Anything else: one sentence, and a status that is not 0.

None of them acknowledges anything on the way out, so each may be cut at any point.
"""

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from aiokafka.errors import IllegalOperation, KafkaError

from contracts.errors import VoltstreamError
from ops.health import Readiness
from streams.engine.agent import Agent
from streams.engine.observer import Observer, PartitionView
from streams.engine.process import Ending, delay_s, end_within, replacements
from streams.engine.settings import EngineSettings
from streams.engine.silence import Silence
from streams.engine.worker import FaustWorker

log = logging.getLogger(__name__)

EXIT_CRASH = 1
_HEALTHY_S = 60.0  # a run that was ready for this long begins the row of replacements anew
_LEAVE_S = 1.0
_SILENT_S = 5.0  # fetches are answered every 50 ms, whether there is something to fetch or not
_PART = "streams"


class Engine:
    """Runs agents over their source topics. Build it inside the running event loop, run it once, then `end`."""

    def __init__(
        self,
        agents: Sequence[Agent],
        settings: EngineSettings,
        readiness: Readiness | None = None,
        observer: Observer | None = None,
    ) -> None:
        self._settings = settings
        self._readiness = readiness or Readiness()
        self._failure: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        self._ready_since: float | None = None
        self._ending = False
        self._worker = FaustWorker(agents, settings, observer or Observer(), self)
        self.waiting("the group of stream workers is not joined yet")

    def partitions(self) -> list[PartitionView]:
        """Where every owned partition stands."""
        return self._worker.partitions()

    async def run(self, stop: asyncio.Event) -> Ending:
        """Run until `stop` is set or something fails. Gives what to call `end` with, the delay being over already."""
        stopped = asyncio.create_task(stop.wait())
        started = asyncio.create_task(self._worker.run())
        started.add_done_callback(self._on_worker_done)
        watching = self.spawn(self._watch())
        ends: set[asyncio.Future[Any]] = {stopped, self._failure}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        watching.cancel()
        if stopped.done():
            return await self._stop()
        error = self._failure.result()
        return await self._begin_anew(error, stopped) if is_kafkas(error) else await self._crash(error)

    # -- what the worker reports

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run in the background; what it raises ends the worker."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._on_done)
        return task

    def fail(self, error: BaseException) -> None:
        """The first failure decides how the process ends."""
        if not self._failure.done():
            self._failure.set_result(error)

    def waiting(self, reason: str) -> None:
        """Not ready, and why."""
        self._ready_since = None
        if not self._ending:
            self._readiness.blocked(_PART, reason)

    def ready(self) -> None:
        """The group is joined, and everything that is owned is loaded."""
        if self._ready_since is None and not self._ending:
            self._ready_since = time.monotonic()
            self._readiness.clear(_PART)

    async def _watch(self) -> None:
        """Say it when Kafka is silent: as long as nothing is to be written, nothing fails."""
        silence = Silence()
        while True:
            await asyncio.sleep(1)
            if silence.look(time.monotonic(), self._worker.answered_at()) > _SILENT_S:
                self._readiness.blocked("kafka", "Kafka does not answer the stream worker")
            else:
                self._readiness.clear("kafka")

    def _on_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self.fail(error)

    def _on_worker_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self.fail(task.exception() or RuntimeError("Faust stopped by itself"))

    # -- the ends

    async def _stop(self) -> Ending:
        ending = Ending()
        end_within(self._settings.shutdown_s, ending)
        self._end("stopping")
        await self._close()
        return ending

    async def _crash(self, error: BaseException) -> Ending:
        _say(error)
        self._end("the worker has failed and ends")
        await self._close()
        return Ending(EXIT_CRASH)

    async def _begin_anew(self, error: BaseException, stopped: asyncio.Task[bool]) -> Ending:
        healthy = self._ready_since is not None and time.monotonic() - self._ready_since >= _HEALTHY_S
        in_a_row = 1 if healthy else replacements() + 1
        seconds = delay_s(in_a_row, random.Random())  # noqa: S311 - no secret
        reason = str(error) if isinstance(error, KafkaError) else repr(error)
        log.error("begins anew", extra={"in_s": round(seconds, 1), "in_a_row": in_a_row, "reason": reason})
        self._end("Kafka refused to go on, and the worker begins anew")
        await self._close()
        await asyncio.wait({stopped}, timeout=seconds)
        return Ending() if stopped.done() else Ending(replace=True, in_a_row=in_a_row)

    def _end(self, reason: str) -> None:
        self._ending = True
        self._readiness.blocked(_PART, reason)

    async def _close(self) -> None:
        """Leave in order, or else in none: what is left behind is right in any case."""
        closing = asyncio.create_task(self._worker.stop())
        await asyncio.wait({closing}, timeout=self._settings.shutdown_s / 2)
        if not closing.done():
            with contextlib.suppress(Exception):
                await asyncio.wait_for(self._worker.leave_group(), _LEAVE_S)
        elif (error := closing.exception()) is not None:
            log.debug("not closed in order", exc_info=error)


def is_kafkas(error: BaseException) -> bool:
    """Whether beginning anew can help: the cluster's errors, a lost connection, a time-out, a fenced producer."""
    return isinstance(error, KafkaError | IllegalOperation | OSError | TimeoutError)


def _say(error: BaseException) -> None:
    if isinstance(error, VoltstreamError):
        log.critical("ended", extra={"code": error.code, "reason": str(error)})
    else:
        log.critical("crashed", exc_info=error)
