"""What a dead letter says, and that it always fits its topic."""

from base64 import b64decode

import pytest

from contracts.events import encode
from contracts.topics import DLQ_LIMIT, MESSAGES_LIMIT
from ops.kafka import KafkaSettings
from sinks.dead_letters import Dead, DeadLetters
from sinks.records import Place, Received


@pytest.fixture
def letters() -> DeadLetters:
    return DeadLetters(KafkaSettings(log_epoch=3), "ocpp.sink-influxdb", "influxdb")


def test_it_holds_the_bytes_and_where_they_came_from(letters: DeadLetters) -> None:
    received = Received(Place("ocpp.energy", 2, 77), b"\xffkey", b"\x00value")
    letter = letters.letter(Dead(received, "refused", "field type conflict", "energy f=1 1"))
    assert (letter.part, letter.name, letter.store, letter.code) == (
        "sink",
        "ocpp.sink-influxdb",
        "influxdb",
        "refused",
    )
    assert letter.source is not None
    assert (letter.source.topic, letter.source.partition, letter.source.offset, letter.source.log) == (
        "ocpp.energy",
        2,
        77,
        3,
    )
    assert b64decode(letter.key or "") == b"\xffkey"
    assert b64decode(letter.value or "") == b"\x00value"
    assert letter.line == "energy f=1 1"


@pytest.mark.parametrize("size", [0, 10_000, DLQ_LIMIT // 2, DLQ_LIMIT * 3 // 4, DLQ_LIMIT, MESSAGES_LIMIT])
@pytest.mark.parametrize("line", [None, "x" * 100_000, '"' * 200_000])
def test_it_fits_the_topic(letters: DeadLetters, size: int, line: str | None) -> None:
    received = Received(Place("ocpp.samples", 2, 77), b"k" * 100, b"v" * size)
    letter = letters.letter(Dead(received, "record", "é" * 10_000, line))
    assert len(encode(letter)) <= DLQ_LIMIT
    if size <= 10_000 and line is None:
        assert b64decode(letter.value or "") == received.value


def test_a_record_without_a_value_or_key(letters: DeadLetters) -> None:
    letter = letters.letter(Dead(Received(Place("ocpp.samples", 2, 77), None, None), "record", "?"))
    assert (letter.key, letter.value) == (None, None)
