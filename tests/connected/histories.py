"""Histories of charging stations for the folds' laws: what stations say over days, as messages that can be shuffled.

A message is what one frame says, with the time at which an edge took it; replies are messages of their own. Which
connection and seq a message gets is decided when it is put on a log: repeats of (conn, seq) are dropped before the
folds, and the laws permute what comes after.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st

from list_log import Log, meter_value, ts

HOUR, DAY = 3600, 24 * 3600


class Message(msgspec.Struct, frozen=True):
    """One frame. `sent`: when the edge took it. `answers`: the number of the CALL in the history that it answers."""

    station: str
    sent: float
    action: str
    payload: dict[str, Any]
    proto: str = "ocpp1.6"
    answers: int | None = None


History = tuple[Message, ...]


def folded(history: Sequence[Message], order: Sequence[int], until: float) -> Log:
    """The messages in an order, and then the clock goes on to `until`."""
    log = Log()
    log.gathers = True
    log.tick(0)
    for station in sorted({message.station for message in history}):
        log.connect(0, station, name=station, proto=_proto(history, station))
    seqs: dict[int, int] = {}  # number of a CALL -> the seq that it has, or will have
    counts = dict.fromkeys(log.seqs, 0)
    for number in order:
        message = history[number]
        counts[message.station] += 1
        if message.answers is None:
            seqs.setdefault(number, counts[message.station])
    for number in order:
        message = history[number]
        name = {"name": message.station, "proto": message.proto}
        if message.answers is None:
            log.call(message.sent, message.action, message.payload, message.station, **name)
        elif message.answers in seqs:
            log.reply(message.sent, message.action, message.payload, message.station, seqs[message.answers], **name)
    for station in sorted({message.station for message in history}):
        log.disconnect(until, station, name=station)  # an end for starts whose answers never came
    log.tick(until)
    log.tick(until + 1)
    log.tick(until + 2)
    log.fold_gathered()
    return log


def _proto(history: Sequence[Message], station: str) -> str:
    return next(message.proto for message in history if message.station == station)


# -- what is generated

_GAPS = st.integers(60, 3 * HOUR)
_READINGS = st.lists(
    st.tuples(st.integers(1, 40 * 60), st.integers(0, 4000), st.sampled_from(["Sample.Periodic", "Sample.Clock"])),
    max_size=5,
)
_STATES = ["Available", "Preparing", "Charging", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Faulted"]
_STATUSES = st.lists(
    st.tuples(
        st.integers(-300, 50 * 60), st.sampled_from(_STATES), st.sampled_from(["NoError", "NoError", "WeakSignal", "X"])
    ),
    max_size=6,
)
_CHARGING_STATES = st.sampled_from([None, None, "EVConnected", "Charging", "SuspendedEV", "SuspendedEVSE", "Idle"])
_MOSTLY = st.sampled_from([True, True, True, False])
_RARELY = st.sampled_from([False, False, False, True])


def _glitched(register: int) -> st.SearchStrategy[int]:
    """What a reading says: rarely something else than its register."""
    return st.sampled_from([register] * 12 + [0, register // 3, 90_000_000])


class Way(msgspec.Struct, frozen=True):
    """How a 1.6 connector talks in a session. `named`: what its readings name."""

    named: str
    has_clock: bool
    is_answered: bool
    says_start: bool
    says_stop: bool
    sends_data: bool


_WAYS = st.builds(
    Way,
    named=st.sampled_from(["own", "own", "own", "-1", "0", "none", "foreign"]),
    has_clock=_MOSTLY,
    is_answered=_MOSTLY,
    says_start=_MOSTLY,
    says_stop=_MOSTLY,
    sends_data=st.booleans(),
)


@st.composite
def sessions_16(draw: st.DrawFn, station: str, connector: int) -> History:
    """The sessions of a 1.6 connector, one after the other; its register goes on, unless it is reset."""
    messages: list[Message] = []
    at, register = float(draw(st.integers(0, HOUR))), draw(st.sampled_from([0, 1000, 99_000, 900_000]))
    reuses = draw(_RARELY)
    for number in range(draw(st.integers(1, 4))):
        way = draw(_WAYS)
        if draw(_RARELY):
            register = draw(st.integers(0, 50))
        given = 100 * connector + (0 if reuses else number)
        names = {"own": given, "-1": -1, "0": 0, "none": None, "foreign": 4711}
        named = names[way.named] if way.says_start or way.named == "none" else 1000 * connector + number
        token = f"T{connector}{number % 2}"
        if way.says_start:
            said_wh = 0 if draw(_RARELY) else register
            start = {"connectorId": connector, "idTag": token, "meterStart": said_wh, "timestamp": _clock(at, way)}
            messages.append(Message(station, at, "StartTransaction", start))
            answer = {"transactionId": given, "idTagInfo": {"status": "Accepted"}}
            if way.is_answered:
                messages.append(Message(station, at, "StartTransaction", answer, answers=len(messages) - 1))
        for after, status, error in draw(_STATUSES):
            said = {"connectorId": connector, "status": status, "errorCode": error, "timestamp": ts(at + after)}
            messages.append(Message(station, max(0.0, at + after), "StatusNotification", said))
        data = {}
        for after, wh, context in sorted(draw(_READINGS)):
            register += wh
            data[at + after] = shown = draw(_glitched(register))
            payload: dict[str, Any] = {
                "connectorId": connector,
                "meterValue": [meter_value(at + after, shown, context, Power_Active_Import=wh)],
                **({} if named is None else {"transactionId": named}),
            }
            messages.append(Message(station, at + after, "MeterValues", payload))
        at += 41 * 60
        register += draw(st.integers(0, 500))
        if way.says_stop and (way.says_start or named is not None):
            stop: dict[str, Any] = {
                "transactionId": given if named in (None, 4711) else named,
                "meterStop": register,
                "idTag": token,
                "timestamp": _clock(at, way),
            }
            if data and named == given and way.sends_data and way.is_answered:
                stop["transactionData"] = [meter_value(when, wh) for when, wh in data.items()]
            messages.append(Message(station, at, "StopTransaction", stop))
        at += draw(_GAPS)
    return tuple(messages)


def _clock(at: float, way: Way) -> str:
    return ts(at) if way.has_clock else "1970-01-01T00:00:12Z"


@st.composite
def sessions_2x(draw: st.DrawFn, station: str, evse: int) -> History:
    """The transactions of a 2.x evse, one after the other."""
    messages: list[Message] = []
    at, register = float(draw(st.integers(0, HOUR))), draw(st.sampled_from([0, 1000, 99_000, 900_000]))
    for number in range(draw(st.integers(1, 4))):
        seq, begin, transaction = 0, at, f"tx-{evse}-{number}"
        if draw(st.booleans()) and draw(st.booleans()):
            register = draw(st.integers(0, 50))
        names_evse = draw(st.booleans())
        events: list[tuple[str, float, float | None, str]] = []
        if draw(st.sampled_from([True, True, True, False])):
            said = draw(st.sampled_from([register, register, None, None, 0]))
            events.append(("Started", begin, said, "Transaction.Begin"))
        for after, wh, reading_context in sorted(draw(_READINGS)):
            register += wh
            events.append(("Updated", begin + after, draw(_glitched(register)), reading_context))
        for after, raw in draw(
            st.lists(st.tuples(st.integers(-300, 50 * 60), st.sampled_from(_STATES[:2])), max_size=3)
        ):
            status = {"evseId": evse, "connectorId": 1, "timestamp": ts(begin + after)}
            status["connectorStatus"] = "Occupied" if raw == "Preparing" else raw
            messages.append(Message(station, max(0.0, begin + after), "StatusNotification", status, "ocpp2.0.1"))
        at = begin + 41 * 60
        if draw(st.sampled_from([True, True, True, False])):
            register += draw(st.integers(0, 500))
            events.append(("Ended", at, register if draw(st.booleans()) else None, "Transaction.End"))
        for index, (kind, when, said_wh, context) in enumerate(events):
            seq += draw(st.sampled_from([1, 1, 1, 2]))
            payload: dict[str, Any] = {
                "eventType": kind,
                "timestamp": ts(when),
                "seqNo": seq,
                "transactionInfo": {"transactionId": transaction},
            }
            if (charging := draw(_CHARGING_STATES)) is not None:
                payload["transactionInfo"]["chargingState"] = charging
            if index == 0 or names_evse:
                payload["evse"] = {"id": evse, "connectorId": 1}
            if said_wh is not None:
                sampled = [{"value": said_wh, "context": context}]
                payload["meterValue"] = [{"timestamp": ts(when), "sampledValue": sampled}]
            messages.append(Message(station, when, "TransactionEvent", payload, "ocpp2.0.1"))
        at += draw(_GAPS)
    return tuple(messages)


@st.composite
def histories(draw: st.DrawFn) -> History:
    """One or two stations of one or two evses each, as their messages would come in the best of worlds."""
    found: list[Message] = []
    for name in ("CP1", "CP2")[: draw(st.integers(1, 2))]:
        of_one = draw(st.sampled_from([sessions_16, sessions_2x]))
        for evse in range(1, draw(st.integers(1, 2)) + 1):
            offset = len(found)
            for message in draw(of_one(name, evse)):
                answers = None if message.answers is None else message.answers + offset
                found.append(msgspec.structs.replace(message, answers=answers))
    return tuple(found)


@st.composite
def delayed(draw: st.DrawFn, history: History, most: float) -> History:
    """The same facts, each taken by an edge up to so much later."""
    delays = draw(
        st.lists(
            st.sampled_from([0.0, 0.0, 1.0, most / 100, most / 2, most]), min_size=len(history), max_size=len(history)
        )
    )
    return tuple(
        msgspec.structs.replace(message, sent=message.sent + delay)
        for message, delay in zip(history, delays, strict=True)
    )


@st.composite
def orders(draw: st.DrawFn, history: History) -> list[int]:
    """The messages in any order, some of them more than once."""
    repeated = draw(st.lists(st.sampled_from(range(len(history))), max_size=8)) if history else []
    return draw(st.permutations([*range(len(history)), *repeated]))
