import pytest

from contracts.errors import ConfigurationError
from contracts.topics import TOPICS, Name
from ops.cluster import Found
from ops.kafka import KafkaSettings
from ops.topics import differences, known_prefixes, must_fit, new_topic

MESSAGES, SESSIONS = TOPICS[Name.MESSAGES], TOPICS[Name.SESSIONS]


@pytest.mark.parametrize(("brokers", "replication", "in_sync"), [(1, 1, None), (2, 2, None), (3, 3, "2"), (7, 3, "2")])
def test_replication_is_three_where_there_are_three_brokers(
    brokers: int, replication: int, in_sync: str | None
) -> None:
    topic = new_topic(KafkaSettings(topic_prefix="x."), MESSAGES, brokers)
    assert (topic.name, topic.partitions, topic.replication) == ("x.messages", 12, replication)
    assert topic.config.get("min.insync.replicas") == in_sync
    assert topic.config["message.timestamp.type"] == "LogAppendTime"


def test_another_partition_count_is_told_with_both_numbers_and_the_variable() -> None:
    with pytest.raises(ConfigurationError) as caught:
        must_fit(KafkaSettings(), MESSAGES, Found(4, 1))
    assert str(caught.value) == "KAFKA_PARTITIONS (--partitions): topic ocpp.messages has 4 partitions, not 12"


def test_too_small_a_limit_is_told() -> None:
    must_fit(KafkaSettings(), MESSAGES, Found(12, 1, {"max.message.bytes": "2000000"}))
    with pytest.raises(
        ConfigurationError, match=r"topic ocpp\.messages takes batches of 300000 bytes, 1048588 are wanted"
    ):
        must_fit(KafkaSettings(), MESSAGES, Found(12, 1, {"max.message.bytes": "300000"}))


def test_differences_are_told_and_what_the_broker_does_not_tell_is_none() -> None:
    assert differences(MESSAGES, Found(12, 1)) == []
    assert differences(SESSIONS, Found(12, 1, {"cleanup.policy": "delete,compact"})) == []
    assert differences(
        MESSAGES, Found(12, 1, {"message.timestamp.type": "CreateTime", "retention.ms": "604800000"})
    ) == ["message.timestamp.type is CreateTime, we would set LogAppendTime"]


def test_the_prefixes_of_a_cluster_are_those_under_which_an_edge_wrote() -> None:
    there = ["ocpp.messages", "ocpp.dlq", "ocpp.status", "demo-7.messages", "demo-7.dlq", "messages", "dlq"]
    others = ["chat.messages", "orders.dlq", "__consumer_offsets", "ocpp.streams-state"]
    assert known_prefixes([*there, *others], "opcc.") == ["ocpp.", "demo-7.", ""]
    assert known_prefixes(there, "ocpp.") == ["demo-7.", ""], "others than one's own"
    assert known_prefixes(others, "opcc.") == []


def test_few_prefixes_are_named() -> None:
    there = [f"run-{n}.{name}" for n in range(20) for name in ("messages", "dlq")]
    named = known_prefixes(there, "run-12")
    assert (named[0], len(named)) == ("run-12.", 5)
