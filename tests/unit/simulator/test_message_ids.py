"""Message ids of every style."""

import random

import pytest

from simulator.message_ids import message_id, uuid_like
from simulator.plan import IdStyle


@pytest.mark.parametrize(
    ("style", "length"), [("uuid", 36), ("counter", 2), ("digits", 22), ("colon", len("CP0001:17"))]
)
def test_ids_fit_into_a_message(style: IdStyle, length: int) -> None:
    one = message_id(style, random.Random(1), "CP0001", 17)
    assert len(one) == length
    assert one != message_id(style, random.Random(2), "CP0001", 18)


def test_an_id_like_a_uuid_comes_from_the_seed() -> None:
    assert uuid_like(random.Random(1)) == uuid_like(random.Random(1))
    assert [len(part) for part in uuid_like(random.Random(1)).split("-")] == [8, 4, 4, 4, 12]
