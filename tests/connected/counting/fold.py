"""A fold that counts, so that a verdict needs no trust: per key (n, sum of offsets, last offset), one output a record.

Its object under the clock's key is the worker that wrote it. Three values are special: `poison` raises, `huge` gives
an output too large to send, `delete` removes the key.
"""

import os
import time
from collections.abc import Iterable, Mapping

import msgspec

from streams.engine.agent import CLOCK_KEY, DeadLetterCode, Output, PartitionFold, Record
from streams.engine.state import State

PROCESS = f"{os.getpid()}-{time.time_ns()}".encode()  # a process that replaced itself is another one


class Count(msgspec.Struct, array_like=True, frozen=True):
    """The state of a key."""

    n: int
    sum: int
    last: int


class CountingFold:
    """The same object serves every partition: it remembers nothing."""

    def __init__(self, agent: "CountingAgent") -> None:
        self._agent = agent

    def fold(self, record: Record, state: State) -> Iterable[Output]:
        assert record.key is not None
        if self._agent.fold_s:
            time.sleep(self._agent.fold_s)
        state.set(CLOCK_KEY, PROCESS)
        before = state.get(record.key)
        count = before if isinstance(before, Count) else Count(0, 0, -1)
        count = Count(count.n + 1, count.sum + record.offset, record.offset)
        state.set(record.key, count)
        if record.value == b"delete":
            state.delete(record.key)
        yield Output(self._agent.output, record.key, b"%d %d" % (count.n, record.offset), (("by", PROCESS),))
        if record.value == b"poison":
            raise ValueError("poison")
        if record.value == b"huge":
            yield Output(self._agent.output, record.key, bytes(2_000_000))


class CountingAgent:
    """Folds `source` into `output`; what it cannot handle goes to `dead_letters`."""

    def __init__(
        self, source: str, output: str, dead_letters: str, *, name: str = "counting", fold_s: float = 0.0
    ) -> None:
        self.name = name
        self.source = source
        self.format = 1
        self.output = output
        self.dead_letters = dead_letters
        self.fold_s = fold_s

    def decode(self, key: bytes, value: bytes) -> object:
        return value if key == CLOCK_KEY else msgspec.json.decode(value, type=Count)

    def encode(self, key: bytes, state: object) -> bytes:  # noqa: ARG002
        return state if isinstance(state, bytes) else msgspec.json.encode(state)

    def open(self, partition: int, states: Mapping[bytes, bytes]) -> PartitionFold:  # noqa: ARG002
        return CountingFold(self)

    def dead_letter(self, record: Record, error: Exception, code: DeadLetterCode) -> Output:
        return Output(
            self.dead_letters, record.key, record.value, (("code", code.encode()), ("error", str(error).encode()))
        )
