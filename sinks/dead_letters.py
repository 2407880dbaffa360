"""What a store will never take, and what cannot be read, goes to `dlq`, acknowledged before an offset moves on."""

import asyncio
import logging
from base64 import b64encode
from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from contracts.events import VERSION, DeadLetter, DeadLetterSource, encode
from contracts.topics import DLQ_LIMIT, Name, schema_header
from ops.kafka import KafkaSettings, client_options
from ops.metrics import sink as metrics
from sinks.records import Received

log = logging.getLogger(__name__)

PAUSE_S = 1.0  # between attempts while Kafka is away
ENVELOPE_BYTES = 16 * 1024  # room for what a dead letter says besides key, value and line
ERROR_CHARACTERS = 2000


class Dead(NamedTuple):
    """A record that could not be handled, and why."""

    received: Received
    code: str
    error: str
    line: str | None = None


class DeadLetters:
    """Writes to `dlq`, to the partition number of the source record, until Kafka has acknowledged."""

    def __init__(self, kafka: KafkaSettings, name: str, store: str) -> None:
        self._kafka, self._name, self._store = kafka, name, store
        self._producer: AIOKafkaProducer | None = None

    async def send(self, dead: Sequence[Dead]) -> None:
        """Return when all of them are acknowledged by all replicas; with Kafka away, try for ever.

        A letter may stand on the topic more than once.
        """
        waiting = list(dead)
        while waiting:
            producer = await self._started()
            results = await asyncio.gather(*(self._send(producer, one) for one in waiting), return_exceptions=True)
            failed = [(one, result) for one, result in zip(waiting, results, strict=True) if result is not None]
            waiting = []
            for one, error in failed:
                if not isinstance(error, KafkaError):
                    raise error
                waiting.append(one)
            if failed:
                log.warning("dead letters are not acknowledged", extra={"letters": len(failed), "reason": failed[0][1]})
                await asyncio.sleep(PAUSE_S)

    async def close(self) -> None:
        if self._producer is not None:
            await self._producer.stop()
            self._producer = None

    async def _started(self) -> AIOKafkaProducer:
        while self._producer is None:
            options: dict[str, Any] = client_options(self._kafka, self._name)
            # The limit is the client's estimate of a record before headers; the topic's own is DLQ_LIMIT.
            producer = AIOKafkaProducer(**options, acks="all", max_request_size=DLQ_LIMIT + ENVELOPE_BYTES)
            try:
                await producer.start()
                self._producer = producer
            except (KafkaError, OSError) as error:
                await producer.stop()
                log.warning("dead letters cannot be written yet", extra={"reason": str(error)})
                await asyncio.sleep(PAUSE_S)
        return self._producer

    async def _send(self, producer: AIOKafkaProducer, dead: Dead) -> None:
        place, key = dead.received.place, dead.received.key
        letter = self.letter(dead)
        topic, headers = self._kafka.topic(Name.DLQ), [schema_header(Name.DLQ)]
        try:
            await producer.send_and_wait(topic, encode(letter), key=key, partition=place.partition, headers=headers)
        except MessageSizeTooLargeError:
            # The source record is on its own topic for as long as this letter's `source` is of use.
            letter = self.letter(dead._replace(received=dead.received._replace(value=None), line=None))
            await producer.send_and_wait(topic, encode(letter), key=key, partition=place.partition, headers=headers)
        metrics.DEAD_LETTERS.labels(dead.code).inc()

    def letter(self, dead: Dead) -> DeadLetter:
        """The record for `dlq`; without the value where it would be beyond the topic's limit."""
        received = dead.received
        size = 4 * (len(received.value or b"") + len(received.key or b"")) // 3 + 6 * len(dead.line or "")
        fits = size + ENVELOPE_BYTES <= DLQ_LIMIT
        return DeadLetter(
            v=VERSION,
            part="sink",
            name=self._name,
            code=dead.code,
            error=dead.error[:ERROR_CHARACTERS],
            source=DeadLetterSource(
                received.place.topic, received.place.partition, received.place.offset, self._kafka.log_epoch
            ),
            key=_base64(received.key),
            value=_base64(received.value) if fits else None,
            line=dead.line if fits else None,
            store=self._store,
        )


def _base64(content: bytes | None) -> str | None:
    return None if content is None else b64encode(content).decode("ascii")
