"""The topics as they must be before a service is ready: created where missing, compared where they exist.

A prefix under which nothing exists is a first start, or misspelt: where others do exist, a warning names them.
Nothing that exists is ever changed. Another partition count, or too small a `max.message.bytes`, ends the process with
one line; other settings that differ are logged, since an operator may have chosen them.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from contracts.errors import ConfigurationError, LogUnavailableError
from contracts.topics import TOPICS, Name, Topic
from ops.cluster import Cluster, Found, NewTopic
from ops.health import Readiness
from ops.kafka import KafkaSettings

log = logging.getLogger(__name__)

REPLICAS, IN_SYNC_REPLICAS = 3, 2
MOST_PREFIXES = 5  # that are named
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 5.0


async def ensure_topics(
    kafka: KafkaSettings, readiness: Readiness | None = None, topics: Iterable[Topic] = TOPICS.values()
) -> None:
    """Return when every topic is there as it must be; with Kafka away, try for ever and tell `readiness` why.

    Raises ConfigurationError for another partition count, too small a max.message.bytes, and wrong security settings.
    """
    wanted, pause_s = tuple(topics), FIRST_PAUSE_S
    while True:
        try:
            found = await create_missing(kafka, wanted)
            break
        except LogUnavailableError as error:
            if readiness is not None:
                readiness.blocked("kafka", str(error))
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    for topic, one in zip(wanted, found, strict=True):
        must_fit(kafka, topic, one)
        for difference in differences(topic, one):
            log.warning("a topic is set otherwise", extra={"topic": kafka.topic(topic.name), "difference": difference})
    if readiness is not None:
        readiness.clear("kafka")


async def create_missing(kafka: KafkaSettings, topics: Sequence[Topic]) -> list[Found]:
    """Create what is missing and tell how each topic is now, in their order. LogUnavailableError: again later."""
    names = [kafka.topic(topic.name) for topic in topics]
    async with Cluster.connected(kafka) as cluster:
        found = await cluster.find(names)
        missing = [new_topic(kafka, topic, cluster.brokers) for topic in topics if kafka.topic(topic.name) not in found]
        if missing:
            created = await cluster.create(missing)
            if created and not found:
                tell_of_new_prefix(kafka, await cluster.names())
            found = await cluster.find(names)
    absent = [name for name in names if name not in found]
    if absent:  # created, but not every broker knows them yet
        raise LogUnavailableError(f"Kafka at {kafka.bootstrap} does not have {', '.join(absent)} yet")
    return [found[name] for name in names]


def tell_of_new_prefix(kafka: KafkaSettings, there: Iterable[str]) -> None:
    """Say that nothing was there under our prefix: aloud where there are others, since it may be misspelt."""
    if others := known_prefixes(there, kafka.topic_prefix):
        log.warning(
            "no topic began with this prefix, and a new set of topics was created: is it misspelt?",
            extra={
                "prefix": kafka.topic_prefix,
                "there_is": " ".join(others),
                "setting": kafka.variable("topic_prefix"),
            },
        )
    else:
        log.info("the first topics were created", extra={"prefix": kafka.topic_prefix})


def known_prefixes(there: Iterable[str], like: str) -> list[str]:
    """Other prefixes than `like` under which a cluster, given all its topics, holds ours; those most like it first."""
    names = set(there)
    found = {name.removesuffix(Name.MESSAGES) for name in names if name.endswith(Name.MESSAGES)}
    ours = [prefix for prefix in found if prefix != like and prefix + Name.DLQ in names]  # an edge has both
    return sorted(ours, key=lambda prefix: (-SequenceMatcher(a=like, b=prefix).ratio(), prefix))[:MOST_PREFIXES]


async def other_prefixes(kafka: KafkaSettings) -> list[str]:
    """`known_prefixes` of the cluster. LogUnavailableError where no broker answers."""
    async with Cluster.connected(kafka) as cluster:
        return known_prefixes(await cluster.names(), kafka.topic_prefix)


async def find_topics(kafka: KafkaSettings, topics: Sequence[Topic]) -> list[Found | None]:
    """How each topic is, in the order given; None where it is missing. LogUnavailableError where no broker answers."""
    names = [kafka.topic(topic.name) for topic in topics]
    async with Cluster.connected(kafka) as cluster:
        found = await cluster.find(names)
    return [found.get(name) for name in names]


def must_fit(kafka: KafkaSettings, topic: Topic, found: Found) -> None:
    """ConfigurationError where we cannot work with the topic."""
    name = kafka.topic(topic.name)
    if found.partitions != kafka.partitions:
        raise kafka.wrong("partitions", f"topic {name} has {found.partitions} partitions, not {kafka.partitions}")
    limit = found.config.get("max.message.bytes")
    if limit is not None and int(limit) < topic.max_message_bytes:
        wanted = f"{topic.max_message_bytes} are wanted: raise the topic's max.message.bytes"
        raise ConfigurationError(f"topic {name} takes batches of {limit} bytes, {wanted}")


def differences(topic: Topic, found: Found) -> list[str]:
    """What an existing topic has other than we would create it, one phrase a setting."""
    return [
        f"{name} is {found.config[name]}, we would set {wanted}"
        for name, wanted in topic.config().items()
        if name in found.config and name != "max.message.bytes" and _words(found.config[name]) != _words(wanted)
    ]


def new_topic(kafka: KafkaSettings, topic: Topic, brokers: int) -> NewTopic:
    """How a topic is created on a cluster of so many brokers."""
    replication = min(REPLICAS, brokers)
    safety = {"min.insync.replicas": str(IN_SYNC_REPLICAS)} if replication == REPLICAS else {}
    return NewTopic(kafka.topic(topic.name), kafka.partitions, replication, topic.config() | safety)


def _words(value: str) -> list[str]:
    return sorted(value.split(","))  # `compact,delete` in either order
