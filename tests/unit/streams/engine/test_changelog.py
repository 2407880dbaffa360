import pytest

from streams.engine.agent import CLOCK_KEY
from streams.engine.changelog import Changelog, Fence, Loading
from streams.engine.errors import UnknownFormatError


def test_a_state_goes_out_and_comes_back() -> None:
    changelog = Changelog("messages", 3)
    loading = Loading(changelog)
    loading.take(changelog.key(b"acme/CP1"), changelog.value(b"{}"))
    loading.take(changelog.key(CLOCK_KEY), changelog.clock(Fence(2, 41), b"own"))
    assert changelog.key(b"acme/CP1") == b"messages/acme/CP1"
    assert loading.values == {b"acme/CP1": b"{}", CLOCK_KEY: b"own"}
    assert loading.fence == Fence(2, 41)


def test_the_last_record_of_a_key_counts_and_a_tombstone_removes_it() -> None:
    changelog = Changelog("messages", 3)
    loading = Loading(changelog)
    for value in (b"1", b"2"):
        loading.take(changelog.key(b"a"), changelog.value(value))
        loading.take(changelog.key(b"b"), changelog.value(value))
    loading.take(changelog.key(b"b"), changelog.value(None))
    assert loading.values == {b"a": b"2"}


def test_a_clock_record_may_hold_the_fence_alone() -> None:
    changelog = Changelog("messages", 3)
    loading = Loading(changelog)
    loading.take(changelog.key(CLOCK_KEY), changelog.clock(Fence(1, 5), b"own"))
    loading.take(changelog.key(CLOCK_KEY), changelog.clock(Fence(1, 2**40), None))
    assert loading.values == {}
    assert loading.fence == Fence(1, 2**40)


def test_other_agents_states_are_passed_over_whatever_their_format() -> None:
    loading = Loading(Changelog("out", 3))
    other = Changelog("outages", 9)
    loading.take(other.key(b"a"), other.value(b"1"))
    loading.take(other.key(CLOCK_KEY), other.clock(Fence(1, 5), None))
    loading.take(None, b"\x03x")
    assert loading.values == {}
    assert loading.fence is None


@pytest.mark.parametrize("value", [b"\x07{}", b""])
def test_another_format_ends_the_loading_with_a_sentence(value: bytes) -> None:
    loading = Loading(Changelog("messages", 3))
    with pytest.raises(
        UnknownFormatError, match=r"state of messages has format (7|no) .* format 3: .*voltstream replay"
    ):
        loading.take(b"messages/a", value)


@pytest.mark.parametrize("name", ["", "a/b"])
def test_a_name_that_would_mix_agents_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="slash"):
        Changelog(name, 1)
