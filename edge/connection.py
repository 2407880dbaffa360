"""One station's open connection: frames in, records out, replies when the log has them.

No task, queue or future per message: what the socket, Kafka and the timers have to say are plain calls.
Frames are handled in order and one at a time: while a frame's records wait for the log, later ones stay in a short
queue, and behind that the socket is not read.
"""

import asyncio
import logging
from collections import deque
from time import monotonic
from typing import TypeAlias

from websockets.frames import CloseCode
from websockets.protocol import State

from contracts import ocppj
from edge.core import StationCore, Step
from edge.node import Node
from edge.outbox import Outbox, Records
from edge.oversized import Oversized
from edge.traffic import traffic_of
from edge.websocket import StationProtocol
from ops.metrics import edge as metrics

log = logging.getLogger(__name__)

GOODBYE_S = 2.0
"""So long a station may take to answer our close frame, and the kernel to take our last bytes."""
READ_ON_S = 10.0
"""So long the rest of a message that is too large may take to arrive."""

NO_STEP = Step(())

_Waiting: TypeAlias = tuple[bytes | Oversized, bool, int, float]
"""A message, whether it is binary, and when it came: by the clock in microseconds, and in monotonic seconds."""

REASONS: dict[int, str] = {
    CloseCode.UNSUPPORTED_DATA: "OCPP-J is text",
    CloseCode.INVALID_DATA: "the text is not UTF-8",
    CloseCode.MESSAGE_TOO_BIG: "the frame is too large",
    CloseCode.SERVICE_RESTART: "this node restarts",
}


