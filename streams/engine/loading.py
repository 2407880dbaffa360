"""Reading a partition's state in bulk, and the ends of the logs it must fit to."""

import asyncio

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.engine.changelog import Loading
from streams.engine.errors import ForeignLogError, LogCutError, StateCutError
from streams.engine.settings import EngineSettings

_FETCH_BYTES = 8 << 20
_POLL_RECORDS = 500  # a bite: the event loop turns between two of them


async def load(settings: EngineSettings, loading: Loading, source: TopicPartition) -> int:
    """Fill `loading` with the state of a source partition. Gives the next source offset to fold.

    To be called when the partition's previous owner is fenced. Raises LogContradictionError, UnknownFormatError, and
    aiokafka's errors.
    """
    state = TopicPartition(settings.state_topic, source.partition)
    consumer = AIOKafkaConsumer(
        **settings.client,
        isolation_level="read_committed",
        check_crcs=settings.check_crcs,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=_FETCH_BYTES,
        fetch_max_wait_ms=100,
    )
    await consumer.start()
    try:
        consumer.assign([state])
        if (head := (await consumer.beginning_offsets([state]))[state]) > 0:
            raise StateCutError(
                f"{settings.state_topic}/{state.partition} has lost its records before offset {head}, and states with "
                "them: rebuild the state with `voltstream replay`"
            )
        await _read(consumer, state, loading)
        start = (await consumer.beginning_offsets([source]))[source]
        end = (await consumer.end_offsets([source]))[source]
    finally:
        await consumer.stop()
    return next_offset(loading, source, settings.log, start, end)


async def _read(consumer: AIOKafkaConsumer, state: TopicPartition, loading: Loading) -> None:
    """Read to the partition's end as it stood at the first fetch.

    Not to the last stable offset: another agent's open transaction can hold that below states of ours that are
    committed. The position passes transaction markers and aborted records, which are not delivered.
    """
    end: int | None = None
    while end is None or await consumer.position(state) < end:
        for records in (await consumer.getmany(state, timeout_ms=200, max_records=_POLL_RECORDS)).values():
            for record in records:
                loading.take(record.key, record.value)
        await asyncio.sleep(0)  # what is fetched already is handed out without waiting
        if end is None:
            end = consumer.highwater(state)


def next_offset(loading: Loading, source: TopicPartition, log: int, start: int, end: int) -> int:
    """Where to read on in a source partition that begins at `start` and ends at `end` in the log `log`."""
    fence, where = loading.fence, f"{source.topic}/{source.partition}"
    if fence is None or fence.log < log:
        return start
    if fence.log > log:
        raise ForeignLogError(
            f"the state of {where} was folded from log {fence.log}, but KAFKA_LOG_EPOCH is {log}: "
            f"set KAFKA_LOG_EPOCH to {fence.log}"
        )
    if fence.offset >= end:
        raise ForeignLogError(
            f"the state of {where} was folded up to offset {fence.offset}, but the partition ends at {end}: if the "
            f"topics were created anew, raise KAFKA_LOG_EPOCH (now {log}) by one"
        )
    if start > fence.offset + 1:
        raise log_cut(source, fence.offset + 1, start)
    return fence.offset + 1


def log_cut(source: TopicPartition, wanted: int, start: int) -> LogCutError:
    """The error for records that are gone before they were folded."""
    return LogCutError(
        f"{source.topic}/{source.partition} begins at offset {start}, but the next to fold is {wanted}: the records "
        "between were deleted before they were folded, so rebuild the state with `voltstream replay`"
    )
