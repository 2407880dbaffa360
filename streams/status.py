"""The state of a station's connectors, from everything that speaks of it, in the log's order. Pure.

1.6 says it in StatusNotification; 2.x spreads it over StatusNotification, TransactionEvent.chargingState and
NotifyEvent (component Connector, variable AvailabilityState).
"""

import msgspec

from contracts.events import DELIVERING, ConnectorState
from streams.message import Message, Payload, brief_of, int_of, object_of, objects_of, plausible, text_of

_STATES_16: dict[str, ConnectorState] = {
    "Available": "available",
    "Preparing": "preparing",
    "Charging": "charging",
    "SuspendedEV": "suspended_ev",
    "SuspendedEVSE": "suspended_evse",
    "Finishing": "finishing",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
    "Occupied": "occupied",  # of drafts, and of 2.x payloads on 1.6 connections
}
_STATES_2X: dict[str, ConnectorState] = {
    "Available": "available",
    "Occupied": "occupied",
    "Reserved": "reserved",
    "Unavailable": "unavailable",
    "Faulted": "faulted",
}
CHARGING_STATES: dict[str, ConnectorState] = {
    "Charging": "charging",
    "SuspendedEV": "suspended_ev",
    "SuspendedEVSE": "suspended_evse",
    "EVConnected": "occupied",
    "Idle": "occupied",
}


