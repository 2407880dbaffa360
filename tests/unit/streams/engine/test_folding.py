# ruff: noqa: ARG002 - an agent need not use all that it is given
from collections.abc import Iterable, Mapping

import pytest

from contracts.errors import LogContradictionError
from streams.engine.agent import DeadLetterCode, Output, PartitionFold, Record
from streams.engine.errors import UnwritableError
from streams.engine.folding import Folded, Limits, fold_batch, folding, size_of
from streams.engine.state import State

LIMITS = Limits(output_bytes=1000, dead_letter_bytes=3000)


class Adder:
    """Adds the number in each value to its key, and says the sum; keeps every key it has seen in memory, too."""

    name, source, format = "adder", "numbers", 1

    def __init__(self) -> None:
        self.seen: set[bytes] = set()

    def decode(self, key: bytes, value: bytes) -> object:
        return value.decode()

    def encode(self, key: bytes, state: object) -> bytes:
        assert isinstance(state, str)
        if "unspeakable" in state:
            raise ValueError("cannot be said")
        return state.encode()

    def open(self, partition: int, states: Mapping[bytes, bytes]) -> PartitionFold:
        return self

    def fold(self, record: Record, state: State) -> Iterable[Output | None]:
        assert record.key is not None
        assert record.value is not None
        self.seen.add(record.key)
        text = str(state.get(record.key) or "") + record.value.decode()
        state.set(record.key, text)
        yield Output("sums", record.key, text.encode())
        if record.value == b"poison":
            raise RuntimeError("swallowed")
        if record.value == b"stop":
            raise LogContradictionError("this log is not mine")
        if record.value == b"large":
            yield Output("sums", record.key, bytes(1001))

    def undone(self, keys: Iterable[bytes], state: State) -> None:
        for key in keys:
            if state.get(key) is None:
                self.seen.discard(key)

    def dead_letter(self, record: Record, error: Exception, code: DeadLetterCode) -> Output:
        return Output("dlq", record.key, record.value, (("code", code.encode()), ("error", str(error).encode())))


def fold(
    *values: tuple[bytes, bytes], committed: Mapping[bytes, bytes] | None = None, agent: Adder | None = None
) -> Folded:
    agent = agent or Adder()
    records = [Record(n, 0, True, key, value, 0, "numbers") for n, (key, value) in enumerate(values)]
    return fold_batch(agent, agent, committed or {}, records, LIMITS)


def test_a_batch_gives_outputs_in_order_and_each_changed_state_once() -> None:
    folded = fold((b"a", b"1"), (b"b", b"2"), (b"a", b"3"), committed={b"a": b"0"})
    assert [(output.key, output.value) for output in folded.outputs] == [(b"a", b"01"), (b"b", b"2"), (b"a", b"013")]
    assert folded.changes == {b"a": b"013", b"b": b"2"}
    assert folded.dead_letters == 0


def test_a_record_that_raises_is_undone_and_buried_and_the_batch_goes_on() -> None:
    agent = Adder()
    folded = fold((b"a", b"1"), (b"a", b"poison"), (b"new", b"poison"), (b"a", b"2"), agent=agent)
    assert folded.changes == {b"a": b"12"}
    assert [output.topic for output in folded.outputs] == ["sums", "dlq", "dlq", "sums"]
    assert dict(folded.outputs[1].headers) == {"code": b"fold-error", "error": b"swallowed"}
    assert folded.dead_letters == 2
    assert agent.seen == {b"a"}, "the fold's own index followed"


def test_an_output_too_large_is_buried_and_the_record_still_counts() -> None:
    folded = fold((b"a", b"large"), (b"a", b"1"))
    assert folded.changes == {b"a": b"large1"}
    assert [output.topic for output in folded.outputs] == ["sums", "dlq", "sums"]
    assert dict(folded.outputs[1].headers)["code"] == b"too-large"


def test_a_state_too_large_buries_the_record_that_made_it_so() -> None:
    folded = fold((b"a", b"x" * 500), (b"b", b"1"), (b"a", b"y" * 500), (b"a", b"z"))
    assert folded.changes == {b"a": b"x" * 500 + b"z", b"b": b"1"}
    assert [output.topic for output in folded.outputs] == ["sums", "sums", "dlq", "sums"]
    assert dict(folded.outputs[2].headers)["code"] == b"too-large"
    assert folded.dead_letters == 1


def test_a_state_that_cannot_be_encoded_buries_its_record() -> None:
    folded = fold((b"a", b"1"), (b"a", b"unspeakable"), (b"b", b"2"))
    assert folded.changes == {b"a": b"1", b"b": b"2"}
    assert [output.topic for output in folded.outputs] == ["sums", "dlq", "sums"]


def test_a_contradiction_of_the_log_is_no_records_fault() -> None:
    with pytest.raises(LogContradictionError, match="not mine"):
        fold((b"a", b"1"), (b"a", b"stop"))


def test_a_dead_letter_too_large_ends_everything_with_a_sentence() -> None:
    with pytest.raises(UnwritableError, match=r"dead letter for offset 0 of numbers/0 has .* more than the 3000"):
        fold((b"k" * 3000, b"poison"))


def test_the_size_bounds_what_a_record_batch_takes() -> None:
    output = Output("t", b"k" * 10, b"v" * 20, (("name", b"value"),))
    assert 61 + 10 + 20 + 4 + 5 < size_of(output) < 61 + 10 + 20 + 4 + 5 + 80


def test_a_batch_is_folded_in_steps() -> None:
    """A step an output, a record and a state: whoever takes them may do something else after each."""
    agent, committed = Adder(), {b"a": b"0"}
    records = [Record(n, 0, True, key, b"1", 0, "numbers") for n, key in enumerate((b"a", b"b", b"a"))]
    steps = folding(agent, agent, committed, records, LIMITS)
    taken = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            folded = end.value
            break
        taken += 1
        assert committed == {b"a": b"0"}, "nothing is changed before all of it is folded"
    assert taken == 2 * len(records) + 2
    assert folded == fold_batch(Adder(), Adder(), committed, records, LIMITS)


def test_a_fold_may_take_a_breath_within_a_record() -> None:
    class Breathing(Adder):
        def fold(self, record: Record, state: State) -> Iterable[Output | None]:
            yield None
            yield from super().fold(record, state)
            yield None

    agent = Breathing()
    records = [Record(0, 0, True, b"a", b"1", 0, "numbers"), Record(1, 0, True, b"a", b"poison", 0, "numbers")]
    folded = fold_batch(agent, agent, {}, records, LIMITS)
    assert [output.topic for output in folded.outputs] == ["sums", "dlq"]
    assert folded.changes == {b"a": b"1"}
