"""What consumers of aiokafka's need to come through outages and rebalances."""

import asyncio
import logging
from collections.abc import Mapping

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.protocol.commit import OffsetCommitRequest
from aiokafka.structs import OffsetAndMetadata

log = logging.getLogger(__name__)

_AGAIN_S = 0.2


def keep_learning(consumer: AIOKafkaConsumer) -> None:
    """Begin the task anew that learns where the brokers are, where it ended by itself. The consumer was started.

    aiokafka's own may end with an unexpected error when brokers go and come; whoever waits for it then waits for ever.
    """
    client = consumer._client  # noqa: SLF001

    def ended(task: asyncio.Task[None]) -> None:
        error = "cancelled" if task.cancelled() else repr(task.exception())
        asyncio.get_running_loop().call_later(_AGAIN_S, again, task, error)

    def again(task: asyncio.Task[None], error: str) -> None:
        if client._sync_task is not task:  # noqa: SLF001 - it was closed meanwhile
            return
        log.warning("aiokafka stopped to learn where the brokers are", extra={"error": error})
        client._sync_task = asyncio.create_task(client._md_synchronizer())  # noqa: SLF001
        client._sync_task.add_done_callback(ended)  # noqa: SLF001

    client._sync_task.add_done_callback(ended)  # noqa: SLF001


async def commit_once(consumer: AIOKafkaConsumer, offsets: Mapping[TopicPartition, int]) -> None:
    """Commit the offsets of assigned partitions, without a second try. Raises KafkaError.

    A commit of aiokafka's waits for a coordinator that is away, for ever. And it does not spare the time between asking
    to join and having joined: then it is of a generation that is over, is refused for it, and aiokafka forgets the
    member that is just joining. The group waits for that one until its session is over: all partitions stand still.
    """
    coordinator = consumer._coordinator  # noqa: SLF001
    in_group = coordinator.generation != OffsetCommitRequest.DEFAULT_GENERATION_ID
    joining = coordinator._performed_join_prepare  # noqa: SLF001 - until then, what is sent comes before the join
    if coordinator.coordinator_id is None or not in_group or joining:
        raise CommitFailedError("no member of the group at the moment")
    commit = {tp: OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
    await asyncio.shield(coordinator._do_commit_offsets(None, commit))  # noqa: SLF001
