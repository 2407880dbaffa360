"""What messages say of alarm conditions: connector faults, monitored variables, security events, boots. Pure."""

from collections.abc import Callable

import msgspec

from contracts.events import AlarmCode, Severity
from streams.alarms.episodes import Episode, Signal
from streams.alarms.rules import (
    BOOT_WINDOW,
    BOOTS,
    CRITICAL_ERRORS,
    FAULT_SENSORS,
    FAULT_VARIABLES,
    SECURITY_EVENTS,
    SECURITY_INFORMATION,
    SEVERITIES,
)
from streams.message import Message, Payload, brief_of, int_of, object_of, objects_of, plausible, text_of

Open = dict[str, Episode]

_FAULT = "connector-fault"
_FALSE = frozenset({"false", "0"})
_NAME = 100  # characters of a component's or variable's name, and of its instance's; the schemas allow 50
_NO_VENDOR_ERROR = frozenset({"", "0", "0x0", "0x00", "0x0000", "null", "none", "noerror"})


def signals(message: Message, open_: Open) -> list[Signal]:
    """The signals of a message, in its order. `open_`: the station's open episodes, some of which it may end."""
    handler = _HANDLERS.get(message.action)
    return [] if handler is None or message.call is None else handler(message, message.call, open_)


def _status_notification(message: Message, call: Payload, open_: Open) -> list[Signal]:
    at_us = plausible(call.get("timestamp"), message.ts_us) or message.ts_us
    standing = _faults(open_)
    if message.is_2x:  # its StatusNotification carries no error: a fault without another word for it is `Faulted`
        place = int_of(call, "evseId"), int_of(call, "connectorId")
        return _status(standing, *place, at_us, brief_of(call, "connectorStatus"))
    evse = int_of(call, "connectorId")
    error, vendor = brief_of(call, "errorCode"), brief_of(call, "vendorErrorCode")
    if vendor is not None and vendor.strip().casefold() in _NO_VENDOR_ERROR:
        vendor = None
    code, info = AlarmCode(ocpp=error, vendor=vendor), brief_of(call, "info")
    return _status(standing, evse, 1 if evse else 0, at_us, brief_of(call, "status"), code, info)


def _status(
    standing: list[Signal],
    evse: int | None,
    connector: int | None,
    at_us: int,
    status: str | None,
    code: AlarmCode | None = None,
    info: str | None = None,
) -> list[Signal]:
    """A connector's status names the one fault that there is, or none: the others that a status told of are over."""
    if evse is None or connector is None or evse < 0 or status is None:
        return []
    error, vendor = (None, None) if code is None else (code.ocpp, code.vendor)
    told = [each for each in standing if _place(each) == (evse, connector) and each.component is None]
    faulted = status == "Faulted"
    if error in (None, "NoError") and not faulted:
        return [_end(each, at_us, f"status {status}") for each in told]
    cause = vendor if error in ("OtherError", "NoError") and vendor else error
    if cause in (None, "NoError"):
        cause = "Faulted"
    cause = (cause or "Faulted").strip()
    severity: Severity = "critical" if error in CRITICAL_ERRORS else "major" if faulted else "warning"
    fault = Signal(
        rule=_FAULT,
        active=True,
        at_us=at_us,
        evse=evse,
        connector=connector,
        cause=cause,
        severity=severity,
        code=code,
        detail=info,
    )
    return [*(_end(each, at_us, f"now {cause}") for each in told if each.cause != cause), fault]


def _notify_event(message: Message, call: Payload, open_: Open) -> list[Signal]:
    found: list[Signal] = []
    standing = _faults(open_)
    for event in objects_of(call, "eventData"):
        component, variable = object_of(event, "component"), object_of(event, "variable")
        name, what = text_of(component, "name"), text_of(variable, "name")
        at_us = plausible(event.get("timestamp"), message.ts_us) or message.ts_us
        if name is None or what is None:
            continue
        if what != "AvailabilityState":
            said = _monitored(standing, event, at_us)
        elif name == "Connector":  # what StatusNotification says elsewhere
            evse = object_of(component, "evse")
            place = int_of(evse, "id"), int_of(evse, "connectorId") or 1
            said = _status(standing, *place, at_us, brief_of(event, "actualValue"))
        else:
            said = []
        found += said
        standing += (each for each in said if each.active)
    return found


def _monitored(standing: list[Signal], event: Payload, at_us: int) -> list[Signal]:
    """What an event says of a monitored variable. Its identity is component, variable and monitor, with instances."""
    component, variable = object_of(event, "component"), object_of(event, "variable")
    name, what = text_of(component, "name"), text_of(variable, "name")
    is_fault = what in FAULT_VARIABLES or (what == "Active" and name in FAULT_SENSORS)
    place = object_of(component, "evse")
    evse = int_of(place, "id") or 0
    of, monitor = (_named(component), _named(variable)), int_of(event, "variableMonitoringId")
    fault = Signal(
        rule=_FAULT,
        active=True,
        at_us=at_us,
        evse=evse,
        connector=int_of(place, "connectorId") or (1 if evse else 0),
        cause=".".join(of) if monitor is None else f"{'.'.join(of)}#{monitor}",
        severity=SEVERITIES.get(int_of(event, "severity")),
        component=of[0],
        variable=of[1],
        code=AlarmCode(vendor=brief_of(event, "techCode")),
        detail=brief_of(event, "techInfo"),
    )
    over = "cleared" if event.get("cleared") is True else None
    # A monitored boolean that turns false says the same (2.0.1 part 2, N07).
    if over is None and (is_fault or what == "Active") and (text_of(event, "actualValue") or "").casefold() in _FALSE:
        over = f"{of[1]} false"
    if over is not None:  # where no monitor is named, it is over for each of them
        return [
            _end(each, at_us, over)
            for each in standing
            if _place(each) == _place(fault) and (each.component, each.variable) == of
            if monitor is None or each.cause == fault.cause
        ]
    trigger = text_of(event, "trigger")
    is_report = trigger == "Periodic" or (trigger == "Delta" and not is_fault)
    return [] if is_report else [fault]


def _faults(open_: Open) -> list[Signal]:
    return [episode.signal for episode in open_.values() if episode.rule == _FAULT]


def _place(signal: Signal) -> tuple[int, int]:
    return signal.evse or 0, signal.connector or 0


def _end(fault: Signal, at_us: int, reason: str) -> Signal:
    return msgspec.structs.replace(fault, active=False, at_us=at_us, reason=reason)


def _named(payload: Payload) -> str:
    """The name of a component or variable, with its instance where it has one: `Temperature[Inlet]`."""
    name, instance = text_of(payload, "name") or "", text_of(payload, "instance")
    return name[:_NAME] if instance is None else f"{name[:_NAME]}[{instance[:_NAME]}]"


def _security_event(message: Message, call: Payload, open_: Open) -> list[Signal]:  # noqa: ARG001
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


_Handler = Callable[[Message, Payload, Open], list[Signal]]
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
