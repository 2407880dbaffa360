"""Folding one message of a station: connections, status, samples, transactions, alarms; in this order."""

import msgspec

from contracts.events import DELIVERING, Boot
from contracts.times import rfc3339_ms
from streams import courses, links, owners, status, transactions
from streams.alarms.episodes import Signal
from streams.alarms.rules import BOOT_WINDOW
from streams.alarms.signals import boots, signals
from streams.message import Message, brief_of, int_of, object_of
from streams.samples import Group, groups
from streams.station_records import STATION, evse_of, publish_connector, publish_samples, publish_station, serves
from streams.status import Connector, Place
from streams.turn import Turn

# Boots that are no sign of trouble: those we ask for, and the retries of a station that is not accepted yet.
_RESTARTS = frozenset({"Reset", "UpdateFirmware", "SignedUpdateFirmware"})
_UNREGISTERED = frozenset({"Pending", "Rejected"})


def fold(turn: Turn, message: Message, change: links.Change) -> None:
    """Take a message into account whose link is in the turn already. `change`: what it did to the connection."""
    envelope = message.envelope
    moved(turn, change)
    if envelope.kind == "rejected" and envelope.reason == "oversized-frame":
        turn.signal([_oversized(message)])
    if message.call is not None:
        _call(turn, message)
    elif envelope.dir == "out":
        _said(turn, message)
    elif envelope.kind == "disconnected" and change != "offline":
        transactions.settle(turn)
    tell_sessions(turn)


def moved(turn: Turn, change: links.Change) -> None:
    """Its connections changed: publish what that means. The alarm of an absence follows after its grace."""
    if change == "none":
        return
    if change == "online":
        turn.signal([Signal(rule="offline", active=False, at_us=turn.now_us, reason="reconnected")])
    elif change == "offline":
        transactions.settle(turn)
    publish_station(turn)
    if change != "moved":
        for place in sorted(turn.head.connectors):
            if place != STATION:
                publish_connector(turn, place)


def _call(turn: Turn, message: Message) -> None:
    connectors, changed = status.fold(turn.head.connectors, message, owners.place_of(turn, message))
    found = groups(message)
    publish_samples(turn, found)
    connectors = _powered(turn, connectors, found)
    if connectors is not turn.head.connectors:
        turn.set_head(connectors=connectors)
    transactions.fold(turn, message, found)
    told = signals(message, turn.head.alarms.open)
    courses.follow(turn, message, changed - {STATION}, told)
    turn.signal([_in_session(turn, each) for each in told])
    if message.action == "BootNotification":
        _booted(turn, message)
    for place in sorted(changed - {STATION}):
        publish_connector(turn, place)
    if STATION in changed or message.action == "BootNotification":
        publish_station(turn)


def _said(turn: Turn, message: Message) -> None:
    """What the edge sent: answers, and commands."""
    if message.action == "StartTransaction":
        transactions.fold(turn, message, [])
    elif message.action == "TransactionEvent":
        transactions.answered(turn, message)
    elif message.action == "BootNotification" and message.result is not None:
        registration, heartbeat_s = brief_of(message.result, "status"), int_of(message.result, "interval")
        turn.set_head(registration=registration, heartbeat_s=heartbeat_s)
        publish_station(turn)
    elif message.action in _RESTARTS and message.envelope.type == "CALL":
        turn.set_head(told_to_boot_us=turn.now_us)


def _booted(turn: Turn, message: Message) -> None:
    head, told_us = turn.head, turn.head.told_to_boot_us
    is_told = told_us is not None and turn.now_us - told_us <= BOOT_WINDOW
    if not is_told and head.registration not in _UNREGISTERED:
        recent, loop = boots(head.boots, message, turn.now_us)
        turn.set_head(boots=recent)
        turn.signal(loop)
    turn.set_head(boot=_boot(message, turn.now_us), told_to_boot_us=None)


def tell_sessions(turn: Turn) -> None:
    """Where sessions came or went: publish the connectors that serve another one now."""
    for place in sorted(turn.head.connectors):
        if place[0] not in turn.rejoined or place == STATION:
            continue
        if serves(turn, place) != turn.head.connectors[place].session_id:
            publish_connector(turn, place)


def _in_session(turn: Turn, signal: Signal) -> Signal:
    """What is raised of a connector, with the session that it serves."""
    if not signal.active or not signal.evse:
        return signal
    return msgspec.structs.replace(signal, session_id=serves(turn, (signal.evse, signal.connector or 1)))


def _powered(turn: Turn, connectors: dict[Place, Connector], found: list[Group]) -> dict[Place, Connector]:
    """The connectors with their latest power; it is told with the next status, and by `samples`."""
    for group in found:
        power = group.totals.get("power_import")
        place = (evse_of(turn, group), group.connector or 1)
        known = connectors.get(place)
        if power is None or known is None or known.state not in DELIVERING:
            continue
        power_us = min(group.at_us, turn.now_us)  # a clock that was ahead must not silence what comes after it was set
        if known.power_us is None or known.power_us <= power_us:
            connectors = {**connectors, place: msgspec.structs.replace(known, power_w=power, power_us=power_us)}
    return connectors


def _boot(message: Message, now_us: int) -> Boot:
    call = message.call or {}
    if message.is_2x:
        station = object_of(call, "chargingStation")
        modem = object_of(station, "modem")
        return Boot(
            rfc3339_ms(now_us),
            brief_of(call, "reason"),
            brief_of(station, "vendorName"),
            brief_of(station, "model"),
            brief_of(station, "serialNumber"),
            brief_of(station, "firmwareVersion"),
            brief_of(modem, "iccid"),
            brief_of(modem, "imsi"),
        )
    return Boot(
        rfc3339_ms(now_us),
        None,
        brief_of(call, "chargePointVendor"),
        brief_of(call, "chargePointModel"),
        brief_of(call, "chargePointSerialNumber") or brief_of(call, "chargeBoxSerialNumber"),
        brief_of(call, "firmwareVersion"),
        brief_of(call, "iccid"),
        brief_of(call, "imsi"),
    )


def _oversized(message: Message) -> Signal:
    envelope = message.envelope
    size = envelope.size
    return Signal(
        rule="oversized-frame",
        active=True,
        at_us=message.ts_us,
        value=None if size is None else float(size),
        unit="byte",
        detail=envelope.action,
    )
