"""A socket in its opening handshake. Where that succeeds, the socket is handed to a Connection."""

import asyncio
import logging
from time import monotonic
from typing import cast

from websockets.datastructures import Headers
from websockets.exceptions import HeaderLineTooLong, RequestLineTooLong, TooManyHeaders
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from edge.connection import GOODBYE_S, Connection
from edge.handshake import REALM, Admission, HandshakeRequest, Refused
from edge.node import Node
from edge.websocket import DEFLATE, StationProtocol
from ops.metrics import edge as metrics

log = logging.getLogger(__name__)

_NOT_HTTP = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_LONG: dict[type[Exception], int] = {RequestLineTooLong: 414, HeaderLineTooLong: 431, TooManyHeaders: 431}


class Visitor(asyncio.Protocol):
    """Created by the server for each socket that it accepts."""

    __slots__ = ("_node", "_remote", "_transport", "_ws", "came_at")

    _transport: asyncio.Transport

    def __init__(self, node: Node) -> None:
        self._node, self._remote = node, ""
        self._ws = StationProtocol(node.settings.frame_limit)
        self.came_at = monotonic()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self._remote = f"{peer[0]}:{peer[1]}" if peer else ""
        self._node.visitors[self] = None
        if len(self._node.visitors) + len(self._node.stations) > 2 * self._node.settings.max_connections:
            metrics.REFUSALS.labels("too-many-sockets").inc()
            self.give_up("too many sockets")

    def data_received(self, data: bytes) -> None:
        ws = self._ws
        ws.receive_data(data)
        for event in ws.events_received():
            if isinstance(event, Request) and (connection := self._ask(event)) is not None:
                ws.begin()
                connection.handle()  # a station in a hurry sends more than its request
        if not ws.accept_called and ws.handshake_exc is not None:
            self._unreadable(ws.handshake_exc)
        self._flush()  # nothing, where a connection has taken over

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._node.visitors.pop(self, None)

    def give_up(self, why: str) -> None:
        """It takes too long, or there are too many."""
        log.debug("a handshake was given up", extra={"remote": self._remote, "reason": why})
        self._node.visitors.pop(self, None)
        self._transport.abort()

    def _ask(self, request: Request) -> Connection | None:
        headers = request.headers
        if "Connection" not in headers:  # some chargers leave it out
            headers["Connection"] = "Upgrade"
        asked = HandshakeRequest(
            request.path, headers.get_all("Sec-WebSocket-Protocol"), _first(headers, "Authorization")
        )
        try:
            admission, partition = self._node.admit(asked)
        except Refused as refused:
            response = self._ws.reject(refused.status, f"{refused.reason}\n")
            if refused.status == 401:
                response.headers["WWW-Authenticate"] = f'Basic realm="{REALM}", charset="UTF-8"'
            elif refused.status == 503:
                response.headers["Retry-After"] = str(self._node.settings.retry_after_s)
            self._refuse(request, response, refused)
            return None
        self._ws.chosen = admission.subprotocol
        if admission.version is not None and admission.version.is_2x:
            self._ws.available_extensions = DEFLATE
        response = self._ws.accept(request)
        if response.status_code != 101:
            reason = response.reason_phrase
            self._refuse(request, response, Refused(response.status_code, "not-websocket", reason, admission.identity))
            return None
        if admission.version is None:
            self._goodbye(request, response, admission)
            return None
        return self._open(request, response, admission, partition)

    def _open(self, request: Request, response: Response, admission: Admission, partition: int) -> Connection:
        self._ws.send_response(response)
        node, core = self._node, self._node.core(admission)
        connection = Connection(node, self._transport, self._ws, core, partition)
        node.visitors.pop(self, None)
        self._transport.set_protocol(connection)
        connected = core.connected(
            node.clock.now_us(),
            remote=self._remote,
            path=request.path,
            security_profile=admission.security_profile,
            user_agent=_first(request.headers, "User-Agent"),
        )
        connection.begin(connected)
        connection.flush()
        proto = admission.version.value if admission.version else ""
        log.info("connected", extra={"station": connection.station, "proto": proto, "remote": self._remote})
        return connection

    def _refuse(self, request: Request, response: Response, refused: Refused) -> None:
        self._node.reject(refused, request.path, self._remote, _first(request.headers, "User-Agent"))
        self._ws.send_response(response)
        self._flush()

    def _goodbye(self, request: Request, response: Response, admission: Admission) -> None:
        """OCPP-J: with no subprotocol in common the handshake is completed without one, and closed at once."""
        refused = Refused(101, "no-common-subprotocol", "no common subprotocol", admission.identity)
        self._refuse(request, response, refused)
        self._ws.send_close(CloseCode.PROTOCOL_ERROR, refused.reason)
        self._flush()
        asyncio.get_running_loop().call_later(GOODBYE_S, self._transport.abort)

    def _unreadable(self, error: Exception) -> None:
        status = _TOO_LONG.get(type(error), 400)
        if status == 400:  # to the others websockets has an answer of its own
            self._transport.write(_NOT_HTTP)
        self._node.reject(Refused(status, "not-http", str(error)), "", self._remote, None)

    def _flush(self) -> None:
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()


def _first(headers: Headers, name: str) -> str | None:
    return next(iter(headers.get_all(name)), None)
