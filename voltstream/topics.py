"""`voltstream topics create | check`: the topics as the services want them, without starting a service."""

import asyncio
import logging
import sys
from collections.abc import Sequence

from pydantic import Field

from contracts.errors import ConfigurationError, LogUnavailableError
from contracts.topics import TOPICS, Topic
from ops.cluster import Found
from ops.flags import load
from ops.health import Readiness
from ops.kafka import KafkaSettings
from ops.logs import LogSettings
from ops.service import begin_log, finish, guarded
from ops.settings import Settings, settings_config
from ops.topics import differences, ensure_topics, find_topics, must_fit, other_prefixes

USAGE = """usage: voltstream topics create | check [flags]

  create  Create the topics that are missing, with the settings that the services want; change none that exists.
  check   Compare the topics with what the services want; 0 where nothing is missing or wrong, else 1."""


class TopicsSettings(Settings):
    """Topics"""

    model_config = settings_config("TOPICS_")
    wait_s: float = Field(30.0, gt=0, description="Real seconds to wait for Kafka.")


def main(name: str, summary: str, arguments: Sequence[str]) -> int:
    """Run it; the exit status."""
    return guarded(name, lambda: _main(name, summary, arguments))


def _main(name: str, summary: str, arguments: Sequence[str]) -> int:
    action, *flags = arguments or ["--help"]
    if action in ("-h", "--help"):
        print(USAGE)
        return 0
    if action not in ("create", "check"):
        raise ConfigurationError(f"there is nothing called {action!r} (see voltstream topics --help)")
    loaded = load(f"voltstream {name} {action}", summary, (TopicsSettings, KafkaSettings, LogSettings), flags)
    begin_log(loaded, name)
    for ours in ("ops.health", "ops.topics"):  # a reason that lasts, and what is created, is told at the end
        logging.getLogger(ours).setLevel(logging.ERROR)
    run = _create if action == "create" else _check
    return finish(run(loaded[KafkaSettings], loaded[TopicsSettings].wait_s))


async def _create(kafka: KafkaSettings, wait_s: float) -> int:
    readiness = Readiness()
    try:
        async with asyncio.timeout(wait_s):
            await ensure_topics(kafka, readiness)
    except TimeoutError:
        raise LogUnavailableError(readiness.reasons.get("kafka", "Kafka does not answer")) from None
    return await _check(kafka, wait_s)


async def _check(kafka: KafkaSettings, wait_s: float) -> int:
    topics = tuple(TOPICS.values())
    try:
        async with asyncio.timeout(wait_s):
            found = await find_topics(kafka, topics)
            others = [] if any(found) else await other_prefixes(kafka)
    except TimeoutError:
        raise LogUnavailableError(f"Kafka at {kafka.bootstrap} does not answer") from None
    width = max(len(kafka.topic(topic.name)) for topic in topics)
    wrong = 0
    for topic, one in zip(topics, found, strict=True):
        fits, text = _verdict(kafka, topic, one)
        wrong += not fits
        print(f"{kafka.topic(topic.name):<{width}}  {text}")
    if others:
        prefix, setting = kafka.topic_prefix, kafka.variable("topic_prefix")
        there = ", ".join(map(repr, others))
        print(f"no topic begins with {prefix!r} ({setting}); there are topics under {there}", file=sys.stderr)
    return 1 if wrong else 0


def _verdict(kafka: KafkaSettings, topic: Topic, found: Found | None) -> tuple[bool, str]:
    """Whether the services can work with it, and a phrase."""
    if found is None:
        return False, "missing"
    try:
        must_fit(kafka, topic, found)
    except ConfigurationError as error:
        return False, str(error)
    copies = "1 replica" if found.replication == 1 else f"{found.replication} replicas"
    return True, "; ".join([f"{found.partitions} partitions, {copies}", *differences(topic, found)])
