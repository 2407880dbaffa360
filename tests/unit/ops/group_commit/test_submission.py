"""Our sizes are upper bounds of what aiokafka really builds: an underestimate would lose a record."""

from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from ops.group_commit.submission import BATCH_OVERHEAD, HEADER_OVERHEAD, RECORD_OVERHEAD, size_of

HEADERS = [("schema", b"messages/1"), ("x", b"")]
OVERHEAD = RECORD_OVERHEAD + sum(len(key) + len(value) + HEADER_OVERHEAD for key, value in HEADERS)
records = st.lists(
    st.tuples(st.none() | st.binary(max_size=300), st.integers(0, 20_000).map(lambda size: b"x" * size)), min_size=1
)


@given(records, st.integers(0, 2**45))
def test_a_batch_is_never_larger_than_its_size(pairs: list[tuple[bytes | None, bytes]], at_ms: int) -> None:
    size = BATCH_OVERHEAD + size_of(pairs, OVERHEAD)
    builder = BatchBuilder(size, 0)
    for number, (key, value) in enumerate(pairs):
        # Timestamps far apart make the widest varints.
        timestamp = at_ms if number % 2 else 0
        assert builder.append(timestamp=timestamp, key=key, value=value, headers=HEADERS) is not None
    assert len(builder._build()) <= size
