import pytest
from aiokafka import TopicPartition

from streams.engine.changelog import Changelog, Fence, Loading
from streams.engine.errors import ForeignLogError, LogCutError
from streams.engine.loading import next_offset

SOURCE = TopicPartition("ocpp.messages", 3)


def loaded(fence: Fence | None) -> Loading:
    loading = Loading(Changelog("messages", 1))
    loading.fence = fence
    return loading


def test_without_a_fence_the_log_is_read_from_its_beginning() -> None:
    assert next_offset(loaded(None), SOURCE, log=1, start=17, end=40) == 17


def test_reads_on_behind_the_fence() -> None:
    assert next_offset(loaded(Fence(1, 39)), SOURCE, log=1, start=0, end=40) == 40
    assert next_offset(loaded(Fence(1, 20)), SOURCE, log=1, start=21, end=40) == 21


def test_a_fence_of_an_older_log_means_the_beginning() -> None:
    assert next_offset(loaded(Fence(1, 900)), SOURCE, log=2, start=0, end=4) == 0


def test_a_fence_of_a_later_log_is_a_wrong_setting() -> None:
    with pytest.raises(ForeignLogError, match="set KAFKA_LOG_EPOCH to 3"):
        next_offset(loaded(Fence(3, 1)), SOURCE, log=2, start=0, end=4)


def test_a_fence_beyond_the_end_names_the_variable() -> None:
    with pytest.raises(ForeignLogError, match=r"ocpp.messages/3 .* offset 40, .* ends at 40: .* raise KAFKA_LOG_EPOCH"):
        next_offset(loaded(Fence(1, 40)), SOURCE, log=1, start=0, end=40)


def test_records_that_are_gone_unfolded_are_told() -> None:
    with pytest.raises(LogCutError, match="begins at offset 22, but the next to fold is 21"):
        next_offset(loaded(Fence(1, 20)), SOURCE, log=1, start=22, end=40)
