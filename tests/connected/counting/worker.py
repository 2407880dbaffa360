"""A stream worker that counts: the product's engine around the test's fold. `python worker.py '{"bootstrap": ...}'`"""

import asyncio
import logging
import sys
from typing import NoReturn

import msgspec

from counting.fold import CountingAgent
from ops import logs, loop
from ops.health import Readiness
from ops.service import stop_requested
from streams.engine.agent import Agent
from streams.engine.engine import Engine
from streams.engine.process import end
from streams.engine.settings import EngineSettings

log = logging.getLogger(__name__)


class WorkerSettings(msgspec.Struct, kw_only=True, frozen=True):
    """What a run tells its workers."""

    bootstrap: str
    group: str
    sources: list[str]
    """One agent each; the outputs of SOURCE go to SOURCE-out, its dead letters to SOURCE-dlq."""
    log: int = 1
    fold_s: float = 0.0
    """How long the fold of one record takes."""
    pause_s: float = 0.1
    batch_records: int = 1000
    session_timeout_s: float = 10.0
    idle_s: float = 86_400.0
    check_crcs: bool = True

    def agents(self) -> list[Agent]:
        return [
            CountingAgent(source, f"{source}-out", f"{source}-dlq", name=f"counting{n}", fold_s=self.fold_s)
            for n, source in enumerate(self.sources)
        ]

    def engine(self) -> EngineSettings:
        return EngineSettings(
            group=self.group,
            state_topic=f"{self.group}-state",
            log=self.log,
            client={"bootstrap_servers": self.bootstrap.split(",")},
            check_crcs=self.check_crcs,
            pause_s=self.pause_s,
            batch_records=self.batch_records,
            session_timeout_s=self.session_timeout_s,
            idle_s=self.idle_s,
        )


async def run(settings: WorkerSettings) -> NoReturn:
    stop = stop_requested()
    engine = Engine(settings.agents(), settings.engine(), Readiness())
    watching = asyncio.create_task(watch(engine))
    ending = await engine.run(stop)
    watching.cancel()
    end(ending)


async def watch(engine: Engine) -> None:
    """Say where the partitions stand, when that changes."""
    said: dict[str, int] = {}
    while True:
        views = engine.partitions()
        lags = [view.lag for view in views if view.lag is not None]
        stand = {
            "partitions": len(views),
            "keys": sum(view.keys for view in views),
            "known": len(lags),
            "lag": sum(lags),
        }
        if stand != said:
            said = stand
            log.info("stands", extra=stand)
        await asyncio.sleep(0.5)


def main(kind: type[WorkerSettings] = WorkerSettings) -> None:
    logs.set_up(logs.LogSettings(), "counting")
    loop.run(run(msgspec.json.decode(sys.argv[1], type=kind)))


if __name__ == "__main__":
    main()
