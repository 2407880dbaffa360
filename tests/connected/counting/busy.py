"""A counting worker that says how many records it folds, at most, between two turns of its event loop."""

import asyncio
import logging
from collections.abc import Iterable, Mapping

from counting.fold import CountingAgent, CountingFold
from counting.worker import WorkerSettings, main
from streams.engine.agent import Agent, Output, PartitionFold, Record
from streams.engine.state import State

log = logging.getLogger(__name__)


class Turns:
    """Counts what is folded, from one turn of the loop to the next."""

    def __init__(self) -> None:
        self._folded = self._most = 0

    def folded(self) -> None:
        if self._folded == 0:
            asyncio.get_running_loop().call_soon(self._turned)
        self._folded += 1
        if self._folded > self._most:
            self._most = self._folded
            log.info("folded between turns", extra={"most": self._most})

    def _turned(self) -> None:
        self._folded = 0


class WatchedFold(CountingFold):
    """Tells the turns of each record."""

    def __init__(self, agent: CountingAgent, turns: Turns) -> None:
        super().__init__(agent)
        self._turns = turns

    def fold(self, record: Record, state: State) -> Iterable[Output]:
        self._turns.folded()
        return super().fold(record, state)


class WatchedAgent(CountingAgent):
    """The counting agent with a watched fold."""

    turns = Turns()

    def open(self, partition: int, states: Mapping[bytes, bytes]) -> PartitionFold:  # noqa: ARG002
        return WatchedFold(self, self.turns)


class BusySettings(WorkerSettings, kw_only=True, frozen=True):
    """The same settings, and watched agents."""

    def agents(self) -> list[Agent]:
        return [
            WatchedAgent(source, f"{source}-out", f"{source}-dlq", name=f"counting{n}", fold_s=self.fold_s)
            for n, source in enumerate(self.sources)
        ]


if __name__ == "__main__":
    main(BusySettings)
