"""The edge's pure core: bytes, now and ids in; replies and records out.

A reply may be sent once its records stand on the log, never before. What a record holds is the frame as it came; what
the reply says is the action's handler's business (answers/).
"""

from hashlib import sha256

import msgspec

from contracts import envelope, ocppj, quirks
from contracts.flags import NOT_ACCEPTED, Finding
from contracts.ocppj import Call, CallResultError, Message, MessageType, Send, Unreadable, call_error, call_result
from contracts.times import rfc3339
from contracts.versions import Version
from edge.answers import Served, sent, served, served_in_any_case
from edge.answers.asked import Asked
from edge.policy import Policy
from edge.records import Identity, Recorder, Told, reject_record, tick_record
from edge.redaction import Lost, Redactor
from edge.transaction_ids import TransactionIds
from edge.validation import Verdict, actions, is_reply, spelt

__all__ = ["Identity", "Policy", "StationCore", "Step", "reject_record", "tick_record"]

CLOSE_UNSUPPORTED = 1003  # RFC 6455, 7.4.1: a binary frame
CLOSE_INVALID = 1007  # text that is not UTF-8
CLOSE_TOO_BIG = 1009

_CLOSES = {"binary": CLOSE_UNSUPPORTED, "encoding": CLOSE_INVALID}
_UNSERVED = {
    "NotImplemented": "the version has no such action",
    "NotSupported": "the action is not one that a station sends",
}
_NOT_A_TYPE = "MessageTypeNotSupported"
OTHER = "other"
"""An action that is not one of those we answer: what a station makes up must not become a label."""
_NUMBERS = frozenset({None, *MessageType})  # None: where none could be read


class Step(msgspec.Struct, frozen=True):
    """What one frame leads to."""

    records: tuple[bytes, ...]  # values for `messages`, in order: the frame's own, then its reply's, in one batch
    reply: bytes | None = None  # to be sent once the records are on the log
    close: int | None = None  # then close with this code
    unredactable: Lost = ""  # the frame's bytes, where a secret may stand in them that could not be replaced
    type: str = "unknown"  # the frame's, as its record says it
    is_error: bool = False  # whether the reply is a CALLERROR
    action: str = OTHER  # of a CALL: the name that OCPP has for it, where this version answers it


