"""What a reset connection to a broker is to aiokafka, on the loop that the services run on."""

import asyncio
import socket
import struct

import aiokafka.conn
import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.metadata import MetadataRequest

from ops import loop
from parts.handles import Broker

AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: closing resets the connection."""


class Relay:
    """One connection to a broker, led through here: the client's end can be reset."""

    async def connect(self, broker: Broker) -> AIOKafkaConnection:
        host, _, port = broker.bootstrap.partition(":")
        self._answers, self._requests = await asyncio.open_connection(host, int(port))
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        own_port = server.sockets[0].getsockname()[1]
        connection = await aiokafka.conn.create_conn("127.0.0.1", own_port, request_timeout_ms=5000)
        server.close()
        return connection

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._client = writer
        await asyncio.gather(_pass(reader, self._requests), _pass(self._answers, writer), return_exceptions=True)

    def reset(self) -> None:
        self._client.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._client.transport.abort()

    def close(self) -> None:
        self._client.transport.abort()
        self._requests.transport.abort()


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)


async def send_until_broken(broker: Broker) -> Exception:
    """Send in every turn of the loop after a reset. Gives what the first refusal was."""
    relay = Relay()
    connection = await relay.connect(broker)
    relay.reset()
    try:
        while True:
            await asyncio.sleep(0)
            answer = asyncio.ensure_future(connection.send(MetadataRequest(None)))
            answer.add_done_callback(asyncio.Future.exception)
    except (KafkaConnectionError, RuntimeError) as error:
        return error
    finally:
        await connection.close()
        relay.close()


def test_a_reset_connection_is_broken_and_no_riddle(embedded: Broker) -> None:
    error = loop.run(send_until_broken(embedded))
    assert isinstance(error, KafkaConnectionError)
    assert isinstance(error.__cause__, RuntimeError), "the gap was not met: aiokafka or uvloop has closed it?"


def test_but_another_error_stays_what_it_is(embedded: Broker) -> None:
    async def send_nonsense() -> None:
        relay = Relay()
        connection = await relay.connect(embedded)
        try:
            await connection.send(None)
        finally:
            await connection.close()
            relay.close()

    with pytest.raises(AttributeError):
        loop.run(send_nonsense())
