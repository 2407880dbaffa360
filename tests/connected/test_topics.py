"""The topics on real brokers: created with our settings, compared, never changed."""

import asyncio
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from commit_load import create_topic
from contracts.errors import ConfigurationError
from contracts.topics import TOPICS, Name
from ops.health import Readiness
from ops.kafka import KafkaSettings
from ops.topics import ensure_topics, find_topics
from parts.handles import Broker
from parts.kafka import start_kafka
from parts.processes import free_port

ALL = tuple(TOPICS.values())


def settings(broker: Broker, partitions: int | None = None) -> KafkaSettings:
    return KafkaSettings(
        bootstrap=broker.bootstrap, topic_prefix=broker.prefix, partitions=partitions or broker.partitions
    )


async def test_what_is_missing_is_created_and_then_left_alone(broker: Broker) -> None:
    kafka = settings(broker)
    assert await find_topics(kafka, ALL) == [None] * len(ALL)
    readiness = Readiness()
    readiness.blocked("kafka", "not asked yet")
    await ensure_topics(kafka, readiness)
    assert readiness.ready
    found = await find_topics(kafka, ALL)
    assert [one and one.partitions for one in found] == [broker.partitions] * len(ALL)
    await ensure_topics(kafka)
    assert await find_topics(kafka, ALL) == found


async def test_several_services_create_them_at_once(broker: Broker) -> None:
    kafka = settings(broker)
    await asyncio.gather(*(ensure_topics(kafka) for _ in range(4)))
    assert None not in await find_topics(kafka, ALL)


async def test_another_partition_count_ends_the_process_and_changes_nothing(broker: Broker) -> None:
    await ensure_topics(settings(broker))
    with pytest.raises(ConfigurationError) as caught:
        await ensure_topics(settings(broker, partitions=6))
    name = f"{broker.prefix}messages"
    assert (
        str(caught.value) == f"KAFKA_PARTITIONS (--partitions): topic {name} has {broker.partitions} partitions, not 6"
    )
    found = await find_topics(settings(broker), ALL)
    assert [one and one.partitions for one in found] == [broker.partitions] * len(ALL)


async def test_they_have_the_settings_of_the_contract(kafka: Broker, caplog: pytest.LogCaptureFixture) -> None:
    await ensure_topics(settings(kafka))
    found = dict(zip(TOPICS, await find_topics(settings(kafka), ALL), strict=True))
    for name, topic in TOPICS.items():
        one = found[name]
        assert one is not None
        wanted = {key: set(value.split(",")) for key, value in topic.config().items()}
        assert {key: set(one.config[key].split(",")) for key in wanted} == wanted
        assert one.replication == 1
        assert one.config["min.insync.replicas"] == "1"
    assert not [record for record in caplog.records if "difference" in vars(record)]


async def test_a_topic_of_somebody_elses_making_is_compared(kafka: Broker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    name = f"{kafka.prefix}messages"
    await asyncio.to_thread(create_topic, kafka.bootstrap, name, 4, message_timestamp_type="CreateTime")
    await ensure_topics(settings(kafka), topics=[TOPICS[Name.MESSAGES]])
    [record] = [record for record in caplog.records if "difference" in vars(record)]
    assert vars(record)["difference"] == "message.timestamp.type is CreateTime, we would set LogAppendTime"


async def test_a_prefix_under_which_nothing_exists_is_told_aloud_where_another_does(
    broker: Broker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    right, misspelt = settings(broker), settings(broker)
    await ensure_topics(right)
    misspelt = misspelt.model_copy(update={"topic_prefix": f"x{broker.prefix}"})
    caplog.clear()
    await ensure_topics(right)
    assert not [record for record in caplog.records if "prefix" in vars(record)]
    await ensure_topics(misspelt)
    [record] = [record for record in caplog.records if "prefix" in vars(record)]
    assert (record.levelname, vars(record)["prefix"]) == ("WARNING", misspelt.topic_prefix)
    assert vars(record)["there_is"].split()[0] == broker.prefix, "the nearest"
    assert "is it misspelt" in record.message
    await ensure_topics(misspelt)
    assert len([record for record in caplog.records if "prefix" in vars(record)]) == 1, "they exist now"


async def test_the_first_topics_of_a_cluster_are_no_warning(embedded: Broker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await ensure_topics(settings(embedded))
    [record] = [record for record in caplog.records if "prefix" in vars(record)]
    assert (record.levelname, record.message) == ("INFO", "the first topics were created")


async def test_a_topic_that_takes_too_little_ends_the_process(kafka: Broker) -> None:
    await asyncio.to_thread(create_topic, kafka.bootstrap, f"{kafka.prefix}dlq", 4, max_message_bytes="300000")
    with pytest.raises(ConfigurationError, match=rf"topic {kafka.prefix}dlq takes batches of 300000 bytes"):
        await ensure_topics(settings(kafka), topics=[TOPICS[Name.DLQ]])


async def test_without_kafka_readiness_says_why_until_it_is_there(kafka_part: Path) -> None:
    assert kafka_part.exists()
    readiness = Readiness()
    port = free_port()
    kafka = KafkaSettings(bootstrap=f"127.0.0.1:{port}", partitions=2)
    waiting = asyncio.create_task(ensure_topics(kafka, readiness, [TOPICS[Name.MESSAGES]]))
    await asyncio.sleep(1)
    assert not waiting.done()
    assert "refused" in readiness.reasons["kafka"].lower() or "connect" in readiness.reasons["kafka"].lower()
    assert str(port) in readiness.reasons["kafka"]
    waiting.cancel()


async def test_three_brokers_keep_three_copies_and_two_must_have_a_record(kafka_part: Path) -> None:
    assert kafka_part.exists()
    with start_kafka(brokers=3) as cluster:
        kafka = KafkaSettings(bootstrap=cluster.bootstrap, partitions=3)
        await ensure_topics(kafka)
        for one in await find_topics(kafka, ALL):
            assert one is not None
            assert (one.partitions, one.replication, one.config["min.insync.replicas"]) == (3, 3, "2")


def topics_command(broker: Broker, action: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "voltstream", "topics", action],
        env={**os.environ, **broker.env, **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_tells_creates_and_compares(broker: Broker) -> None:
    before = topics_command(broker, "check")
    assert before.returncode == 1
    assert [line.split() for line in before.stdout.splitlines()] == [
        [broker.prefix + topic.name, "missing"] for topic in ALL
    ]
    created = topics_command(broker, "create")
    misspelt = topics_command(broker, "check", KAFKA_TOPIC_PREFIX=f"x{broker.prefix}")
    assert misspelt.returncode == 1
    told = f"no topic begins with 'x{broker.prefix}' (KAFKA_TOPIC_PREFIX); there are topics under '{broker.prefix}'"
    assert misspelt.stderr.startswith(told)
    assert (created.returncode, created.stderr) == (0, "")
    assert [line.split(maxsplit=1) for line in created.stdout.splitlines()] == [
        [broker.prefix + topic.name, f"{broker.partitions} partitions, 1 replica"] for topic in ALL
    ]
    other = topics_command(broker, "check", KAFKA_PARTITIONS="7")
    assert other.returncode == 1
    assert other.stdout.count(f"has {broker.partitions} partitions, not 7") == len(ALL)
