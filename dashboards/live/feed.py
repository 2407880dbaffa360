"""Kafka to the model: one plain consumer of all partitions, without a group and without commits.

`status` and `alarms` are read from their beginning, sessions of the last hours, samples of the last minutes (for the
power that flows now), and messages from now on. The embedded broker does not know times: samples from now on, there.
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from contracts.events import Alarm, Sample, Session, decode_status
from contracts.topics import NODE_KEY, Name
from dashboards.live.fleet import Fleet
from dashboards.live.rates import Rates
from dashboards.live.station import Event
from ops.health import Readiness
from ops.kafka import KafkaSettings, consumer_options

log = logging.getLogger(__name__)

READ = (Name.STATUS, Name.ALARMS, Name.SESSIONS, Name.SAMPLES, Name.MESSAGES)
SAMPLES_S = 300.0  # chargers seldom read their meter less often
POLL_S, POLL_RECORDS = 0.2, 2000
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 5.0
_TICK = NODE_KEY.encode()
_SAMPLE = msgspec.json.Decoder(Sample)
_SESSION = msgspec.json.Decoder(Session)
_ALARM = msgspec.json.Decoder(Alarm)


class Feed:
    """Fills `fleet` and `rates`; `caught_up` once what stood on the topics at the start has been read."""

    def __init__(self, kafka: KafkaSettings, hours: float, readiness: Readiness) -> None:
        self.fleet, self.rates = Fleet(), Rates(time.monotonic())
        self.caught_up = False
        self.heard_s = time.monotonic()
        """When anything was last read of the topics, a node's tick too."""
        self._kafka, self._hours, self._readiness = kafka, hours, readiness
        self._names = {kafka.topic(name): name for name in READ}
        self._unreadable = 0

    async def run(self) -> None:
        """For ever, through outages of Kafka."""
        pause_s = FIRST_PAUSE_S
        while True:
            consumer = AIOKafkaConsumer(**consumer_options(self._kafka, "voltstream-live"))
            try:
                await consumer.start()
                await self._read(consumer)
            except (KafkaError, OSError) as error:
                self._readiness.blocked("kafka", str(error))
            finally:
                await consumer.stop()
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        partitions = [
            TopicPartition(topic, partition) for topic in self._names for partition in range(self._kafka.partitions)
        ]
        consumer.assign(partitions)
        missing = await self._seek(consumer, partitions)
        self._readiness.clear("kafka")
        while True:
            polled: Mapping[TopicPartition, Sequence[Any]] = await consumer.getmany(
                timeout_ms=round(POLL_S * 1000), max_records=POLL_RECORDS
            )
            for tp, messages in polled.items():
                self._take(self._names[tp.topic], messages)
            if not self.caught_up:
                missing = {tp: end for tp, end in missing.items() if await consumer.position(tp) < end}
                self.caught_up = not missing
            await asyncio.sleep(0)  # a long catching up leaves room for the browsers

    async def _seek(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where to begin; returns the ends of what is to be caught up with."""
        ends: dict[TopicPartition, int] = await consumer.end_offsets(partitions)
        firsts: dict[TopicPartition, int] = await consumer.beginning_offsets(partitions)
        ages_s = {Name.SESSIONS: self._hours * 3600, Name.SAMPLES: SAMPLES_S}
        since = {tp: ages_s[name] for tp in partitions if (name := self._names[tp.topic]) in ages_s}
        recent = await consumer.offsets_for_times({tp: int((time.time() - age) * 1000) for tp, age in since.items()})
        for tp in partitions:
            begin = ends[tp] if self._names[tp.topic] in (Name.MESSAGES, Name.SAMPLES) else firsts[tp]
            found = recent.get(tp)  # None where nothing is so young, too
            consumer.seek(tp, begin if found is None else found.offset)
        return ends

    def _take(self, name: Name, messages: Sequence[Any]) -> None:
        self.heard_s = time.monotonic()
        if name is Name.MESSAGES:
            count = sum(1 for message in messages if not (message.key or b"").startswith(_TICK))
            self.rates.count(count, self.heard_s)
            return
        for message in messages:
            try:
                if message.value is not None:
                    self.fleet.apply(_decode(name, message.key, message.value))
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                if not self._unreadable:  # the sinks put each of them into the dead letters
                    log.warning("a record is not readable", extra={"topic": name, "reason": str(error)})
                self._unreadable += 1


def _decode(name: Name, key: bytes | None, value: bytes) -> Event:
    match name:
        case Name.STATUS:
            return decode_status(key, value)
        case Name.SESSIONS:
            return _SESSION.decode(value)
        case Name.ALARMS:
            return _ALARM.decode(value)
        case _:
            return _SAMPLE.decode(value)
