"""What a station has to send: one CALL at a time, in order, and what becomes of those without an answer. Pure.

Transaction messages wait until they are answered: over every disconnect, and over a few time-outs or errors while
connected, after which they are given up (TransactionMessageAttempts). Events wait over a disconnect. Everything else
is sent once, and forgotten with the connection (OCPP 1.6, 3.7.1 and 9.1.25; 2.0.1 part 2, E04 and A04).
"""

from collections import deque
from collections.abc import Callable
from enum import IntEnum

import msgspec

Payload = dict[str, object]


class Kind(IntEnum):
    """How long a message lives."""

    BOOT = 0  # before everything else
    PLAIN = 1
    EVENT = 2
    TRANSACTION = 3


class Deafness(msgspec.Struct, frozen=True):
    """A station that does not hear so many answers, waits after each, and sends again, or (`gives_up`) no more."""

    answers: int
    wait_us: int
    new_id: bool
    gives_up: bool = False


class Message:
    """One CALL to be made. `payload` may be a function: some of it is known only when it is sent.

    `sent` and `answered` are told; `answered` gets the answer's payload, None for a CALLERROR.
    """

    __slots__ = (
        "action",
        "answered",
        "attempts",
        "deafness",
        "given_up",
        "heard",
        "kind",
        "payload",
        "sent",
        "unique_id",
    )

    def __init__(
        self,
        action: str,
        payload: Payload | Callable[[], Payload],
        kind: Kind = Kind.PLAIN,
        *,
        sent: Callable[[], None] | None = None,
        answered: Callable[[Payload | None], None] | None = None,
        given_up: Callable[[], None] | None = None,
        deafness: Deafness | None = None,
    ) -> None:
        self.action = action
        self.payload = payload
        self.kind = kind
        self.sent, self.answered, self.given_up = sent, answered, given_up
        self.deafness = deafness
        self.heard = 0  # answers that a deaf station did not hear
        self.attempts = 0
        self.unique_id: str | None = None  # of a retry with the same id

    def body(self) -> Payload:
        """The payload as it is now."""
        return self.payload if isinstance(self.payload, dict) else self.payload()


class Outbox:
    """The queue of one station. `now_us` is the shared clock, `real_s` real seconds."""

    def __init__(self, attempts: int, retry_s: float) -> None:
        self.attempts = attempts
        self.retry_s = retry_s
        self.outstanding: Message | None = None
        self._sent_real_s = 0.0
        self._boots: deque[Message] = deque()
        self._queue: deque[Message] = deque()
        self._not_before_us = 0
        self._not_before_real_s = 0.0

    def __len__(self) -> int:
        return len(self._boots) + len(self._queue) + (self.outstanding is not None)

    @property
    def waiting_transactions(self) -> int:
        """Transaction messages that have not been answered yet."""
        waiting = sum(message.kind is Kind.TRANSACTION for message in self._queue)
        return waiting + (self.outstanding is not None and self.outstanding.kind is Kind.TRANSACTION)

    def busy_with(self, kind: Kind) -> bool:
        """Whether a message of this kind waits or is out."""
        queue = self._boots if kind is Kind.BOOT else self._queue
        out = self.outstanding is not None and self.outstanding.kind is kind
        return out or any(message.kind is kind for message in queue)

    def add(self, message: Message) -> None:
        (self._boots if message.kind is Kind.BOOT else self._queue).append(message)

    def next(self, now_us: int, real_s: float, *, registered: bool) -> Message | None:
        """The message to send now: none while one is out, while a retry waits, or before the boot was accepted."""
        if self.outstanding is not None or now_us < self._not_before_us or real_s < self._not_before_real_s:
            return None
        if self._boots:
            return self._boots[0]
        return self._queue[0] if self._queue and registered else None

    def sending(self, message: Message, real_s: float) -> None:
        """The message that `next` gave is on its way."""
        (self._boots if message.kind is Kind.BOOT else self._queue).popleft()
        self.outstanding = message
        self._sent_real_s = real_s

    @staticmethod
    def is_deaf_to(message: Message) -> bool:
        """Whether the station does not hear the answer that just came."""
        return message.deafness is not None and message.heard < message.deafness.answers

    def take_answer(self) -> Message | None:
        """The message that was out; it is no longer."""
        message, self.outstanding = self.outstanding, None
        return message

    def again(self, message: Message, *, not_before_us: int = 0, not_before_real_s: float = 0.0) -> None:
        """Send this one again, before all others."""
        self._queue.appendleft(message)
        self._not_before_us, self._not_before_real_s = not_before_us, not_before_real_s

    def unheard(self, message: Message, now_us: int) -> None:
        """A deaf station did not hear this answer: it sends again later, or gives the message up."""
        deafness = message.deafness
        if deafness is None:
            raise ValueError("this message is not deaf")
        message.heard += 1
        if deafness.gives_up and message.heard >= deafness.answers:
            if message.given_up is not None:
                message.given_up()
            return
        if deafness.new_id:
            message.unique_id = None
        self.again(message, not_before_us=now_us + deafness.wait_us)

    def timed_out(self, real_s: float, timeout_s: float) -> bool:
        """Whether the outstanding message has waited for its answer in vain."""
        return self.outstanding is not None and real_s - self._sent_real_s >= timeout_s

    def failed(self, real_s: float) -> bool:
        """The outstanding message got no answer, or an error; True where it is given up."""
        message = self.take_answer()
        if message is None:
            return False
        message.attempts += 1
        if message.kind is Kind.TRANSACTION and message.attempts < self.attempts:
            self.again(message, not_before_real_s=real_s + self.retry_s * message.attempts)
            return False
        if message.given_up is not None:
            message.given_up()
        return True

    def hurry(self) -> None:
        """Whatever waits to be sent again is sent now."""
        self._not_before_us, self._not_before_real_s = 0, 0.0

    def disconnected(self) -> None:
        """The connection is gone: what waits over it stays, and costs no attempt."""
        message = self.take_answer()
        if message is not None:
            message.unique_id = None  # ids are one connection's
            self._queue.appendleft(message)
        self._queue = deque(message for message in self._queue if message.kind >= Kind.EVENT)
        self._boots.clear()
        self.hurry()