class StationCore:
    """One connection of one station."""

    __slots__ = ("_policy", "_recorder", "_redactor", "_served", "_transactions", "identity", "version")

    def __init__(
        self, *, identity: Identity, node: str, epoch: int, conn: str, version: Version, policy: Policy
    ) -> None:
        """`epoch`: the node's start, system time in ms; `conn`: the connection's ULID."""
        self.identity = identity
        self.version = version
        self._policy = policy
        self._recorder = Recorder(identity=identity, node=node, epoch=epoch, conn=conn, version=version)
        self._transactions = TransactionIds(identity.station, conn)
        self._served = served(version)
        self._redactor = Redactor(version, policy)

    def connected(self, now_us: int, *, remote: str, path: str, security_profile: int, user_agent: str | None) -> bytes:
        """The record of the connection's beginning: its first."""
        return self._recorder.connected(
            now_us, remote=remote, path=path, security_profile=security_profile, user_agent=user_agent
        )

    def disconnected(self, now_us: int, close_code: int | None, reason: str | None = None) -> bytes:
        """The record of the connection's end: its last."""
        return self._recorder.disconnected(now_us, close_code, reason)

    def rejected_frame(self, now_us: int, *, reason: str, size: int, sha256: str, head: bytes) -> Step:
        """A frame that was not taken in whole (`oversized-frame`); `head`: its first bytes, at most 4 KiB."""
        _, id_json, action = ocppj.read_head(head)
        kept, _, unredactable = self._redactor.redact(head, "unknown", action, is_json=False)
        record = self._recorder.rejected(
            now_us,
            reason=reason,
            size=size,
            sha256=sha256,
            head=kept,
            id=ocppj.id_text(id_json),
            action=action,
            close_code=CLOSE_TOO_BIG,
        )
        return Step((record,), close=CLOSE_TOO_BIG, unredactable=unredactable)

    def replaced(self, record: bytes, now_us: int) -> bytes:
        """What takes the place of a record that Kafka refuses for its content, under the same seq."""
        refused = envelope.decode(record)
        frame = refused.frame_bytes()
        return self._recorder.rejected(
            now_us,
            reason="refused",
            size=refused.size if frame is None else len(frame),
            sha256=refused.sha256 if frame is None else sha256(frame).hexdigest(),
            seq=refused.seq,
            direction=refused.dir,
        )

    def received(self, frame: bytes, now_us: int, *, binary: bool = False) -> Step:
        """A whole message from the station. Never raises."""
        message: Message = Unreadable("binary", "a binary frame") if binary else ocppj.parse(frame)
        if isinstance(message, Call):
            return self._call(frame, message, now_us)
        if isinstance(message, Send | CallResultError) and self.version is not Version.V21:
            number = MessageType.SEND if isinstance(message, Send) else MessageType.CALLRESULTERROR
            message = Unreadable("type", "a type of 2.1", number, message.id_json, is_json=True)
        if isinstance(message, Unreadable):
            return self._unreadable(frame, message, now_us)
        if isinstance(message, Send):
            return self._sent(frame, message, now_us)
        # The result of a CALL of ours would find its action here. We have sent none: it answers nothing.
        told = Told(type=ocppj.type_name(message), id=message.unique_id)
        return self._recorded(frame, told, now_us)

    def unanswered(self, step: Step) -> tuple[bytes, ...]:
        """The records of the newest step where its reply will not be sent: that one then has none, nor a seq."""
        if step.reply is None:
            return step.records
        self._recorder.take_back()
        return step.records[:-1]

    def _call(self, frame: bytes, call: Call, now_us: int) -> Step:
        flags = _id_flags(call)
        entry = self._served.get(call.action)
        if entry is None and (entry := served_in_any_case(self.version).get(call.action.lower())) is not None:
            flags += (Finding(quirks.flag(quirks.ACTION_CASE)),)
        if entry is None:
            code = _unserved(self.version, call.action)
            told = Told(
                type="CALL", id=call.unique_id, action=call.action, valid=False, errors=(Finding(code),), flags=flags
            )
            return self._answered(frame, told, now_us, call_error(call.id_json, code, _UNSERVED[code]))
        verdict = entry.checker.check(call.payload)
        errors, reply = verdict.errors, None
        if self._policy.registration != "accept" and entry.action != "BootNotification":
            flags += (Finding(NOT_ACCEPTED),)
            if self.version.is_2x:  # B02.FR.09, B03.FR.07
                reply = call_error(call.id_json, "SecurityError", "the station is not accepted")
        if reply is None and (not errors or (entry.is_transaction and not self._policy.strict_tx)):
            payload = self._payload(entry, verdict, now_us)
            if payload is None:  # it was accepted with quirks that no valid reply can echo
                errors = (Finding(spelt(self.version, "PropertyConstraintViolation")),)
            else:
                reply = call_result(call.id_json, payload)
        if reply is None:
            reply = call_error(call.id_json, errors[0].code, verdict.detail)
        told = Told(
            type="CALL",
            id=call.unique_id,
            action=entry.action,
            valid=not errors,
            errors=errors,
            flags=flags + verdict.flags,
        )
        return self._answered(frame, told, now_us, reply, entry.action)

    def _payload(self, entry: Served, verdict: Verdict, now_us: int) -> bytes | None:
        """The reply's payload; None where there is no valid one."""
        if isinstance(entry.answer, bytes):
            return entry.answer
        payload = verdict.payload if isinstance(verdict.payload, dict) else {}
        reply = entry.answer(Asked(payload, now_us, self._policy, self._transactions))
        if verdict.flags and not is_reply(self.version, entry.action, reply):
            return None
        return reply

    def _answered(self, frame: bytes, told: Told, now_us: int, reply: bytes, action: str = OTHER) -> Step:
        """The records of a frame and of our reply to it."""
        ts, seq = rfc3339(now_us), self._recorder.next_seq
        kept, redacted, unredactable = self._redactor.redact(frame, told.type, told.action, is_json=told.is_json)
        own = self._recorder.frame(told, kept, ts, "in", redacted=redacted)
        kind = "CALLRESULT" if reply.startswith(b"[3") else "CALLERROR"
        said = Told(type=kind, id=told.id, action=told.action)
        records = (own, self._recorder.frame(said, reply, ts, "out", call_seq=seq))
        return Step(records, reply, None, unredactable, told.type, kind == "CALLERROR", action)

    def _sent(self, frame: bytes, message: Send, now_us: int) -> Step:
        """A SEND: recorded, never answered."""
        checker = sent(self.version).get(message.action)
        if checker is None:
            verdict = Verdict(message.payload, (Finding(_unserved(self.version, message.action)),))
        else:
            verdict = checker.check(message.payload)
        told = Told(
            type="SEND",
            id=message.unique_id,
            action=message.action,
            valid=verdict.valid,
            errors=verdict.errors,
            flags=verdict.flags if self._policy.registration == "accept" else (Finding(NOT_ACCEPTED), *verdict.flags),
        )
        return self._recorded(frame, told, now_us)

    def _unreadable(self, frame: bytes, message: Unreadable, now_us: int) -> Step:
        """A frame that is no message of this version: recorded whole, and answered where the version says so."""
        is_type_known = message.reason != "type" and message.type_number in _NUMBERS
        code = ocppj.formation_violation(self.version) if is_type_known else _NOT_A_TYPE
        told = Told(
            type=ocppj.type_name(message),
            id=message.unique_id,
            action=message.action,
            valid=False,
            errors=(Finding(code),),
            is_json=message.is_json,
        )
        if _is_answered(self.version, message, code):
            complaint = call_error(message.id_json or ocppj.UNREADABLE_ID, code, message.detail)
            return self._answered(frame, told, now_us, complaint)
        return self._recorded(frame, told, now_us, close=_CLOSES.get(message.reason))

    def _recorded(self, frame: bytes, told: Told, now_us: int, *, close: int | None = None) -> Step:
        """The record of a frame that gets no reply."""
        kept, redacted, unredactable = self._redactor.redact(frame, told.type, told.action, is_json=told.is_json)
        record = self._recorder.frame(told, kept, rfc3339(now_us), "in", redacted=redacted)
        return Step((record,), close=close, unredactable=unredactable, type=told.type)


def _id_flags(call: Call) -> tuple[Finding, ...]:
    if call.id_json[:1] != b'"':
        return (Finding(quirks.flag(quirks.NUMERIC_ID)),)
    if len(call.unique_id) > quirks.MAX_ID_LENGTH:
        return (Finding(quirks.flag(quirks.LONG_ID)),)
    return ()


def _unserved(version: Version, action: str) -> str:
    """The code for an action that we do not answer: known, but the station's to answer; or not known at all."""
    return "NotSupported" if action in actions(version) else "NotImplemented"


def _is_answered(version: Version, message: Unreadable, code: str) -> bool:
    """Whether a frame that is no message gets a CALLERROR.

    A type that is not known: 2.0.1 says so, 1.6 and 2.1 ignore it. A CALL that cannot be read: an error with its id;
    where the id cannot be read either, 2.x takes "-1" and 1.6 is silent. A broken answer is never answered.
    """
    if message.reason in _CLOSES:
        return False
    if code == _NOT_A_TYPE:
        return version is Version.V201
    return message.type_number in (None, MessageType.CALL) and (version.is_2x or message.id_json is not None)
