"""What every consumer of aiokafka's needs to come through an outage of Kafka."""

import asyncio
import logging

from aiokafka import AIOKafkaConsumer

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
