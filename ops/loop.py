"""The event loop that our processes run on: uvloop, with aiokafka made fit for it.

Between a reset of its socket and the moment aiokafka hears of it lie two turns of the loop. Whoever writes meanwhile
gets a RuntimeError of uvloop's, where asyncio's own loop drops the bytes and aiokafka expects an OSError. The task that
learns where the brokers are then dies of it, and whoever waits for that one waits for ever.

A request without an answer in time takes its connection along, but closing that one still sends what was written: the
link stays busy with a request that nobody waits for, while the same records are on their way in the next one.
"""

import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import aiokafka.conn
import uvloop
from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

T = TypeVar("T")

_DROP_ALL = struct.pack("ii", 1, 0)
"""SO_LINGER: what the system holds of a closed connection is dropped, too."""


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on a new loop."""
    aiokafka.conn.AIOKafkaConnection = Connection
    return uvloop.run(main)


class Connection(AIOKafkaConnection):  # type: ignore[misc]  # aiokafka is not typed
    """A connection whose socket was reset is broken, to aiokafka too; one that timed out sends nothing any more."""

    def close(self, reason: CloseReason | None = None, exc: Exception | None = None) -> Any:
        if reason is CloseReason.CONNECTION_TIMEOUT and self._writer is not None:
            transport = self._writer.transport
            if not transport.is_closing():
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP_ALL)
                transport.abort()
        return super().close(reason, exc)

    def send(self, request: Any, expect_response: bool = True) -> Any:  # noqa: FBT001, FBT002 - aiokafka's signature
        return self._written(lambda: super(Connection, self).send(request, expect_response))

    def _send_sasl_token(self, payload: bytes, expect_response: bool = True) -> Any:  # noqa: FBT001, FBT002
        return self._written(lambda: super(Connection, self)._send_sasl_token(payload, expect_response))

    def _written(self, write: Callable[[], Any]) -> Any:
        try:
            return write()
        except RuntimeError as error:
            if not self._writer.transport.is_closing():
                raise
            self.close(reason=CloseReason.CONNECTION_BROKEN, exc=error)
            raise KafkaConnectionError(f"Connection at {self._host}:{self._port} was reset") from error
