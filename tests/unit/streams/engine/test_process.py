import random

import pytest
from aiokafka.errors import KafkaConnectionError, ProducerFenced

from streams.engine.engine import is_kafkas
from streams.engine.errors import LogCutError
from streams.engine.process import delay_s, replacements


def test_the_delay_grows_from_one_to_thirty_seconds_and_is_never_the_same_for_all() -> None:
    delays = {n: [delay_s(n, random.Random(seed)) for seed in range(200)] for n in range(1, 12)}
    assert all(1 <= delay <= 30 for some in delays.values() for delay in some)
    assert max(delays[1]) <= 2
    assert min(delays[6]) >= 15
    assert len(set(delays[6])) > 100


def test_the_row_of_replacements_is_passed_on_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOLTSTREAM_REPLACED", raising=False)
    assert replacements() == 0
    monkeypatch.setenv("VOLTSTREAM_REPLACED", "4")
    assert replacements() == 4
    monkeypatch.setenv("VOLTSTREAM_REPLACED", "nonsense")
    assert replacements() == 0


@pytest.mark.parametrize("error", [ProducerFenced(), KafkaConnectionError(), TimeoutError(), ConnectionResetError()])
def test_beginning_anew_helps_against_kafkas_errors(error: Exception) -> None:
    assert is_kafkas(error)


@pytest.mark.parametrize("error", [LogCutError("cut"), AssertionError(), KeyError("x"), MemoryError()])
def test_nothing_else_begins_anew(error: Exception) -> None:
    assert not is_kafkas(error)
