from hypothesis import given
from hypothesis import strategies as st

from edge.ulid import ulid

times = st.integers(0, 2**48 - 1)
randomness = st.binary(min_size=10, max_size=10)


def test_the_example_of_the_specification() -> None:
    assert ulid(1469918176385, bytes(10)).startswith("01ARYZ6S41")


@given(times, randomness, times, randomness)
def test_ulids_sort_by_their_time(a: int, noise_a: bytes, b: int, noise_b: bytes) -> None:
    first, second = ulid(a, noise_a), ulid(b, noise_b)
    assert len(first) == len(second) == 26
    if a != b:
        assert (first < second) == (a < b)
    assert (first == second) == ((a, noise_a) == (b, noise_b))
