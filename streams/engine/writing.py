"""The producer of one partition: a batch is one transaction, and starting it fences whoever came before."""

import asyncio
import contextlib
from collections.abc import Iterable

from aiokafka import AIOKafkaProducer

from streams.engine.settings import EngineSettings
from streams.engine.slices import Slice

Headers = list[tuple[str, bytes]]
Row = tuple[bytes | None, bytes | None, Headers]
"""A record to write: key, value, headers."""

_BATCH_BYTES = 1_000_000  # below Kafka's default for max.message.bytes, which bounds a whole record batch
_CLOSE_S = 5.0


class TransactionalWriter:
    """Writes batches under one transactional id. After any error it is of no more use: the process must be replaced."""

    def __init__(self, settings: EngineSettings, transactional_id: str) -> None:
        timeout_ms = int(settings.transaction_timeout_s * 1000)
        self._slice_s = settings.slice_s
        self._deadline_s = 2 * settings.transaction_timeout_s
        self._producer = AIOKafkaProducer(
            **settings.client,
            transactional_id=transactional_id,
            transaction_timeout_ms=timeout_ms,
            request_timeout_ms=timeout_ms,
            max_batch_size=_BATCH_BYTES,
        )

    async def start(self) -> None:
        """From here on no producer that was started under this id before can commit anything."""
        await self._producer.start()

    async def write(self, groups: Iterable[tuple[str, int, Iterable[Row]]]) -> None:
        """One transaction: (topic, partition, records in order). It is on the log when this returns.

        Raises aiokafka's errors, and TimeoutError. The transaction is left as it is then: whoever starts a producer
        under the id next aborts it, or the broker does after its time-out.
        """
        async with asyncio.timeout(self._deadline_s):
            await self._producer.begin_transaction()
            sent: list[asyncio.Future[object]] = []
            piece = Slice(self._slice_s)
            for topic, partition, rows in groups:
                sent += await self._send(topic, partition, rows, piece)
            await asyncio.gather(*sent)  # aiokafka would commit around a failed batch
            await self._producer.commit_transaction()

    async def _send(
        self, topic: str, partition: int, rows: Iterable[Row], piece: Slice
    ) -> list[asyncio.Future[object]]:
        sent = []
        batch = self._producer.create_batch()
        for key, value, headers in rows:
            if piece.over:
                await piece.turn()
            if batch.append(key=key, value=value, timestamp=None, headers=headers) is None:  # full
                sent.append(await self._producer.send_batch(batch, topic, partition=partition))
                batch = self._producer.create_batch()
                batch.append(key=key, value=value, timestamp=None, headers=headers)
        if batch.record_count():
            sent.append(await self._producer.send_batch(batch, topic, partition=partition))
        return sent

    async def close(self) -> None:
        """Give up the connection; waits for nothing that may not come."""
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._producer.stop(), _CLOSE_S)
