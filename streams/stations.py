"""Folding one message of a station: connections, status, samples, transactions, alarms; in this order."""

import msgspec

from contracts.events import DELIVERING, Boot, ConnectorStatus, Sample, StationStatus
from contracts.times import rfc3339_ms
from streams import links, owners, status, transactions
from streams.alarms.episodes import Signal
from streams.alarms.rules import BOOT_WINDOW
from streams.alarms.signals import boots, signals
from streams.message import Message, brief_of, int_of, object_of
from streams.samples import Group, groups, halved
from streams.status import Connector, Place
from streams.turn import Turn

STATION: Place = (0, 0)
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
    _samples(turn, found)
    connectors = _powered(turn, connectors, found)
    if connectors is not turn.head.connectors:
        turn.set_head(connectors=connectors)
    transactions.fold(turn, message, found)
    turn.signal([_in_session(turn, each) for each in signals(message, turn.head.alarms.open)])
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
        if _serves(turn, place) != turn.head.connectors[place].session_id:
            publish_connector(turn, place)


def _serves(turn: Turn, place: Place) -> str | None:
    """The open session of a connector: of several the latest."""
    held = (turn.states.session(name) for name, each in turn.pace.sessions.items() if each.evse == place[0])
    # Where an event does not say which connector it is, it is the first.
    here = (each.facts for each in held if each is not None and (each.facts.connector or 1) == place[1])
    return max(((facts.start_us or 0, facts.session_id) for facts in here), default=(0, None))[1]


def _in_session(turn: Turn, signal: Signal) -> Signal:
    """What is raised of a connector, with the session that it serves."""
    if not signal.active or not signal.evse:
        return signal
    return msgspec.structs.replace(signal, session_id=_serves(turn, (signal.evse, signal.connector or 1)))


def publish_connector(turn: Turn, place: Place) -> None:
    """Publish a connector, with the session it serves now."""
    connector, session_id = turn.head.connectors.get(place, Connector()), _serves(turn, place)
    if session_id != connector.session_id:
        power_w = None if session_id is None else connector.power_w
        connector = msgspec.structs.replace(connector, session_id=session_id, power_w=power_w)
        turn.set_head(connectors={**turn.head.connectors, place: connector})
    turn.outbox.status(
        ConnectorStatus(
            v=1,
            tenant=turn.link.tenant,
            station=turn.station,
            site=turn.link.site,
            log=turn.outbox.log,
            revision=turn.revision,
            source=turn.source,
            evse=place[0],
            connector=place[1],
            state=connector.state,
            status_raw=connector.status_raw,
            charging_state_raw=connector.charging_state_raw,
            source_action=connector.source_action,
            error_code=connector.error_code,
            vendor_id=connector.vendor_id,
            vendor_error_code=connector.vendor_error_code,
            info=connector.info,
            since=_text(connector.since_us),
            reported_at=_text(connector.reported_us),
            session_id=connector.session_id,
            power_w=connector.power_w,
            stale=not turn.link.online,
        )
    )


def publish_station(turn: Turn) -> None:
    link, own = turn.link, turn.head.connectors.get(STATION)
    last = link.last
    turn.outbox.status(
        StationStatus(
            v=1,
            tenant=link.tenant,
            station=turn.station,
            site=link.site,
            log=turn.outbox.log,
            revision=turn.revision,
            source=turn.source,
            online=link.online,
            state=own.state if own else None,
            status_raw=own.status_raw if own else None,
            error_code=own.error_code if own else None,
            node=link.node,
            conn=last.conn if last else None,
            proto=last.proto if last else None,
            security_profile=last.security_profile if last else None,
            connected_at=_text(last.connected_us) if last else None,
            disconnected_at=_text(link.disconnected_us),
            close_code=link.close_code,
            last_frame_at=_text(link.last_frame_us),
            registration=turn.head.registration,
            heartbeat_s=turn.head.heartbeat_s,
            boot=turn.head.boot,
        )
    )


def _text(us: int | None) -> str | None:
    return None if us is None else rfc3339_ms(us)


def _samples(turn: Turn, found: list[Group]) -> None:
    part = 0
    for group in found:
        if group.readings:
            part = _sample(turn, group, _evse(turn, group), part)


def _sample(turn: Turn, group: Group, evse: int, part: int) -> int:
    """Publish a group as this part, or as several where it is too large for a record; gives the next part."""
    sample = Sample(
        v=1,
        tenant=turn.link.tenant,
        station=turn.station,
        site=turn.link.site,
        log=turn.outbox.log,
        revision=turn.revision,
        source=turn.source,
        part=part,
        evse=evse,
        connector=group.connector,
        at=rfc3339_ms(group.at_us),
        context=group.context,
        transaction_id=group.transaction_id,
        readings=group.readings,
        values=group.values,
        flags=tuple(sorted(group.flags)),
    )
    if turn.outbox.sample(sample):
        return part + 1
    if len(group.readings) > 1:
        for half in halved(group):
            part = _sample(turn, half, evse, part)
    else:
        turn.outbox.dead_letter("too-large", f"a reading of evse {evse} is larger than a sample may be")
    return part


def _evse(turn: Turn, group: Group) -> int:
    """The evse of a group; where its message does not say, that of its transaction, if it is known; else 0."""
    if group.evse is not None or group.transaction_id is None:
        return group.evse or 0
    return owners.evse_of(turn, group.transaction_id, group.at_us) or 0


def _powered(turn: Turn, connectors: dict[Place, Connector], found: list[Group]) -> dict[Place, Connector]:
    """The connectors with their latest power; it is told with the next status, and by `samples`."""
    for group in found:
        power = group.totals.get("power_import")
        place = (_evse(turn, group), group.connector or 1)
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