class Connection(asyncio.Protocol):
    """A station's socket after its handshake. `ended`: its last record is written, though the socket may still live."""

    __slots__ = (
        "_busy",
        "_came_at",
        "_core",
        "_last",
        "_leaving",
        "_node",
        "_outbox",
        "_oversized",
        "_paused",
        "_pinged_at",
        "_queue",
        "_step",
        "_too_large",
        "_traffic",
        "_transport",
        "_write_paused",
        "_ws",
        "ended",
        "heard_at",
        "partition",
        "station",
        "version",
    )

    def __init__(
        self, node: Node, transport: asyncio.Transport, ws: StationProtocol, core: StationCore, partition: int
    ) -> None:
        self._node, self._transport, self._ws, self._core = node, transport, ws, core
        self.station, self.version, self.partition = core.identity.station, core.version, partition
        self._traffic = traffic_of(core.version)
        self._outbox = Outbox(node.writer, self.station.encode(), partition, self)
        self.ended = False
        self.heard_at = monotonic()
        """When the last bytes came, in monotonic seconds."""
        self._pinged_at = 0.0  # 0 where it was heard since
        self._busy = False  # a frame's records wait for the log
        self._step, self._came_at = NO_STEP, 0.0  # what that frame led to, and when it came; kept no longer than that
        self._last: int | None = None  # the code to close with when that frame is answered
        self._leaving: int | None = None  # likewise, when all that was read is answered
        self._queue: deque[_Waiting] = deque()
        self._oversized: Oversized | None = None  # a message that is being read to its end
        self._paused = self._write_paused = self._too_large = False

    @property
    def calls_owed(self) -> int:
        """CALLs that were read and wait for their answer."""
        in_the_log = self._busy and self._step.reply is not None and not self.ended
        return in_the_log + sum(_is_call(message, binary) for message, binary, *_ in self._queue)

    def begin(self, connected: bytes) -> None:
        """Take over from the station's older connection, if it has one. `connected` is this one's first record."""
        displaced = self._node.stations.enter(self, self.heard_at)
        if displaced is not None:
            metrics.TAKEOVERS.inc()
            displaced.close(CloseCode.SERVICE_RESTART, "the station connected again")
        self._outbox.put((connected,), None)

    # -- the socket speaks

    def data_received(self, data: bytes) -> None:
        self.heard_at, self._pinged_at = monotonic(), 0.0
        ws = self._ws
        text = ws.whole_text(data)
        if text is not None:
            self._receive(text)
        else:
            ws.receive_data(data)
            self.handle()

    def handle(self) -> None:
        """Act on what websockets made of the bytes."""
        ws = self._ws
        for message, binary in ws.messages_received():
            if not self.ended:  # what comes behind our own close frame is not read
                self._receive(message, binary=binary)
        if ws.oversized is not None:
            self._read_on(ws.oversized)
        if ws.state is not State.OPEN and not self.ended:
            closed = ws.close_rcvd or ws.close_sent
            self._end(*((CloseCode.ABNORMAL_CLOSURE, "") if closed is None else (closed.code, closed.reason)))
        self.flush()

    def pause_writing(self) -> None:
        """The station does not read: nothing more is read of it, not even pings, which are answered at once."""
        self._write_paused = True
        self._pause()

    def resume_writing(self) -> None:
        self._write_paused = False
        self._advance()

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended:
            self._end(CloseCode.ABNORMAL_CLOSURE, "" if error is None else str(error))

    # -- frames in, replies out

    def _receive(self, message: bytes | Oversized, *, binary: bool = False) -> None:
        now_us = self._node.clock.now_us()
        if not (self._busy or self._queue or self._write_paused):
            self._go(message, now_us, self.heard_at, binary=binary)
            return
        self._queue.append((message, binary, now_us, self.heard_at))
        self._node.queued_bytes += _size(message)
        if len(self._queue) >= self._node.settings.queue_frames or self._node.crowded:
            self._pause()

    def _go(self, message: bytes | Oversized, at_us: int, came_at: float, *, binary: bool) -> None:
        step = self._fold(message, at_us, binary=binary)
        self._busy, self._step, self._came_at = True, step, came_at
        if step.close is not None:
            self._last = step.close
        self._outbox.put(step.records, self._acknowledged)

    def _fold(self, message: bytes | Oversized, at_us: int, *, binary: bool) -> Step:
        if isinstance(message, Oversized):
            step = self._core.rejected_frame(
                at_us, reason="oversized-frame", size=message.size, sha256=message.sha256, head=message.head
            )
        else:
            step = self._core.received(message, at_us, binary=binary)
        self._traffic.received[step.type].value += 1
        if step.unredactable:
            metrics.UNREDACTABLE.labels(step.unredactable).inc()
        return step

    def _acknowledged(self) -> None:
        """The frame's records are on the log, its reply's among them: now that may be sent."""
        self._busy, step, self._step = False, self._step, NO_STEP
        if not self.ended:
            if step.reply is not None:
                self._transport.write(self._ws.text_frame(step.reply))
                self._traffic.answers[step.action].observe(monotonic() - self._came_at)
                if step.is_error:
                    self._traffic.errors.value += 1
            if self._last is not None:
                self.close(self._last, REASONS.get(self._last, ""))
            elif self._queue or self._leaving is not None:
                self._advance()
        self._node.writer.room(self.partition)

    def _advance(self) -> None:
        """Go on with what waits, as far as that is possible."""
        while self._queue and not (self._busy or self._write_paused or self.ended):
            message, binary, at_us, came_at = self._next()
            self._go(message, at_us, came_at, binary=binary)
        if self._leaving is not None:
            if not (self._busy or self._queue):
                self.close(self._leaving, REASONS.get(self._leaving, ""))
            return
        stays = self._too_large or self._write_paused or len(self._queue) > self._node.settings.queue_frames // 2
        if self._paused and not stays:
            self._unpause()

    def _next(self) -> _Waiting:
        first = self._queue.popleft()
        self._node.queued_bytes -= _size(first[0])
        return first

    def _read_on(self, oversized: Oversized) -> None:
        """A message is too large: it takes its turn once it is read to its end, or takes too long for that."""
        if oversized.complete:
            self._give_up(oversized)
        elif self._oversized is None:
            self._oversized = oversized
            asyncio.get_running_loop().call_later(READ_ON_S, self._give_up, oversized)

    def _give_up(self, oversized: Oversized) -> None:
        if not self.ended and not self._too_large:
            self._too_large = True
            self._pause()
            self._receive(oversized)

    def _pause(self) -> None:
        if not self._paused and not self._transport.is_closing():
            self._paused = True
            self._transport.pause_reading()

    def _unpause(self) -> None:
        if self._paused and not self._transport.is_closing():
            self._paused = False
            self.forgive(monotonic())
            self._transport.resume_reading()

    def flush(self) -> None:
        """Write what websockets has to send."""
        for data in self._ws.data_to_send():
            if data:
                self._transport.write(data)
            else:
                self._transport.close()

    # -- the timers and the log speak

    def check(self, now: float) -> None:
        """Ping a station that is silent, and let go of one that stays so. Called every second or so."""
        if self._paused and not self._write_paused:  # nothing can be heard from a socket that is not read
            self.heard_at = now
        elif self._pinged_at:
            if now - self._pinged_at >= self._node.settings.pong_within_s:
                self._end(CloseCode.ABNORMAL_CLOSURE, "no answer to a ping")
                self._transport.abort()
        elif now - self.heard_at >= self._node.settings.ping_after_s:
            self._pinged_at = now
            self._ws.send_ping(b"")
            self.flush()

    def forgive(self, now: float) -> None:
        """It could not be heard until now, as where this process stood still: its silence means nothing."""
        self.heard_at, self._pinged_at = now, 0.0

    def not_taken(self, records: Records) -> Records:
        """Kafka refuses these records: what takes their places. Once it has, the connection ends."""
        now_us = self._node.clock.now_us()
        self._step = NO_STEP
        asyncio.get_running_loop().call_soon(self.close, CloseCode.TRY_AGAIN_LATER, "the log refuses the message")
        return [(key, self._core.replaced(value, now_us)) for key, value in records]

    # -- the end

    def leave(self, code: int) -> None:
        """Close, but answer what was read first; nothing more is read."""
        if not self.ended:
            self._leaving = code
            self._pause()
            self._advance()

    def close(self, code: int, reason: str) -> None:
        """Say goodbye and record the end. What was received before is recorded, but not answered any more."""
        if not self.ended:
            if self._ws.state is State.OPEN:
                self._ws.send_close(code, reason)
                self.flush()
            self._end(code, reason)

    def _end(self, code: int, reason: str) -> None:
        self.ended = True
        self._node.stations.leave(self)
        while self._queue:
            message, binary, at_us, _ = self._next()
            self._outbox.put(self._core.unanswered(self._fold(message, at_us, binary=binary)), None)
        self._outbox.put((self._core.disconnected(self._node.clock.now_us(), code, reason or None),), None)
        self._unpause()  # the station's close frame is to be heard
        asyncio.get_running_loop().call_later(GOODBYE_S, self._transport.abort)
        metrics.CLOSES.labels(str(int(code)) if 1000 <= code <= 1015 else "other").inc()
        log.info("disconnected", extra={"station": self.station, "code": int(code), "reason": reason})


def _size(message: bytes | Oversized) -> int:
    return len(message) if isinstance(message, bytes) else 0


def _is_call(message: bytes | Oversized, binary: bool) -> bool:  # noqa: FBT001 - as the queue has it
    return isinstance(message, bytes) and not binary and isinstance(ocppj.parse(message), ocppj.Call)
