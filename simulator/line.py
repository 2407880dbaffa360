"""A station's line to its CSMS: connects, sends what the outbox holds, hears answers, loses the socket and comes back.

One step at a time, driven by the station's only task. Back-off and time-outs are real seconds; planned gaps and their
measured lengths are the shared clock's.
"""

import asyncio
import random
import time
from collections.abc import Callable

import msgspec

from contracts import ocppj
from contracts.times import SECOND, parse_time, rfc3339
from ops.clock import Clock
from simulator.connection import Connection, LostError, RefusedError
from simulator.journal import Entry, Journal, Outcome
from simulator.ledger import Ledger
from simulator.message_ids import message_id
from simulator.outbox import Kind, Message, Outbox
from simulator.plan import Traits

OUTSIDE = "outside"  # the cause of a gap that the station did not make
_BACKOFF_S = 0.25
_BACKOFF_MOST_S = 4.0
_RETRY_AFTER_SPREAD = 0.5  # a fleet that was told the same Retry-After must not come back at once
_FROZEN_MOST = 4
_TELL_THE_TIME = ("BootNotification", "Heartbeat")  # their answers have a currentTime

_encoder = msgspec.json.Encoder()


class LineSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where to and how patient. Real seconds."""

    target: str
    call_timeout_s: float
    attempts: int
    retry_s: float


class Line:
    """`connected` and `lost` (with the close code) are told to the station; so are CALLs of the CSMS (`called`)."""

    def __init__(
        self,
        traits: Traits,
        *,
        settings: LineSettings,
        clock: Clock,
        journal: Journal,
        ledger: Ledger,
        rng: random.Random,
        connected: Callable[[], None],
        lost: Callable[[int], None],
    ) -> None:
        self.station = f"default/{traits.identity}"
        self.outbox = Outbox(settings.attempts, settings.retry_s)
        self.registered = False
        self.wanted = False
        """Whether the station wants to be connected: not while it is dark or has not been switched on."""
        self.connections = 0
        self._traits = traits
        self._url = f"{settings.target.rstrip('/')}/{traits.identity}"
        self._settings, self._clock, self._journal, self._ledger, self._rng = settings, clock, journal, ledger, rng
        self._told_connected, self._told_lost = connected, lost
        self._connection: Connection | None = None
        self._frozen: list[Connection] = []
        self._calls = 0
        self._sent: tuple[int, int, str] = (0, 0, "")  # the outstanding CALL: shared clock, monotonic, id
        self._connect_at_us = 0
        self._connect_at_real_s = 0.0
        self._refusals = 0
        self._gap: tuple[int, str] | None = None

    @property
    def online(self) -> bool:
        return self._connection is not None

    @property
    def last_call_us(self) -> int:
        """When the last CALL left (shared clock)."""
        return self._sent[0]

    # -- the socket

    async def step(self, wait_s: float) -> None:
        """Do what can be done now, then wait for an answer (or for the time to connect) for at most so long."""
        if self._connection is None:
            await self._come_back(wait_s)
            return
        try:
            await self._transmit(self._connection)
            frame = await self._connection.receive(wait_s)
            if frame is not None:
                await self._received(frame, self._connection)
            if self.outbox.timed_out(time.monotonic(), self._settings.call_timeout_s):
                self._no_answer()
        except LostError as lost:
            self._went(OUTSIDE)
            self._told_lost(lost.code)

    async def _come_back(self, wait_s: float) -> None:
        real_s = time.monotonic()
        left_s = max(
            self._clock.real_s((self._connect_at_us - self._clock.now_us()) / SECOND), self._connect_at_real_s - real_s
        )
        if not self.wanted or left_s > 0:
            await asyncio.sleep(max(0.0, min(wait_s, left_s) if self.wanted else wait_s))
            return
        try:
            self._connection = await Connection.open(
                self._url, self._traits.version, compresses=self._traits.compresses
            )
        except RefusedError as refused:
            self._ledger.refused[str(refused.status or "no answer")] += 1
            self._ledger.refusal = str(refused)
            self._back_off(refused.retry_after_s)
            return
        self._refusals = 0
        self._ledger.refusal = None
        self.connections += 1
        if self._gap is not None:
            self._ledger.gap(self.station, self._gap[1], self._gap[0], self._clock.now_us())
            self._gap = None
        self._told_connected()

    def _back_off(self, retry_after_s: float | None) -> None:
        backoff_s = min(_BACKOFF_MOST_S, _BACKOFF_S * 2**self._refusals) * self._rng.uniform(0.5, 1.5)
        self._refusals = min(self._refusals + 1, 16)
        told_s = (retry_after_s or 0.0) * (1 + _RETRY_AFTER_SPREAD * self._rng.random())
        self._connect_at_real_s = time.monotonic() + max(backoff_s, told_s)

    def cut(self, cause: str, away_us: int) -> None:
        """Drop the TCP connection without a close frame, and stay away for so long (shared clock)."""
        if self._connection is not None:
            self._connection.abort()
            self._went(cause)
        elif self._gap is not None:  # already away for another reason: the gap has two makers
            self._gap = (self._gap[0], cause)
        self._connect_at_us = self._clock.now_us() + away_us

    def freeze(self, away_us: int) -> None:
        """Leave the socket half-open and open another one soon: to the CSMS the station was never away."""
        if self._connection is None:
            return
        self._connection.freeze()
        self._frozen.append(self._connection)
        if len(self._frozen) > _FROZEN_MOST:
            self._frozen.pop(0).abort()
        self._forget_call()
        self._connection = None
        self.outbox.disconnected()
        self._connect_at_us = self._clock.now_us() + away_us

    def come_back_now(self) -> None:
        """Whatever gap was planned is over."""
        self.wanted = True
        self._connect_at_us = 0

    async def close(self) -> None:
        """Close for good, as the protocol says."""
        for frozen in self._frozen:
            frozen.abort()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            self._forget_call()
            self._ledger.left(self.station, self._clock.now_us())
            await connection.close()

    def _went(self, cause: str) -> None:
        """The socket is gone."""
        self._forget_call()
        self._connection = None
        self._gap = (self._clock.now_us(), cause)
        self.outbox.disconnected()
        # A station notices, and is back within seconds; if that fails, the back-off takes over.
        self._connect_at_us = self._clock.now_us() + round(self._rng.uniform(1, 4) * SECOND)

    # -- frames

    async def _transmit(self, connection: Connection) -> None:
        message = self.outbox.next(self._clock.now_us(), time.monotonic(), registered=self.registered)
        if message is None:
            return
        self._calls += 1
        if message.unique_id is None:
            traits = self._traits
            message.unique_id = message_id(traits.id_style, self._rng, traits.identity, self._calls)
        frame = _encoder.encode([2, message.unique_id, message.action, message.body()])
        self.outbox.sending(message, time.monotonic())
        self._sent = (self._clock.now_us(), time.monotonic_ns(), message.unique_id)
        if message.sent is not None:
            message.sent()
        await connection.send(frame)

    async def _received(self, frame: bytes, connection: Connection) -> None:
        match ocppj.parse(frame):
            case ocppj.CallResult(unique_id, payload):
                message = self._answer_to(unique_id, "result")
                if message is None:
                    return
                if message.action in _TELL_THE_TIME and isinstance(payload, dict):
                    self._hear_time(payload.get("currentTime"))
                if self.outbox.is_deaf_to(message):
                    self.outbox.unheard(message, self._clock.now_us())
                elif message.answered is not None:
                    message.answered(payload if isinstance(payload, dict) else {})
            case ocppj.CallError(unique_id):
                outstanding = self.outbox.outstanding
                if outstanding is not None and unique_id == self._sent[2]:
                    self._write(outstanding, "error")
                    self._failed()
            case ocppj.Call(id_json=id_json):  # nothing can be commanded of a simulated station yet
                await connection.send(ocppj.call_error(id_json, "NotSupported"))
            case _:
                pass

    def _hear_time(self, text: object) -> None:
        if (told := parse_time(text)) is not None:
            self._ledger.edge_clock.heard(self._clock.speed, self._sent[0], self._clock.now_us(), told[0])

    def _answer_to(self, unique_id: str, outcome: Outcome) -> Message | None:
        message = self.outbox.outstanding
        if message is None or unique_id != self._sent[2]:
            return None  # late: it was given up already
        self._write(message, outcome)
        return self.outbox.take_answer()

    def _no_answer(self) -> None:
        if self.outbox.outstanding is not None:
            self._write(self.outbox.outstanding, "none")
            self._failed()

    def _failed(self) -> None:
        message = self.outbox.outstanding
        if self.outbox.failed(time.monotonic()) and message is not None and message.kind is Kind.TRANSACTION:
            self._ledger.discarded += 1

    def _forget_call(self) -> None:
        if self.outbox.outstanding is not None:
            self._write(self.outbox.outstanding, "none")

    def _write(self, message: Message, outcome: Outcome) -> None:
        answered = outcome != "none"
        self._journal.write(
            Entry(
                station=self.station,
                connection=self.connections,
                n=self._calls,
                id=self._sent[2],
                action=message.action,
                sent_at=rfc3339(self._sent[0]),
                sent_ns=self._sent[1],
                outcome=outcome,
                answered_at=rfc3339(self._clock.now_us()) if answered else None,
                answered_ns=time.monotonic_ns() if answered else None,
            )
        )
