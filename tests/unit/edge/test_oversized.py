from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from edge.oversized import HEAD_BYTES, Oversized


@given(st.lists(st.binary(max_size=3000), max_size=8))
def test_it_knows_the_same_of_a_message_however_it_arrives(parts: list[bytes]) -> None:
    whole, oversized = b"".join(parts), Oversized()
    for part in parts:
        oversized.feed(part)
    assert oversized.size == len(whole)
    assert oversized.sha256 == sha256(whole).hexdigest()
    assert oversized.head == whole[:HEAD_BYTES]
