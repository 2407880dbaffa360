"""One owned source partition: its state, its place in the log, and the only producer that may write either."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

from aiokafka import TopicPartition

from streams.engine.agent import CLOCK_KEY, Agent, Output, PartitionFold, Record
from streams.engine.changelog import Changelog, Fence, Loading
from streams.engine.errors import ForeignLogError
from streams.engine.folding import Folded, Limits, folding
from streams.engine.loading import load, log_cut
from streams.engine.observer import BatchReport, Observer
from streams.engine.settings import EngineSettings
from streams.engine.slices import Slice, in_slices
from streams.engine.writing import Row, TransactionalWriter

Bounds = Callable[[TopicPartition], Awaitable[tuple[int, int]]]
"""Gives the first offset of a partition and the one after its last."""


class OwnedPartition:
    """Opened once, then given one batch at a time.

    A batch's outputs, states and fence go out in one transaction, and memory follows when it is on the log: so what is
    in memory is what the next owner would load, and dying at any point is safe.
    """

    def __init__(
        self,
        agent: Agent,
        number: int,
        settings: EngineSettings,
        observer: Observer,
        bounds: Bounds,
        turn: asyncio.Lock,
    ) -> None:
        """`turn` is shared by all partitions of a worker: one folds at a time."""
        self.source = TopicPartition(agent.source, number)
        self.loaded = False
        self.next_offset = 0
        """The next source offset to fold; means something once `loaded`."""
        self._agent, self._settings, self._observer = agent, settings, observer
        self._bounds, self._turn = bounds, turn
        self._changelog = Changelog(agent.name, agent.format)
        self._writer = TransactionalWriter(settings, f"{settings.group}-{agent.source}-{number}")
        self._limits = Limits(settings.output_bytes, settings.dead_letter_bytes)
        self._values: dict[bytes, bytes] = {}
        self.state_bytes = 0
        """Of the keys and values in memory."""
        self._committed_at = time.monotonic()
        self._fold: PartitionFold
        self._gap: tuple[int, int] | None = None  # (next offset, where a batch began instead): read again once
        self._advanced = False

    @property
    def keys(self) -> int:
        """States in memory."""
        return len(self._values)

    @property
    def since_commit_s(self) -> float:
        """Real seconds since a batch was committed, or since it was loaded."""
        return time.monotonic() - self._committed_at

    @property
    def committable(self) -> int | None:
        """What to tell lag monitors; None while nothing was ever folded."""
        return self.next_offset if self._advanced else None

    async def open(self) -> None:
        """Fence the previous owner, then load. Raises what `load` raises."""
        began = time.monotonic()
        await self._writer.start()
        loading = Loading(self._changelog)
        self.next_offset = await load(self._settings, loading, self.source)
        self._advanced = loading.fence is not None
        self._values = loading.values
        self.state_bytes = sum(len(key) + len(value) for key, value in self._values.items())
        self._committed_at = time.monotonic()
        self._fold = await asyncio.to_thread(self._agent.open, self.source.partition, self._values)
        self.loaded = True
        self._observer.loaded(self.source.topic, self.source.partition, self.keys, time.monotonic() - began)

    async def close(self) -> None:
        await self._writer.close()

    async def process(self, records: Sequence[Record], wanted: Callable[[], bool]) -> bool:
        """Fold a fetched batch and commit it. False: it must be fetched again from `next_offset`.

        The event loop turns while it folds and writes. Nothing it may do meanwhile touches this partition's states or
        its fold: a partition has one batch in progress, and a rebalance waits for the end of it. One whose turn to fold
        has not come by then is not `wanted` any more: whoever gets the partition need not wait for it.

        Raises LogContradictionError and what ends the process besides; aiokafka's errors, and TimeoutError.
        """
        if records[0].offset < self.next_offset:
            records = await self._beyond_fence(records)
            if not records:
                return False
        if records[0].offset > self.next_offset and not await self._is_harmless_gap(records[0].offset):
            return False
        async with self._turn:
            if not wanted():
                return False
            began = time.monotonic()
            steps = folding(self._agent, self._fold, self._values, records, self._limits)
            folded = await in_slices(steps, Slice(self._settings.slice_s))
            folded_at = time.monotonic()
        last = records[-1].offset
        await self._writer.write(self._groups(folded, last))
        self._remember(folded.changes, last)
        self._committed_at = time.monotonic()
        self._observer.committed(
            BatchReport(
                topic=self.source.topic,
                partition=self.source.partition,
                records=len(records),
                outputs=len(folded.outputs) - folded.dead_letters,
                states=len(folded.changes),
                dead_letters=folded.dead_letters,
                fold_s=folded_at - began,
                commit_s=self._committed_at - folded_at,
                sent=folded.outputs,
            )
        )
        return True

    async def _beyond_fence(self, records: Sequence[Record]) -> Sequence[Record]:
        """Nothing below the next offset is ever asked for: either a seek was late, or the partition is another one."""
        _, end = await self._bounds(self.source)
        if end < self.next_offset:
            raise ForeignLogError(
                f"{self.source.topic}/{self.source.partition} ends at offset {end}, but {self.next_offset - 1} was "
                f"folded already: if the topics were created anew, raise KAFKA_LOG_EPOCH (now {self._settings.log}) "
                "by one"
            )
        return [record for record in records if record.offset >= self.next_offset]

    async def _is_harmless_gap(self, first: int) -> bool:
        """Whether a batch may begin beyond the next offset: not before it did so twice, nor where the log was cut."""
        gap = (self.next_offset, first)
        if self._gap != gap:
            self._gap = gap
            self._observer.read_again(self.source.topic, self.source.partition)
            return False
        start, _ = await self._bounds(self.source)
        if start > self.next_offset:
            raise log_cut(self.source, self.next_offset, start)
        return True  # transaction markers

    def _groups(self, folded: Folded, last: int) -> Iterable[tuple[str, int, Iterable[Row]]]:
        number = self.source.partition
        by_partition: dict[tuple[str, int], list[Row]] = {}
        for output in folded.outputs:
            where = (output.topic, number if output.partition is None else output.partition)
            by_partition.setdefault(where, []).append(_row(output))
        for (topic, partition), rows in by_partition.items():
            yield topic, partition, rows
        yield self._settings.state_topic, number, self._state_rows(folded.changes, last)

    def _state_rows(self, changes: Mapping[bytes, bytes | None], last: int) -> Iterable[Row]:
        for key, value in changes.items():
            if key != CLOCK_KEY:
                yield self._changelog.key(key), self._changelog.value(value), []
        clock = changes.get(CLOCK_KEY, self._values.get(CLOCK_KEY))
        yield self._changelog.key(CLOCK_KEY), self._changelog.clock(Fence(self._settings.log, last), clock), []

    def _remember(self, changes: Mapping[bytes, bytes | None], last: int) -> None:
        for key, value in changes.items():
            if (before := self._values.pop(key, None)) is not None:
                self.state_bytes -= len(key) + len(before)
            if value is not None:
                self._values[key] = value
                self.state_bytes += len(key) + len(value)
        self.next_offset = last + 1
        self._advanced, self._gap = True, None


def _row(output: Output) -> Row:
    return output.key, output.value, list(output.headers)
