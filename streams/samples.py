"""Meter readings: the sampled values of a message, in SI units, grouped by evse, time and context.

A group becomes one record of `ocpp.samples`, and one row of its meter (energy and sessions).
"""

from collections.abc import Iterator
from math import isfinite

import msgspec

from contracts.events import Reading, Signed
from contracts.flags import CLOCK_SUSPECT, CONFLICT, PHASE_SUM
from contracts.quirks import number
from contracts.times import rfc3339_ms
from streams.channels import CHANNELS, SUMMED, Channel
from streams.measurands import LARGEST
from streams.message import Message, Payload, int_of, object_of, objects_of, plausible, text_of, word

DEFAULT_CONTEXT = "Sample.Periodic"
PHASES_READ = 8


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
    phases: int = 0
    """Through which phases something flowed: a bit for each (1, 2, 4), and PHASES_READ where any of them was read."""


def groups(message: Message) -> list[Group]:
    """The groups of a message in order of (evse, time, context); empty where it carries no readings."""
    if message.call is None or message.action not in _SOURCES:
        return []
    found: list[Group] = []
    for evse, connector, transaction_id, meter_values in _SOURCES[message.action](message):
        found.extend(_groups(message, evse, connector, transaction_id, meter_values))
    return sorted(found, key=lambda group: (-1 if group.evse is None else group.evse, group.at_us, group.context))


_Source = Iterator[tuple[int | None, int | None, str | None, list[Payload]]]


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
    meter_values: list[Payload],
) -> Iterator[Group]:
    gathered: dict[tuple[int, str], _Gathered] = {}
    for meter_value in meter_values:
        said_us = plausible(meter_value.get("timestamp"), message.ts_us)
        at_us = message.ts_us if said_us is None else said_us
        for sampled in objects_of(meter_value, "sampledValue"):
            said = sampled.get("context")
            context = (said if type(said) is str else word(said)) or DEFAULT_CONTEXT
            group = gathered.get((at_us, context))
            if group is None:
                group = gathered[at_us, context] = _Gathered()
            if said_us is None:
                group.flags.add(CLOCK_SUSPECT)
            group.add(sampled, at_us, context)
    for (at_us, context), group in gathered.items():
        if group.readings or group.signed:
            yield group.finish(evse, connector, at_us, context, transaction_id)


def halved(group: Group) -> tuple[Group, Group]:
    """A group of several readings as two, each with the values of its own readings."""
    middle = len(group.readings) // 2
    return _portion(group, group.readings[:middle]), _portion(group, group.readings[middle:])


def _portion(group: Group, readings: tuple[Reading, ...]) -> Group:
    names = {CHANNELS[each.measurand, each.phase, each.location, each.unit, None].flat for each in readings}
    values = {name: value for name, value in group.values.items() if name in names}
    return msgspec.structs.replace(group, readings=readings, values=values)


class _Gathered:
    """A group being gathered. Mutable, and never leaves this file."""

    __slots__ = ("flags", "is_mixed", "readings", "signed")

    def __init__(self) -> None:
        self.readings: dict[tuple[str, str | None, str], tuple[Channel, float]] = {}
        self.is_mixed = False  # not all of them were taken at the outlet
        self.signed: list[Signed] = []
        self.flags: set[str] = set()

    def add(self, sampled: Payload, at_us: int, context: str) -> None:
        get = sampled.get
        if get("format") == "SignedData":
            self.signed.append(_signed_16(sampled, at_us, context))
            return
        if "signedMeterValue" in sampled and (signed := _signed_2x(sampled, at_us, context)) is not None:
            self.signed.append(signed)
        value = _number(get("value"))
        if value is None:
            return
        unit, multiplier, of_measure = get("unit"), None, get("unitOfMeasure")
        if isinstance(of_measure, dict):
            unit, multiplier = unit or of_measure.get("unit"), of_measure.get("multiplier")
        words = get("measurand"), get("phase"), get("location"), unit, multiplier
        try:
            found = CHANNELS[words]
        except TypeError:  # one that is no word at all
            found = CHANNELS[tuple(map(word, words))]  # type: ignore[index]  # five of them
        value = round(value * found.factor + found.offset, 6)
        if not -LARGEST < value < LARGEST:
            return
        known = self.readings.get(found.identity)
        if known is not None:
            if known[1] != value:
                self.flags.add(CONFLICT)
            if known[1] >= value:
                return
        self.readings[found.identity] = found, value
        if found.rank:
            self.is_mixed = True

    def finish(
        self, evse: int | None, connector: int | None, at_us: int, context: str, transaction_id: str | None
    ) -> Group:
        readings, values = [], dict[str, float]()
        totals, phases, flowing = dict[str, float](), dict[str, dict[str, float]](), 0
        for found, value in self.readings.values():
            measurand, phase, location = found.identity
            readings.append(Reading(measurand, value, found.unit, phase, location))
        for found, value in sorted(self.readings.values(), key=_rank) if self.is_mixed else self.readings.values():
            if found.flat is not None:
                values.setdefault(found.flat, value)
            if found.total is not None and not found.phase:
                totals.setdefault(found.total, value)
            elif found.total is not None:
                phases.setdefault(found.total, {}).setdefault(found.phase, value)
                if found.bit:
                    flowing |= (PHASES_READ | found.bit) if value > 0 else PHASES_READ
        for base in phases.keys() & SUMMED - totals.keys():
            parts = [phases[base][phase] for phase in ("l1", "l2", "l3") if phase in phases[base]]
            if parts:
                totals[base] = round(sum(parts), 6)
                self.flags.add(PHASE_SUM)
        flags, signed = frozenset(self.flags), tuple(self.signed)
        return Group(
            evse, connector, at_us, context, transaction_id, tuple(readings), values, totals, flags, signed, flowing
        )


def _rank(reading: tuple[Channel, float]) -> int:
    return reading[0].rank


def _number(value: object) -> float | None:
    """What contracts.quirks.number reads, quickly where it is what stations write."""
    if type(value) is not str or "_" in value or not (value.isascii() and value.isprintable()):
        return number(value)
    try:
        read = float(value)
    except ValueError:
        return None
    return read if isfinite(read) else None


def _signed_16(sampled: Payload, at_us: int, context: str) -> Signed:
    """Signed data of 1.6, verbatim: it stands in `value`."""
    return Signed(at=rfc3339_ms(at_us), context=context, data=text_of(sampled, "value") or "", carrier="value")


def _signed_2x(sampled: Payload, at_us: int, context: str) -> Signed | None:
    """Signed data of 2.x, verbatim: it stands beside the number."""
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
