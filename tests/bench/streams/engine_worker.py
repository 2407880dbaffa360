"""The engine with the fold of ../peers/stock_faust.py (MODE=eachtblout): a state and an output for every record.

Reads `raw` from its beginning; after N records it prints the CPU it used since the first of them, and ends. N and the
broker (in bs.addr, in the working folder) are given as to stock_faust.py.
"""

import asyncio
import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn

import msgspec

from ops import loop
from streams.engine.agent import DeadLetterCode, Output, PartitionFold, Record
from streams.engine.engine import Engine
from streams.engine.observer import BatchReport, Observer
from streams.engine.process import Ending, end
from streams.engine.settings import EngineSettings
from streams.engine.state import State

_JSON = msgspec.json.Decoder()


class LastEnergy(msgspec.Struct, frozen=True):
    """The last reading of a station and where it stood."""

    e: float
    o: int


class EnergyAgent:
    """Its own fold too: it remembers nothing."""

    name, source, format = "energy", "raw", 1
    _states = msgspec.json.Decoder(LastEnergy)

    def __init__(self) -> None:
        self.began: tuple[float, float] | None = None
        """Wall clock and CPU of the process at the first record, in seconds."""

    def decode(self, key: bytes, value: bytes) -> object:  # noqa: ARG002
        return self._states.decode(value)

    def encode(self, key: bytes, state: object) -> bytes:  # noqa: ARG002
        return msgspec.json.encode(state)

    def open(self, partition: int, states: Mapping[bytes, bytes]) -> PartitionFold:  # noqa: ARG002
        return self

    def fold(self, record: Record, state: State) -> Iterable[Output]:
        assert record.key is not None
        assert record.value is not None
        if self.began is None:
            self.began = (time.time(), time.process_time())
        energy = 0.0
        for sample in _JSON.decode(record.value)["frame"][3]["meterValue"][0]["sampledValue"]:
            if sample["measurand"].startswith("Energy"):
                energy = float(sample["value"])
        state.set(record.key, LastEnergy(energy, record.offset))
        return (Output("derived", record.key, b"x" * 100),)

    def dead_letter(self, record: Record, error: Exception, code: DeadLetterCode) -> Output:
        raise RuntimeError(f"{code} at {record.offset}") from error


class UntilN(Observer):
    """Measures from the first record that is folded, as the peer does, to the transaction that holds the last."""

    def __init__(self, agent: EnergyAgent, records: int) -> None:
        self._agent = agent
        self._left = records
        self._records = records

    def committed(self, batch: BatchReport) -> None:
        self._left -= batch.records
        if self._left <= 0:
            assert self._agent.began is not None
            wall, cpu = time.time() - self._agent.began[0], time.process_time() - self._agent.began[1]
            print(
                f"records/s wall {self._records / wall:.0f} cpu us/record {cpu / self._records * 1e6:.2f}", flush=True
            )
            end(Ending())


async def run() -> NoReturn:
    settings = EngineSettings(
        group=f"engine-{os.getpid()}",
        state_topic=os.environ["STATE"],
        log=1,
        client={"bootstrap_servers": Path("bs.addr").read_text().strip()},
    )
    agent = EnergyAgent()
    end(await Engine([agent], settings, observer=UntilN(agent, int(os.environ["N"]))).run(asyncio.Event()))


if __name__ == "__main__":
    loop.run(run())
