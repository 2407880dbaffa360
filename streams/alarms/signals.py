"""What messages say of alarm conditions: connector faults, monitored variables, security events, boots. Pure."""

from collections.abc import Callable

from contracts.events import AlarmCode
from streams.alarms.episodes import Episode, Signal
from streams.alarms.rules import BOOT_WINDOW, BOOTS, CRITICAL_ERRORS, SECURITY_EVENTS, SECURITY_INFORMATION
from streams.message import Message, brief_of, int_of, object_of, objects_of, plausible

_NO_VENDOR_ERROR = frozenset({"", "0", "0x0", "0x00", "0x0000", "null", "none", "noerror"})


def signals(message: Message, open_: dict[str, Episode]) -> list[Signal]:
    """The signals of a message, in its order. `open_`: the station's open episodes, some of which it may end."""
    handler = _HANDLERS.get(message.action)
    return [] if handler is None or message.call is None else handler(message, message.call, open_)


def _status_notification(message: Message, call: dict[str, object], open_: dict[str, Episode]) -> list[Signal]:
    at_us = plausible(call.get("timestamp"), message.ts_us) or message.ts_us
    if message.is_2x:  # its StatusNotification carries no error: a fault without another word for it is `Faulted`
        evse, connector = int_of(call, "evseId"), int_of(call, "connectorId")
        status, error = brief_of(call, "connectorStatus"), None
    else:
        evse = int_of(call, "connectorId")
        connector = 1 if evse else 0
        status, error = brief_of(call, "status"), brief_of(call, "errorCode")
    if evse is None or connector is None:
        return []
    vendor = brief_of(call, "vendorErrorCode")
    if vendor is not None and vendor.strip().casefold() in _NO_VENDOR_ERROR:
        vendor = None
    faulted = status == "Faulted"
    if error in (None, "NoError") and not faulted:
        return _over(open_, evse, connector, at_us, f"status {status}", monitored=False)
    cause = vendor if error in ("OtherError", "NoError") and vendor else error
    if cause in (None, "NoError"):
        cause = "Faulted"
    severity = "critical" if error in CRITICAL_ERRORS else "major" if faulted else "warning"
    return [
        Signal(
            rule="connector-fault",
            active=True,
            at_us=at_us,
            evse=evse,
            connector=connector,
            cause=(cause or "Faulted").strip(),
            severity=severity,  # type: ignore[arg-type] # one of three literals
            code=AlarmCode(ocpp=error, vendor=vendor),
            detail=brief_of(call, "info"),
        )
    ]


def _over(
    open_: dict[str, Episode], evse: int, connector: int, at_us: int, reason: str, *, monitored: bool
) -> list[Signal]:
    """End the open faults of a connector that a status raised (or, `monitored`, that a monitor raised)."""
    return [
        Signal(
            rule=episode.rule,
            active=False,
            at_us=at_us,
            evse=evse,
            connector=connector,
            cause=episode.signal.cause,
            reason=reason,
        )
        for episode in open_.values()
        if episode.rule == "connector-fault"
        and (episode.signal.evse or 0, episode.signal.connector or 0) == (evse, connector)
        and (episode.signal.component is not None) == monitored
    ]


def _notify_event(message: Message, call: dict[str, object], open_: dict[str, Episode]) -> list[Signal]:  # noqa: ARG001
    found = []
    for event in objects_of(call, "eventData"):
        component, variable = object_of(event, "component"), object_of(event, "variable")
        name, what = brief_of(component, "name"), brief_of(variable, "name")
        if name is None or what is None or what == "AvailabilityState":
            continue
        if brief_of(event, "trigger") == "Periodic":
            continue  # a report, not an alert
        evse = object_of(component, "evse")
        evse_id = int_of(evse, "id") or 0
        cleared = event.get("cleared") is True
        value = brief_of(event, "actualValue")
        # A monitored boolean that turns false says the same as `cleared` (2.0.1 part 2, N07: a Delta on Problem).
        over = cleared or (what in ("Problem", "Active", "Tripped") and (value or "").casefold() == "false")
        found.append(
            Signal(
                rule="connector-fault",
                active=not over,
                at_us=plausible(event.get("timestamp"), message.ts_us) or message.ts_us,
                evse=evse_id,
                connector=int_of(evse, "connectorId") or (1 if evse_id else 0),
                cause=f"{name}.{what}",
                severity="critical" if int_of(event, "severity") in (0, 1, 2) else "major",
                component=name,
                variable=what,
                code=AlarmCode(vendor=brief_of(event, "techCode")),
                detail=brief_of(event, "techInfo"),
                reason="cleared" if cleared else f"{what} false",
            )
        )
    return found


def _security_event(message: Message, call: dict[str, object], open_: dict[str, Episode]) -> list[Signal]:  # noqa: ARG001
    kind = brief_of(call, "type")
    if kind is None or kind in SECURITY_INFORMATION:
        return []
    return [
        Signal(
            rule="security-event",
            active=True,
            at_us=plausible(call.get("timestamp"), message.ts_us) or message.ts_us,
            cause=kind,
            severity=SECURITY_EVENTS.get(kind, "info"),
            detail=brief_of(call, "techInfo"),
        )
    ]


_Handler = Callable[[Message, dict[str, object], dict[str, Episode]], list[Signal]]
_HANDLERS: dict[str, _Handler] = {
    "StatusNotification": _status_notification,
    "NotifyEvent": _notify_event,
    "SecurityEventNotification": _security_event,
}


def boots(times: tuple[int, ...], message: Message, now_us: int) -> tuple[tuple[int, ...], list[Signal]]:
    """The recent boots (times in microseconds) with this message's, and the signal of a loop, if they make one.

    Triggered boots do not count, nor do retries while the registration is not accepted (they carry no new start).
    """
    if message.action != "BootNotification" or message.call is None:
        return times, []
    if brief_of(message.call, "reason") == "Triggered":
        return times, []
    recent = (*(at for at in times if at > now_us - BOOT_WINDOW), now_us)[-2 * BOOTS :]
    if len(recent) < BOOTS:
        return recent, []
    return recent, [
        Signal(rule="boot-loop", active=True, at_us=now_us, value=float(len(recent)), threshold=float(BOOTS))
    ]
