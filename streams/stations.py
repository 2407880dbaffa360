"""Folding one message of a station: connections, status, samples, transactions, alarms; in this order."""

import msgspec

from contracts.events import Boot, ConnectorStatus, Sample, StationStatus
from contracts.times import rfc3339_ms
from streams import links, status, transactions
from streams.alarms.episodes import Signal
from streams.alarms.signals import boots, signals
from streams.message import Message, int_of, object_of, text_of
from streams.samples import Group, groups
from streams.status import Connector, Place
from streams.turn import Turn

STATION: Place = (0, 0)


def fold(turn: Turn, message: Message, change: links.Change, connected_us: int | None) -> None:
    """Take a message into account whose link is in the turn already. `change`: what it did to the connection."""
    if change == "online":
        online(turn)
    elif change == "offline":
        offline(turn)
    envelope = message.envelope
    if envelope.kind == "rejected" and envelope.reason == "oversized-frame":
        turn.signal([_oversized(message)])
    if message.call is not None:
        _call(turn, message, connected_us)
    elif message.result is not None:
        _result(turn, message)
    elif envelope.kind == "disconnected":
        transactions.settle(turn)


def _call(turn: Turn, message: Message, connected_us: int | None) -> None:
    connectors, changed = status.fold(turn.head.connectors, message)
    if changed:
        turn.set_head(connectors=connectors)
    found = groups(message)
    for part, group in enumerate(found):
        _sample(turn, part, group)
    power = _powers(turn, found)
    if power:
        turn.set_head(connectors={**turn.head.connectors, **power})
    transactions.fold(turn, message, found, connected_us)
    told = signals(message, turn.head.alarms)
    recent, loop = boots(turn.head.boots, message, turn.now_us)
    if recent != turn.head.boots:
        turn.set_head(boots=recent)
    turn.signal(told + loop)
    if message.action == "BootNotification":
        turn.set_head(boot=_boot(message, turn.now_us))
    for place in sorted(changed - {STATION}):
        publish_connector(turn, place)
    if STATION in changed or message.action == "BootNotification":
        publish_station(turn)


def _result(turn: Turn, message: Message) -> None:
    result = message.result or {}
    if message.action == "StartTransaction":
        transactions.fold(turn, message, [], None)
    elif message.action == "BootNotification":
        turn.set_head(registration=text_of(result, "status"), heartbeat_s=int_of(result, "interval"))
        publish_station(turn)


def online(turn: Turn) -> None:
    """The station is there: end its offline alarm, and say so."""
    turn.signal([Signal(rule="offline", active=False, at_us=turn.now_us, reason="reconnected")])
    publish_all(turn)


def offline(turn: Turn) -> None:
    """The station is gone. The alarm follows after its grace."""
    transactions.settle(turn)
    publish_all(turn)


def publish_all(turn: Turn) -> None:
    publish_station(turn)
    for place in sorted(turn.head.connectors):
        if place != STATION:
            publish_connector(turn, place)


def publish_connector(turn: Turn, place: Place) -> None:
    connector = turn.head.connectors.get(place, Connector())
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
            power_w=connector.power_w,
            stale=not turn.link.online,
        )
    )


def publish_station(turn: Turn) -> None:
    link, own = turn.link, turn.head.connectors.get(STATION)
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
            conn=link.current or None,
            proto=link.proto,
            security_profile=link.security_profile,
            connected_at=_text(link.connected_us),
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


def _sample(turn: Turn, part: int, group: Group) -> None:
    if not group.readings:
        return
    turn.outbox.sample(
        Sample(
            v=1,
            tenant=turn.link.tenant,
            station=turn.station,
            site=turn.link.site,
            log=turn.outbox.log,
            revision=turn.revision,
            source=turn.source,
            part=part,
            evse=_evse(turn, group),
            connector=group.connector,
            at=rfc3339_ms(group.at_us),
            context=group.context,
            transaction_id=group.transaction_id,
            readings=group.readings,
            values=group.values,
            flags=tuple(sorted(group.flags)),
        )
    )


def _evse(turn: Turn, group: Group) -> int:
    """The evse of a group; where its message does not say, that of its transaction, if it is known; else 0."""
    if group.evse is not None:
        return group.evse
    transaction = group.transaction_id or ""
    tx = turn.head.book.transactions.get(transaction)
    if tx is not None and tx.evse is not None:
        return tx.evse
    return next((start.connector for start in turn.head.book.starts if start.transaction == transaction), 0)


def _powers(turn: Turn, found: list[Group]) -> dict[Place, Connector]:
    """The latest power of connectors; it is told with the next status, and by `samples`."""
    powers: dict[Place, Connector] = {}
    for group in found:
        power = group.totals.get("power_import")
        place = (_evse(turn, group), group.connector or 1)
        known = turn.head.connectors.get(place)
        if power is not None and known is not None and known.power_w != power:
            powers[place] = msgspec.structs.replace(known, power_w=power)
    return powers


def _boot(message: Message, now_us: int) -> Boot:
    call = message.call or {}
    if message.is_2x:
        station = object_of(call, "chargingStation")
        modem = object_of(station, "modem")
        return Boot(
            rfc3339_ms(now_us),
            text_of(call, "reason"),
            text_of(station, "vendorName"),
            text_of(station, "model"),
            text_of(station, "serialNumber"),
            text_of(station, "firmwareVersion"),
            text_of(modem, "iccid"),
            text_of(modem, "imsi"),
        )
    return Boot(
        rfc3339_ms(now_us),
        None,
        text_of(call, "chargePointVendor"),
        text_of(call, "chargePointModel"),
        text_of(call, "chargePointSerialNumber") or text_of(call, "chargeBoxSerialNumber"),
        text_of(call, "firmwareVersion"),
        text_of(call, "iccid"),
        text_of(call, "imsi"),
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
