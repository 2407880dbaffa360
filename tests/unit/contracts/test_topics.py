"""Topics: where a record goes."""

import pytest

from contracts.topics import (
    TOPICS,
    Name,
    energy_key,
    event_headers,
    murmur2,
    node_key,
    partition_of,
    schema_header,
    status_key,
)


@pytest.mark.parametrize(
    # the values that Apache Kafka's own tests give for org.apache.kafka.common.utils.Utils.murmur2
    ("data", "signed"),
    [
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_kafkas(data: bytes, signed: int) -> None:
    assert murmur2(data) == signed % 2**32


def test_a_partition_is_murmur2_made_positive() -> None:
    assert partition_of(b"foobar", 12) == (-790332482 & 0x7FFFFFFF) % 12
    assert {partition_of(b"default/CP%d" % n, 4) for n in range(100)} == {0, 1, 2, 3}


def test_every_topic_takes_its_time_from_the_broker() -> None:
    assert {topic.config()["message.timestamp.type"] for topic in TOPICS.values()} == {"LogAppendTime"}
    assert set(TOPICS) == set(Name)


def test_a_topics_configuration() -> None:
    assert TOPICS[Name.MESSAGES].config() == {
        "cleanup.policy": "delete",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": "1048588",
        "retention.ms": str(7 * 24 * 3600 * 1000),
    }
    state = TOPICS[Name.STREAMS_STATE].config()
    assert "retention.ms" not in state
    assert state["segment.ms"] == "300000"


def test_keys() -> None:
    assert node_key("edge-1:9000") == b"\x00node/edge-1:9000"
    assert status_key("default/CP1", 1, 2) == b"default/CP1/1/2"
    assert energy_key("default/CP1", 1, "evse", "2026-01-01T00:00:00.000Z") == (
        b"default/CP1/1/evse/2026-01-01T00:00:00.000Z"
    )


def test_headers_are_cloud_events_in_binary_mode() -> None:
    headers = event_headers(Name.SAMPLES, "Samples", b"default/CP1", 1, 42, "ocpp.messages/3", 0, part=2)
    assert headers == (
        ("schema", b"samples/1"),
        ("ce_specversion", b"1.0"),
        ("ce_id", b"samples/default/CP1/1.42.2"),
        ("ce_type", b"voltstream.Samples.v1"),
        ("ce_source", b"/ocpp.messages/3"),
        ("ce_time", b"1970-01-01T00:00:00.000000Z"),
    )
    assert schema_header(Name.DLQ) == ("schema", b"dlq/1")
