"""Meter readings: the sampled values of a message, in SI units, grouped by evse, time and context.

A group becomes one record of `ocpp.samples`, and one row of its meter (energy and sessions).
"""

from collections.abc import Iterator

import msgspec

from contracts.events import Reading, Signed
from contracts.flags import CLOCK_SUSPECT, CONFLICT, PHASE_SUM
from contracts.quirks import number
from contracts.times import rfc3339_ms
from streams.measurands import DELIVERED, MEASURANDS, PHASES, UNITS, UNITS_FOLDED, Unit
from streams.message import Message, int_of, object_of, objects_of, plausible, text_of

DEFAULT_MEASURAND = "Energy.Active.Import.Register"
DEFAULT_CONTEXT = "Sample.Periodic"
DEFAULT_LOCATION = "Outlet"
_SUMMED = {"energy_import", "energy_export", "energy_import_interval", "energy_export_interval", "power_import"}


class Group(msgspec.Struct, frozen=True):
    """The readings of one message that share evse, time and context.

    `evse` is None where the message does not say (StopTransaction, later events of a 2.x transaction); `values` holds
    flat names, `totals` those among them that describe what the car got, phases summed where only phases were given.
    """

    evse: int | None
    connector: int | None
    at_us: int
    context: str
    transaction_id: str | None
    readings: tuple[Reading, ...]
    values: dict[str, float]
    totals: dict[str, float]
    flags: frozenset[str]
    signed: tuple[Signed, ...] = ()


def groups(message: Message) -> list[Group]:
    """The groups of a message in order of (evse, time, context); empty where it carries no readings."""
    if message.call is None or message.action not in _SOURCES:
        return []
    found: list[Group] = []
    for evse, connector, transaction_id, meter_values in _SOURCES[message.action](message):
        found.extend(_groups(message, evse, connector, transaction_id, meter_values))
    return sorted(found, key=lambda group: (-1 if group.evse is None else group.evse, group.at_us, group.context))


_Source = Iterator[tuple[int | None, int | None, str | None, list[dict[str, object]]]]


def _meter_values(message: Message) -> _Source:
    call = message.call or {}
    meter_values = objects_of(call, "meterValue")
    if message.is_2x:
        yield int_of(call, "evseId"), None, None, meter_values
    else:
        connector = int_of(call, "connectorId")
        yield connector, 1 if connector else 0, text_of(call, "transactionId"), meter_values


def _stop_transaction(message: Message) -> _Source:
    call = message.call or {}
    yield None, None, text_of(call, "transactionId"), objects_of(call, "transactionData")


def _transaction_event(message: Message) -> _Source:
    call = message.call or {}
    evse = object_of(call, "evse")
    transaction_id = text_of(object_of(call, "transactionInfo"), "transactionId")
    yield int_of(evse, "id"), int_of(evse, "connectorId"), transaction_id, objects_of(call, "meterValue")


_SOURCES = {
    "MeterValues": _meter_values,
    "StopTransaction": _stop_transaction,
    "TransactionEvent": _transaction_event,
}


def _groups(
    message: Message,
    evse: int | None,
    connector: int | None,
    transaction_id: str | None,
    meter_values: list[dict[str, object]],
) -> Iterator[Group]:
    gathered: dict[tuple[int, str], _Gathered] = {}
    for meter_value in meter_values:
        at_us = plausible(meter_value.get("timestamp"), message.ts_us)
        suspect = at_us is None
        if at_us is None:
            at_us = message.ts_us
        for sampled in objects_of(meter_value, "sampledValue"):
            context = text_of(sampled, "context") or DEFAULT_CONTEXT
            group = gathered.get((at_us, context))
            if group is None:
                group = gathered[at_us, context] = _Gathered()
            if suspect:
                group.flags.add(CLOCK_SUSPECT)
            group.add(sampled, at_us, context)
    for (at_us, context), group in gathered.items():
        if group.readings or group.signed:
            yield group.finish(evse, connector, at_us, context, transaction_id)


