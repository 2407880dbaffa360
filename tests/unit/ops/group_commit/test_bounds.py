"""What is turned away at the door. No Kafka is needed: nothing is sent."""

import pytest

from ops.group_commit import Closed, Full, GroupCommit, TooLarge
from ops.group_commit.commit import MAX_BATCH_BYTES


def commit(max_records: int = 1000, max_bytes: int = 10_000_000, max_batch_bytes: int = MAX_BATCH_BYTES) -> GroupCommit:
    return GroupCommit(
        {},
        "t",
        2,
        on_refused=lambda _submission, _error: None,
        max_records=max_records,
        max_bytes=max_bytes,
        max_batch_bytes=max_batch_bytes,
    )


def ignore() -> None:
    pass


async def test_records_and_bytes_of_a_partition_are_bounded() -> None:
    edge = commit(max_records=3)
    edge.submit(0, [(b"k", b"v"), (b"k", b"w")], ignore)
    with pytest.raises(Full):
        edge.submit(0, [(b"k", b"v"), (b"k", b"w")], ignore)
    edge.submit(0, [(b"k", b"v")], ignore)
    edge.submit(1, [(b"k", b"v")], ignore)
    assert edge.unacknowledged() == 3
    small = commit(max_bytes=1000)
    small.submit(0, [(b"k", b"v" * 600)], ignore)
    with pytest.raises(Full):
        small.submit(0, [(b"k", b"v" * 600)], ignore)


async def test_what_can_never_fit_a_batch_is_too_large() -> None:
    edge = commit()
    with pytest.raises(TooLarge):
        edge.submit(0, [(b"k", b"v" * 1_000_000)], ignore)
    with pytest.raises(TooLarge):
        edge.replace(0, "node", b"k", b"v" * 1_000_000)
    commit(max_batch_bytes=5_000_000).submit(0, [(b"k", b"v" * 1_000_000)], ignore)
    assert edge.unacknowledged() == 0


@pytest.mark.parametrize("record", [("k", b"v"), (b"k", "v"), (b"k", None), (b"k", bytearray(b"v"))])
async def test_only_bytes_are_taken(record: tuple[bytes, bytes]) -> None:
    edge = commit()
    with pytest.raises(TypeError):
        edge.submit(0, [record], ignore)
    assert edge.unacknowledged() == 0


async def test_a_tick_is_never_turned_away() -> None:
    edge = commit(max_records=1)
    edge.submit(0, [(b"k", b"v")], ignore)
    for _ in range(3):
        edge.replace(0, "node", b"k", b"v")
    assert edge.unacknowledged() == 1


async def test_nothing_is_taken_after_close() -> None:
    edge = commit()
    assert await edge.close(0) == 0
    with pytest.raises(Closed):
        edge.submit(0, [(b"k", b"v")], ignore)
    with pytest.raises(Closed):
        edge.replace(0, "node", b"k", b"v")