class Connector(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one connector; (0, 0) is the station itself. Times in microseconds."""

    state: ConnectorState = "unknown"
    status_raw: str | None = None
    charging_state_raw: str | None = None
    source_action: str | None = None
    error_code: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None
    info: str | None = None
    since_us: int | None = None
    reported_us: int | None = None
    power_w: float | None = None
    session_id: str | None = None
    """The session it serves, as it was last published."""
    told_us: int | None = None
    """Up to when what transactions say is settled: an event of before says nothing of the state any more."""
    power_us: int | None = None
    """When `power_w` was read, or a later power that flows no more."""


Place = tuple[int, int]  # evse, connector

KEPT = 128  # connectors of a station; of any more nothing is remembered, nor published

# With these a connector says that no transaction charges there: what one said before is over.
_WITHOUT_CHARGING = frozenset({"Available", "Reserved", "Unavailable", "Faulted"})


def fold(
    connectors: dict[Place, Connector], message: Message, place: Place | None
) -> tuple[dict[Place, Connector], set[Place]]:
    """The connectors after a message, and which of them changed. `place`: where the message's transaction is."""
    call = message.call
    if call is None:
        return connectors, set()
    match message.action:
        case "StatusNotification":
            found = _status_notification(message, call, connectors)
        case "NotifyEvent":
            found = _notify_event(message, call, connectors)
        case "TransactionEvent" if place is not None:
            found = _transaction_event(message, call, connectors.get(place, Connector()), place)
        case _:
            return connectors, set()
    after, changed = dict(connectors), set()
    for place, connector in found.items():
        before = connectors.get(place)
        if before != connector and (place in after or len(after) < KEPT):
            after[place] = connector
            if _shown(before) != _shown(connector):
                changed.add(place)
    return after, changed


def _shown(connector: Connector | None) -> Connector | None:
    """What of it is published."""
    return None if connector is None else msgspec.structs.replace(connector, told_us=None, power_us=None)


def _settle(before: Connector | None, after: Connector) -> Connector:
    """Keep `since` where the state did not change, and the power where it still flows."""
    known = before or Connector()
    is_same = known.state == after.state and known.since_us is not None
    return msgspec.structs.replace(
        after,
        since_us=known.since_us if is_same else after.reported_us,
        power_w=known.power_w if after.state in DELIVERING else None,
        power_us=known.power_us,
        session_id=known.session_id,
    )


def _status_notification(message: Message, call: Payload, connectors: dict[Place, Connector]) -> dict[Place, Connector]:
    reported_us = plausible(call.get("timestamp"), message.ts_us) or message.ts_us
    if message.is_2x:
        evse, connector = int_of(call, "evseId"), int_of(call, "connectorId")
        raw = brief_of(call, "connectorStatus")
        states = _STATES_2X
    else:
        evse = int_of(call, "connectorId")
        connector = 1 if evse else 0
        raw = brief_of(call, "status")
        states = _STATES_16
    if evse is None or connector is None or evse < 0 or raw is None:
        return {}
    before = connectors.get((evse, connector))
    charging, told_us = _charging(before, raw, min(reported_us, message.ts_us)) if message.is_2x else (None, None)
    after = Connector(
        state=_combined(states.get(raw, "unknown"), charging),
        status_raw=raw,
        charging_state_raw=charging,
        told_us=told_us,
        source_action=message.action,
        error_code=None if message.is_2x else brief_of(call, "errorCode"),
        vendor_id=brief_of(call, "vendorId"),
        vendor_error_code=brief_of(call, "vendorErrorCode"),
        info=brief_of(call, "info"),
        reported_us=reported_us,
    )
    return {(evse, connector): _settle(before, after)}


def _charging(before: Connector | None, raw: str, at_us: int) -> tuple[str | None, int | None]:
    """What is left, after a status, of what a transaction said, and up to when that is settled."""
    known = before or Connector()
    if raw not in _WITHOUT_CHARGING:
        return known.charging_state_raw, known.told_us
    return None, at_us if known.told_us is None else max(at_us, known.told_us)


def _combined(base: ConnectorState, charging_state: str | None) -> ConnectorState:
    """2.x: within `occupied` the transaction knows better; a fault or a reservation is the connector's own word."""
    if base == "occupied" and charging_state is not None:
        return CHARGING_STATES.get(charging_state, base)
    return base


def _transaction_event(message: Message, call: Payload, before: Connector, place: Place) -> dict[Place, Connector]:
    ended = text_of(call, "eventType") == "Ended"
    charging = None if ended else brief_of(object_of(call, "transactionInfo"), "chargingState")
    if not ended and charging is None:
        return {}
    reported_us = plausible(call.get("timestamp"), message.ts_us) or message.ts_us
    told_us = min(reported_us, message.ts_us)  # a clock that was ahead must not silence what comes after it was set
    if before.told_us is not None and told_us < before.told_us:
        return {}  # sent late: something newer is known
    if charging == before.charging_state_raw:
        return {} if before.reported_us is None else {place: msgspec.structs.replace(before, told_us=told_us)}
    base: ConnectorState = _STATES_2X.get(before.status_raw or "", "occupied")
    if base == "available" and charging not in (None, "Idle"):
        base = "occupied"  # the status that says so is on its way
    after = msgspec.structs.replace(
        before,
        state=_combined(base, charging),
        charging_state_raw=charging,
        told_us=told_us,
        source_action=message.action,
        reported_us=reported_us,
    )
    return {place: _settle(before, after)}


def _notify_event(message: Message, call: Payload, connectors: dict[Place, Connector]) -> dict[Place, Connector]:
    found: dict[Place, Connector] = {}
    for event in objects_of(call, "eventData"):
        component, variable = object_of(event, "component"), object_of(event, "variable")
        if text_of(component, "name") != "Connector" or text_of(variable, "name") != "AvailabilityState":
            continue
        evse = object_of(component, "evse")
        evse_id, raw = int_of(evse, "id"), brief_of(event, "actualValue")
        if evse_id is None or raw is None:
            continue
        place = (evse_id, int_of(evse, "connectorId") or 1)
        before = found.get(place) or connectors.get(place) or Connector()
        reported_us = plausible(event.get("timestamp"), message.ts_us) or message.ts_us
        charging, told_us = _charging(before, raw, min(reported_us, message.ts_us))
        after = msgspec.structs.replace(
            before,
            state=_combined(_STATES_2X.get(raw, "unknown"), charging),
            status_raw=raw,
            charging_state_raw=charging,
            told_us=told_us,
            source_action=message.action,
            reported_us=reported_us,
        )
        found[place] = _settle(before, after)
    return found
