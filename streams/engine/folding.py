"""Folding one batch of records: pure. What comes out is one transaction's content, and nothing has been changed yet."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from contracts.errors import LogContradictionError
from streams.engine.agent import Agent, DeadLetterCode, IndexedFold, Output, PartitionFold, Record
from streams.engine.errors import TooLargeError, UnwritableError
from streams.engine.state import State
from streams.engine.steps import Steps, finish

_RECORD_OVERHEAD = 61 + 35  # of a record batch's header and of the longest varints of one record
_HEADER_OVERHEAD = 10


class Limits(msgspec.Struct, frozen=True):
    """The largest records, in bytes as they stand on the topic."""

    output_bytes: int
    """Of outputs and states."""
    dead_letter_bytes: int


class Folded(msgspec.Struct):
    """What a batch comes to."""

    outputs: list[Output]
    """In order, dead letters among them."""
    changes: dict[bytes, bytes | None]
    """The agent's key -> encoded state, or None where it was deleted."""
    dead_letters: int


def fold_batch(
    agent: Agent, fold: PartitionFold, committed: Mapping[bytes, bytes], records: Sequence[Record], limits: Limits
) -> Folded:
    """Fold records in order over the committed states.

    A record whose fold raises is undone and becomes a dead letter. States are encoded once, at the end; where one of
    them cannot be encoded or does not fit, the batch is folded again with a look at the states after each record, so
    that the record to blame becomes a dead letter (one that is mended within its batch is not noticed). Raises
    LogContradictionError, MemoryError, UnwritableError.
    """
    return finish(folding(agent, fold, committed, records, limits))


def folding(
    agent: Agent, fold: PartitionFold, committed: Mapping[bytes, bytes], records: Sequence[Record], limits: Limits
) -> Steps[Folded]:
    """`fold_batch` in steps: a part of a record, a state.

    Between two of them, nothing else may touch the fold, nor change the committed states.
    """
    state = State(agent, committed, limits.output_bytes - _RECORD_OVERHEAD)
    batch = _Batch(agent, fold, state, limits)
    yield from batch.fold(records)
    try:
        changes = yield from state.changing()
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - an agent's encode may raise anything
        batch.restart()
        yield from batch.fold(records, look=True)
        changes = yield from state.changing()
    return Folded(batch.outputs, changes, batch.dead_letters)


class _Batch:
    def __init__(self, agent: Agent, fold: PartitionFold, state: State, limits: Limits) -> None:
        self.outputs: list[Output] = []
        self.dead_letters = 0
        self._agent, self._fold, self._state, self._limits = agent, fold, state, limits

    def fold(self, records: Iterable[Record], *, look: bool = False) -> Steps[None]:
        for record in records:
            mark, outputs = self._state.mark(), list[Output]()
            try:
                for output in self._fold.fold(record, self._state):
                    if output is not None:
                        outputs.append(output)
                    yield
                if look:
                    yield from self._state.changing(mark)
            except (LogContradictionError, MemoryError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever a fold raises is the record's fault, not the process's
                self._undo(mark)
                self._bury(record, error, "too-large" if isinstance(error, TooLargeError) else "fold-error")
            else:
                for output in outputs:
                    self._put(record, output)
            yield

    def restart(self) -> None:
        self._undo(0)
        self.outputs, self.dead_letters = [], 0

    def _undo(self, mark: int) -> None:
        keys = self._state.undo(mark)
        if keys and isinstance(self._fold, IndexedFold):
            self._fold.undone(keys, self._state)

    def _put(self, record: Record, output: Output) -> None:
        if (size := size_of(output)) <= self._limits.output_bytes:
            self.outputs.append(output)
        else:  # the state it belongs to is right and stays; only this record of it cannot be sent
            error = TooLargeError(f"the record {output.key!r} for {output.topic} would have {size} bytes")
            self._bury(record, error, "too-large")

    def _bury(self, record: Record, error: Exception, code: DeadLetterCode) -> None:
        letter = self._agent.dead_letter(record, error, code)
        if (size := size_of(letter)) > self._limits.dead_letter_bytes:
            raise UnwritableError(
                f"the dead letter for offset {record.offset} of {record.topic}/{record.partition} has {size} bytes, "
                f"more than the {self._limits.dead_letter_bytes} that {letter.topic} takes"
            ) from error
        self.dead_letters += 1
        self.outputs.append(letter)


def size_of(output: Output) -> int:
    """An upper bound of the bytes of a record batch that holds this one record."""
    size = _RECORD_OVERHEAD
    if output.key is not None:
        size += len(output.key)
    if output.value is not None:
        size += len(output.value)
    for name, value in output.headers:
        size += 4 * len(name) + len(value) + _HEADER_OVERHEAD  # no character takes more than 4 bytes
    return size
