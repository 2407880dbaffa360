"""Laws of the engine's pure half: batches, failures and undoing never show in the outcome."""
# ruff: noqa: ARG002 - an agent need not use all that it is given

from collections.abc import Iterable, Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from streams.engine.agent import DeadLetterCode, Output, PartitionFold, Record
from streams.engine.folding import Limits, fold_batch
from streams.engine.state import State

KEYS = st.sampled_from([b"a", b"b", b"c"])
# States are measured and encoded at the end of a batch: one that cannot be written and is mended or deleted within the
# batch passes, so what breaks the limits and what makes smaller are not mixed here.
MENDING = st.tuples(KEYS, st.sampled_from(["add", "add", "delete", "move", "fail"]))
BREAKING = st.tuples(KEYS, st.sampled_from(["add", "add", "fail", "unsayable", "swell"]))
ACTIONS = st.lists(MENDING, max_size=25) | st.lists(BREAKING, max_size=25)
SAYABLE = st.text(st.characters(codec="utf-8", exclude_characters="!"), max_size=3)
LIMITS = Limits(output_bytes=400, dead_letter_bytes=10_000)


class Scribe:
    """Appends to texts, moves and deletes them; fails after it has changed half of what it wanted."""

    name, source, format = "scribe", "actions", 1

    def decode(self, key: bytes, value: bytes) -> object:
        return value.decode()

    def encode(self, key: bytes, state: object) -> bytes:
        if "!" in str(state):
            raise ValueError("unsayable")
        return str(state).encode()

    def open(self, partition: int, states: Mapping[bytes, bytes]) -> PartitionFold:
        return self

    def fold(self, record: Record, state: State) -> Iterable[Output]:
        key, action = record.key or b"", (record.value or b"").decode()
        text = str(state.get(key) or "")
        if action == "delete":
            state.delete(key)
        else:
            state.set(key, text + {"unsayable": "!", "swell": "x" * 300}.get(action, "."))
        yield Output("texts", key, str(state.get(key)).encode()[:50])
        if action == "move":
            state.set(b"moved", text)
            state.delete(key)
        if action == "fail":
            state.delete(b"moved")
            raise RuntimeError(action)

    def dead_letter(self, record: Record, error: Exception, code: DeadLetterCode) -> Output:
        return Output("dlq", record.key, code.encode())


def fold_in_batches(records: Sequence[Record], sizes: Sequence[int]) -> tuple[dict[bytes, bytes], list[Output]]:
    """Fold all records in batches of these sizes in turn, carrying the committed state on."""
    scribe, committed, outputs, at, turn = Scribe(), dict[bytes, bytes](), list[Output](), 0, 0
    while at < len(records):
        batch = records[at : at + sizes[turn % len(sizes)]]
        folded = fold_batch(scribe, scribe, committed, batch, LIMITS)
        for key, value in folded.changes.items():
            assert value != committed.get(key), "only what changed is written"
            committed.pop(key, None)
            if value is not None:
                committed[key] = value
        outputs += folded.outputs
        at += len(batch)
        turn += 1
    return committed, outputs


def records_of(actions: Sequence[tuple[bytes, str]]) -> list[Record]:
    return [Record(n, 0, True, key, action.encode(), 0, "actions") for n, (key, action) in enumerate(actions)]


@given(ACTIONS, st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_batches_do_not_show(actions: list[tuple[bytes, str]], sizes: list[int]) -> None:
    records = records_of(actions)
    assert fold_in_batches(records, sizes) == fold_in_batches(records, [1])


@given(ACTIONS)
def test_what_was_buried_left_no_trace(actions: list[tuple[bytes, str]]) -> None:
    records = records_of(actions)
    committed, outputs = fold_in_batches(records, [5])
    fates = iter(fold_in_batches(records, [1])[1])
    good = [record for record in records if next(fates).topic == "texts"]
    assert fold_in_batches(good, [3]) == (committed, [output for output in outputs if output.topic == "texts"])


@given(st.lists(st.tuples(KEYS, st.one_of(st.none(), SAYABLE)), max_size=20), st.data())
def test_undo_is_as_if_it_had_not_been(writes: list[tuple[bytes, str | None]], data: st.DataObject) -> None:
    committed = {b"a": b"1", b"b": b"2"}
    cut = data.draw(st.integers(0, len(writes)))
    state, model = State(Scribe(), committed), State(Scribe(), committed)
    for one in (state, model):
        _write(one, writes[:cut])
    mark = state.mark()
    _write(state, writes[cut:])
    state.undo(mark)
    assert [state.get(key) for key in (b"a", b"b", b"c")] == [model.get(key) for key in (b"a", b"b", b"c")]
    assert state.changes() == model.changes()


def _write(state: State, writes: Sequence[tuple[bytes, str | None]]) -> None:
    for key, text in writes:
        if text is None:
            state.delete(key)
        else:
            state.set(key, text)
