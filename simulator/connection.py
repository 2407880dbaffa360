"""One OCPP-J socket of a station: opened, sent on, received from, lost. Real seconds only.

Thin around `websockets`: no pings of its own (many stations send none), no limits, no proxy.
"""

import asyncio
import contextlib
from typing import Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from contracts.versions import Version

_OPEN_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 2.0
ABNORMAL = 1006


class RefusedError(Exception):
    """The handshake failed; the message says how.

    `status` is the HTTP status, None where there was no answer; `retry_after_s` as told.
    """

    def __init__(self, reason: str, status: int | None = None, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.retry_after_s = retry_after_s


class LostError(Exception):
    """The socket is gone; `code` is the close code, 1006 where there was no close frame."""

    def __init__(self, code: int) -> None:
        super().__init__(f"lost: {code}")
        self.code = code


class Connection:
    """An open socket."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket

    @classmethod
    async def open(cls, url: str, version: Version, *, compresses: bool = False) -> Self:
        """Connect and shake hands; RefusedError where that fails."""
        try:
            websocket = await connect(
                url,
                subprotocols=[Subprotocol(version.value)],
                compression="deflate" if compresses else None,
                user_agent_header="voltstream-simulator",
                proxy=None,
                ping_interval=None,
                open_timeout=_OPEN_TIMEOUT_S,
                close_timeout=_CLOSE_TIMEOUT_S,
                max_size=None,
            )
        except InvalidStatus as error:
            status, retry_after = error.response.status_code, error.response.headers.get("Retry-After")
            raise RefusedError(str(error), status, _seconds(retry_after)) from None
        except (OSError, InvalidHandshake, ConnectionClosed, EOFError) as error:  # TimeoutError is an OSError
            raise RefusedError(str(error) or type(error).__name__) from None
        return cls(websocket)

    async def send(self, frame: bytes) -> None:
        """Send one text frame; LostError where the socket is gone."""
        try:
            await self._websocket.send(frame, text=True)
        except ConnectionClosed as closed:
            raise LostError(_code(closed)) from None

    async def receive(self, timeout_s: float) -> bytes | None:
        """The next frame, None where none came in time; LostError where the socket is gone."""
        try:
            async with asyncio.timeout(timeout_s):
                return await self._websocket.recv(decode=False)
        except TimeoutError:
            return None
        except ConnectionClosed as closed:
            raise LostError(_code(closed)) from None

    def abort(self) -> None:
        """Drop the TCP connection at once, without a close frame."""
        self._websocket.transport.abort()

    def freeze(self) -> None:
        """Go half-open: the socket stays, but nobody reads from it or answers a ping any more."""
        self._websocket.transport.pause_reading()

    async def close(self) -> None:
        """Close as the protocol says (1000)."""
        with contextlib.suppress(OSError, ConnectionClosed):
            await self._websocket.close()


def _code(closed: ConnectionClosed) -> int:
    return closed.rcvd.code if closed.rcvd is not None else ABNORMAL


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds. Its other form, a date, is not worth a clock here: the back-off does."""
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
