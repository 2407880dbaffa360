"""Our sizes are upper bounds of what aiokafka really builds: an underestimate would lose a record."""

from hypothesis import given
from hypothesis import strategies as st

from ops.group_commit.batch import record_batch
from ops.group_commit.submission import BATCH_OVERHEAD, HEADER_OVERHEAD, RECORD_OVERHEAD, Submission, size_of

HEADERS = [("schema", b"messages/1"), ("x", b"")]
OVERHEAD = RECORD_OVERHEAD + sum(len(key) + len(value) + HEADER_OVERHEAD for key, value in HEADERS)
records = st.lists(
    st.tuples(st.none() | st.binary(max_size=300), st.integers(0, 20_000).map(lambda size: b"x" * size)), min_size=1
)


@given(records, st.integers(0, 2**35))
def test_a_batch_is_never_larger_than_its_size(pairs: list[tuple[bytes | None, bytes]], at: int) -> None:
    size = BATCH_OVERHEAD + size_of(pairs, OVERHEAD)
    # Times far apart make the widest varints.
    batch = [Submission([pair], 0, at if number % 2 else 0) for number, pair in enumerate(pairs)]
    assert len(record_batch(batch, HEADERS, size)) <= size