class _Gathered:
    """A group being gathered. Mutable, and never leaves this file."""

    __slots__ = ("flags", "readings", "signed")

    def __init__(self) -> None:
        self.readings: dict[tuple[str, str | None, str], Reading] = {}
        self.signed: list[Signed] = []
        self.flags: set[str] = set()

    def add(self, sampled: dict[str, object], at_us: int, context: str) -> None:
        signed = _signed(sampled, at_us, context)
        if signed is not None:
            self.signed.append(signed)
            if sampled.get("format") == "SignedData":
                return
        value = number(sampled.get("value"))
        if value is None:
            return
        measurand = text_of(sampled, "measurand") or DEFAULT_MEASURAND
        phase, location = text_of(sampled, "phase"), text_of(sampled, "location") or DEFAULT_LOCATION
        of_measure = object_of(sampled, "unitOfMeasure")
        spelled = text_of(sampled, "unit") or text_of(of_measure, "unit")
        known = MEASURANDS.get(measurand)
        unit = _unit(spelled or (known[1] if known else ""))
        scaled = value * 10.0 ** _multiplier(of_measure) * unit.factor + unit.offset
        reading = Reading(measurand, round(scaled, 6), unit.si, phase, location)
        identity = (measurand, phase, location)
        other = self.readings.get(identity)
        if other is not None and other.value != reading.value:
            self.flags.add(CONFLICT)
        if other is None or reading.value > other.value:
            self.readings[identity] = reading

    def finish(
        self, evse: int | None, connector: int | None, at_us: int, context: str, transaction_id: str | None
    ) -> Group:
        values: dict[str, float] = {}
        delivered: dict[str, dict[str, float]] = {}  # base name -> phase or "" -> value
        for location in (*DELIVERED, None):
            for reading in self.readings.values():
                known = MEASURANDS.get(reading.measurand)
                if known is None or reading.unit != _unit(known[1]).si:
                    continue
                base, _, suffix = known
                phase = PHASES.get(reading.phase, "?") if reading.phase else ""
                if location is None:
                    if reading.location not in DELIVERED:
                        base = f"{(reading.location or '').lower()}_{base}"
                        values.setdefault(_flat(base, phase, suffix), reading.value)
                elif reading.location == location:
                    values.setdefault(_flat(base, phase, suffix), reading.value)
                    delivered.setdefault(base, {}).setdefault(phase, reading.value)
        return Group(
            evse,
            connector,
            at_us,
            context,
            transaction_id,
            tuple(self.readings.values()),
            values,
            self._totals(delivered),
            frozenset(self.flags),
            tuple(self.signed),
        )

    def _totals(self, delivered: dict[str, dict[str, float]]) -> dict[str, float]:
        totals: dict[str, float] = {}
        for base, phases in delivered.items():
            if "" in phases:
                totals[base] = phases[""]
            elif base in _SUMMED:
                parts = [phases[phase] for phase in ("l1", "l2", "l3") if phase in phases]
                if parts:
                    totals[base] = round(sum(parts), 6)
                    self.flags.add(PHASE_SUM)
        return totals


def _flat(base: str, phase: str, suffix: str) -> str:
    return "_".join(part for part in (base, phase, suffix) if part)


def _unit(spelled: str) -> Unit:
    return UNITS.get(spelled) or UNITS_FOLDED.get(spelled.strip().casefold()) or Unit(spelled)


def _multiplier(of_measure: dict[str, object]) -> int:
    multiplier = int_of(of_measure, "multiplier") or 0
    return multiplier if -24 <= multiplier <= 24 else 0  # beyond SI's prefixes it is noise


def _signed(sampled: dict[str, object], at_us: int, context: str) -> Signed | None:
    """Signed data, verbatim: 1.6 carries it in `value` (format SignedData), 2.x in `signedMeterValue`."""
    if sampled.get("format") == "SignedData":
        return Signed(at=rfc3339_ms(at_us), context=context, data=text_of(sampled, "value") or "", carrier="value")
    signed = object_of(sampled, "signedMeterValue")
    data = text_of(signed, "signedMeterData")
    if data is None:
        return None
    return Signed(
        at=rfc3339_ms(at_us),
        context=context,
        data=data,
        encoding=text_of(signed, "encodingMethod"),
        method=text_of(signed, "signingMethod"),
        public_key=text_of(signed, "publicKey"),
        carrier="signedMeterValue",
    )
