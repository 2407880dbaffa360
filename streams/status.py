"""The state of a station's connectors, from everything that speaks of it, in the log's order. Pure.

1.6 says it in StatusNotification; 2.x spreads it over StatusNotification, TransactionEvent.chargingState and
NotifyEvent (component Connector, variable AvailabilityState).
"""

import msgspec

from contracts.events import ConnectorState
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
_CHARGING_STATES: dict[str, ConnectorState] = {
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


Place = tuple[int, int]  # evse, connector

KEPT = 128  # connectors of a station; of any more nothing is remembered, nor published

# In these states a power that was read still holds; in the others nothing flows.
DELIVERING = frozenset[ConnectorState]({"occupied", "charging", "suspended_ev", "suspended_evse", "unknown"})


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
        if connectors.get(place) != connector and (place in after or len(after) < KEPT):
            after[place] = connector
            changed.add(place)
    return (after if changed else connectors), changed


def _settle(before: Connector | None, after: Connector) -> Connector:
    """Keep `since` where the state did not change, and the power where it still flows."""
    since_us, power_w, session_id = after.reported_us, None, None
    if before is not None:
        power_w, session_id = before.power_w, before.session_id
        if before.state == after.state and before.since_us is not None:
            since_us = before.since_us
    if after.state not in DELIVERING:
        power_w = None
    return msgspec.structs.replace(after, since_us=since_us, power_w=power_w, session_id=session_id)


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
    charging = before.charging_state_raw if before and message.is_2x else None
    after = Connector(
        state=_combined(states.get(raw, "unknown"), charging),
        status_raw=raw,
        charging_state_raw=charging,
        source_action=message.action,
        error_code=None if message.is_2x else brief_of(call, "errorCode"),
        vendor_id=brief_of(call, "vendorId"),
        vendor_error_code=brief_of(call, "vendorErrorCode"),
        info=brief_of(call, "info"),
        reported_us=reported_us,
    )
    return {(evse, connector): _settle(before, after)}


def _combined(base: ConnectorState, charging_state: str | None) -> ConnectorState:
    """2.x: within `occupied` the transaction knows better; a fault or a reservation is the connector's own word."""
    if base == "occupied" and charging_state is not None:
        return _CHARGING_STATES.get(charging_state, base)
    return base


def _transaction_event(message: Message, call: Payload, before: Connector, place: Place) -> dict[Place, Connector]:
    ended = text_of(call, "eventType") == "Ended"
    charging = None if ended else brief_of(object_of(call, "transactionInfo"), "chargingState")
    if (not ended and charging is None) or charging == before.charging_state_raw:
        return {}  # it says nothing of it, or nothing new
    base: ConnectorState = _STATES_2X.get(before.status_raw or "", "occupied")
    if base == "available" and charging not in (None, "Idle"):
        base = "occupied"  # the status that says so is on its way
    after = msgspec.structs.replace(
        before,
        state=_combined(base, charging),
        charging_state_raw=charging,
        source_action=message.action,
        reported_us=plausible(call.get("timestamp"), message.ts_us) or message.ts_us,
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
        after = msgspec.structs.replace(
            before,
            state=_combined(_STATES_2X.get(raw, "unknown"), before.charging_state_raw),
            status_raw=raw,
            source_action=message.action,
            reported_us=plausible(event.get("timestamp"), message.ts_us) or message.ts_us,
        )
        found[place] = _settle(before, after)
    return found
