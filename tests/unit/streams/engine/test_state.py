import pytest

from streams.engine.errors import TooLargeError
from streams.engine.state import State


class Numbers:
    """A codec of integers that counts what it is asked to do."""

    def __init__(self) -> None:
        self.decoded: list[bytes] = []
        self.encoded: list[bytes] = []

    def decode(self, key: bytes, value: bytes) -> object:
        self.decoded.append(key)
        return int(value)

    def encode(self, key: bytes, state: object) -> bytes:
        self.encoded.append(key)
        return str(state).encode()


def state_over(**committed: int) -> tuple[State, Numbers]:
    codec = Numbers()
    return State(codec, {key.encode(): str(value).encode() for key, value in committed.items()}), codec


def test_decodes_a_key_once_and_only_when_touched() -> None:
    state, codec = state_over(a=1, b=2)
    assert (state.get(b"a"), state.get(b"a"), state.get(b"c")) == (1, 1, None)
    assert codec.decoded == [b"a"]
    assert state.changes() == {}


def test_a_change_is_encoded_once_however_often_it_is_set() -> None:
    state, codec = state_over(a=1)
    for n in range(5):
        state.set(b"a", n + 10)
    assert state.get(b"a") == 14
    assert state.changes() == {b"a": b"14"}
    assert codec.encoded == [b"a"]


def test_what_ends_as_it_began_is_no_change() -> None:
    state, _ = state_over(a=1)
    state.set(b"a", 2)
    state.set(b"a", 1)
    state.set(b"b", 3)
    state.delete(b"b")
    assert state.changes() == {}


def test_a_deleted_key_is_a_tombstone_only_if_it_was_committed() -> None:
    state, _ = state_over(a=1)
    state.delete(b"a")
    state.delete(b"a")
    state.delete(b"never")
    assert state.get(b"a") is None
    assert state.changes() == {b"a": None}


def test_a_key_can_come_back_after_it_was_deleted() -> None:
    state, _ = state_over(a=1)
    state.delete(b"a")
    state.set(b"a", 5)
    assert state.changes() == {b"a": b"5"}


def test_undo_returns_to_the_mark_and_names_the_keys() -> None:
    state, _ = state_over(a=1, b=2, c=3)
    state.set(b"a", 10)
    mark = state.mark()
    state.set(b"a", 11)
    state.set(b"a", 12)
    state.delete(b"b")
    state.set(b"new", 13)
    assert sorted(state.undo(mark)) == [b"a", b"b", b"new"]
    assert [state.get(key) for key in (b"a", b"b", b"c", b"new")] == [10, 2, 3, None]
    assert state.changes() == {b"a": b"10"}


def test_undo_leaves_what_was_only_read() -> None:
    state, codec = state_over(a=1)
    mark = state.mark()
    state.get(b"a")
    assert state.undo(mark) == []
    assert state.get(b"a") == 1
    assert codec.decoded == [b"a"]


def test_changes_since_a_mark_are_only_the_later_ones() -> None:
    state, _ = state_over()
    state.set(b"a", 1)
    mark = state.mark()
    state.set(b"b", 2)
    assert state.changes(mark) == {b"b": b"2"}


def test_none_is_no_state() -> None:
    state, _ = state_over(a=1)
    with pytest.raises(ValueError, match="delete"):
        state.set(b"a", None)


def test_a_value_beyond_the_limit_is_found_out() -> None:
    state = State(Numbers(), {}, limit=4)
    state.set(b"a", 123)
    assert state.changes() == {b"a": b"123"}
    mark = state.mark()
    state.set(b"b", 1234)
    with pytest.raises(TooLargeError, match="the state b'b' would have 4 bytes"):
        state.changes(mark)
