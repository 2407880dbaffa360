"""A refused batch is halved until the bad items stand alone; all others are sent."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.bisect import settle
from sinks.store import BatchRefusedError, BatchTooLargeError, StoreAwayError


@given(st.lists(st.booleans(), max_size=60), st.booleans())
async def test_exactly_the_bad_ones_are_singled_out(bad: list[bool], keeps_good: bool) -> None:
    kept: list[int] = []

    async def send(items: Sequence[int]) -> None:
        good = [item for item in items if not bad[item]]
        if len(good) < len(items):
            if keeps_good:
                kept.extend(good)
            raise BatchRefusedError("one of them")
        kept.extend(good)

    refused = await settle(range(len(bad)), send)
    assert [item for item, _ in refused] == [item for item, is_bad in enumerate(bad) if is_bad]
    assert set(kept) == {item for item, is_bad in enumerate(bad) if not is_bad}
    if not keeps_good:
        assert kept == sorted(kept)


async def test_one_bad_line_of_5000_costs_two_requests_a_halving() -> None:
    requests: list[int] = []

    async def send(items: Sequence[int]) -> None:
        requests.append(len(items))
        if 3333 in items:
            raise BatchTooLargeError("too large")

    ((item, error),) = await settle(range(5000), send)
    assert item == 3333
    assert error.code == "too-large"
    assert len(requests) <= 2 * 13 + 1


async def test_a_store_that_goes_away_ends_it() -> None:
    async def send(_: Sequence[int]) -> None:
        raise StoreAwayError("gone")

    with pytest.raises(StoreAwayError):
        await settle([1, 2], send)
    assert await settle([], send) == []
