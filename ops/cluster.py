"""Asking a Kafka cluster about topics, and creating them: three requests of aiokafka's low-level client."""

import logging
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from aiokafka import errors
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateTopicsRequest, DescribeConfigsRequest
from aiokafka.protocol.metadata import MetadataRequest

from contracts.errors import LogUnavailableError
from ops.kafka import KafkaSettings, client_options

REQUEST_TIMEOUT_MS = 10_000
_TOPIC_RESOURCE = 2  # DescribeConfigs' number for topics


@dataclass(frozen=True, slots=True)
class Found:
    """A topic as the brokers have it; `config` is empty where they do not tell."""

    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to create, its name with the prefix."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str]


class _Complaints(logging.Handler):
    """What aiokafka logs meanwhile: why no broker was reached (refused, a wrong password) stands nowhere else."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.last = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.last = record.getMessage()

    def __enter__(self) -> Self:
        logging.getLogger("aiokafka").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("aiokafka").removeHandler(self)


class Cluster:
    """A connection to a cluster: `async with Cluster.connected(kafka) as cluster`."""

    def __init__(self, client: AIOKafkaClient) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def connected(cls, kafka: KafkaSettings) -> AsyncIterator[Self]:
        """Find the cluster. What Kafka raises, here or in the body, becomes LogUnavailableError."""
        client = AIOKafkaClient(**client_options(kafka, "voltstream-topics"), request_timeout_ms=REQUEST_TIMEOUT_MS)
        try:
            with _Complaints() as complaints:
                try:
                    await client.bootstrap()
                except errors.KafkaConnectionError as error:
                    raise LogUnavailableError(f"no broker serves us: {complaints.last or error}") from error
            yield cls(client)
        except (errors.KafkaError, OSError, TimeoutError) as error:
            raise LogUnavailableError(f"Kafka at {kafka.bootstrap}: {error or type(error).__name__}") from error
        finally:
            await client.close()

    @property
    def brokers(self) -> int:
        """How many brokers the cluster has now."""
        return len(self._client.cluster.brokers())

    async def find(self, names: Iterable[str]) -> dict[str, Found]:
        """Those of the topics that exist. Asks about all topics, since a broker may create one it is asked about."""
        wanted = set(names)
        found = {name: partitions for name, partitions in (await self._topics()).items() if name in wanted}
        configs = await self._configs(list(found))
        return {
            name: Found(len(partitions), min(len(one["replicas"]) for one in partitions), configs.get(name, {}))
            for name, partitions in found.items()
        }

    async def names(self) -> list[str]:
        """Every topic's name."""
        return list(await self._topics())

    async def create(self, topics: Sequence[NewTopic]) -> list[str]:
        """Create those topics that do not exist, and give their names. KafkaError where the cluster refuses."""
        requests: list[tuple[object, ...]] = [
            (topic.name, topic.partitions, topic.replication, [], list(topic.config.items())) for topic in topics
        ]
        request = CreateTopicsRequest(create_topic_requests=requests, timeout=REQUEST_TIMEOUT_MS, validate_only=False)
        try:
            response = (await self._send(request)).to_object()
        except errors.IncompatibleBrokerVersion:
            # The embedded broker offers no CreateTopics; it creates what it is asked about.
            names = [topic.name for topic in topics]
            await self._send(MetadataRequest(names, allow_auto_topic_creation=True))
            return names
        created = []
        for topic in response["topic_errors"]:
            error = errors.for_code(topic["error_code"])
            if error not in (errors.NoError, errors.TopicAlreadyExistsError):
                raise error(f"topic {topic['topic']} was not created: {topic.get('error_message') or error.__name__}")
            if error is errors.NoError:
                created.append(topic["topic"])
        return created

    async def _topics(self) -> dict[str, list[Any]]:
        """Every topic with its partitions, as the metadata has them."""
        metadata = (await self._send(MetadataRequest(None))).to_object()
        return {topic["topic"]: topic["partitions"] for topic in metadata["topics"] if topic["error_code"] == 0}

    async def _configs(self, names: Sequence[str]) -> dict[str, dict[str, str]]:
        """The topics' settings, where the cluster offers to tell and we may ask."""
        if not names:
            return {}
        resources = [(_TOPIC_RESOURCE, name, None) for name in names]
        try:
            response = await self._send(DescribeConfigsRequest(resources=resources, include_synonyms=False))
        except errors.IncompatibleBrokerVersion:
            return {}
        return {
            resource["resource_name"]: {
                entry["config_names"]: entry["config_value"]
                for entry in resource["config_entries"]
                if entry["config_value"] is not None
            }
            for resource in response.to_object()["resources"]
            if resource["error_code"] == 0
        }

    async def _send(self, request: object) -> Any:
        # The controller where it is known (before KRaft only it creates topics), else any broker.
        controller = self._client.cluster.controller
        node = self._client.get_random_node() if controller is None else controller.nodeId
        return await self._client.send(node, request)
