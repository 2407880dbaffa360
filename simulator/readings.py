"""What a meter says at a moment, and how stations of each version write it down. Pure."""

from typing import Literal

import msgspec

from simulator.battery import NOMINAL_V
from simulator.meter import kwh_text

Measurands = Literal["energy", "basic", "full"]
ValueStyle = Literal["string", "number", "padded"]
JsonObject = dict[str, object]

PERIODIC, ALIGNED, BEGIN, END, OTHER = (
    "Sample.Periodic",
    "Sample.Clock",
    "Transaction.Begin",
    "Transaction.End",
    "Other",
)


class Snapshot(msgspec.Struct, frozen=True):
    """The electrical state of one evse. `phases` 0 for DC; `energy_wh` None where a batch leaves the register out."""

    at_us: int
    context: str
    energy_wh: int | None
    power_w: float = 0.0
    phases: int = 3
    offered_a: float = 32.0
    soc_pct: float | None = None

    def volts(self, phase: int) -> float:
        """A mains voltage that moves a little, the same for the same moment."""
        return NOMINAL_V + ((self.at_us // 1_000_000 * 7919 + phase * 131) % 41 - 20) / 10

    def amperes(self, phase: int) -> float:
        return self.power_w / self.phases / self.volts(phase) if phase <= self.phases else 0.0


class Style(msgspec.Struct, frozen=True):
    """How a station writes readings: which ones, the unit of its registers, and how it spells a value (1.6)."""

    measurands: Measurands = "full"
    kwh: bool = False
    value: ValueStyle = "string"


class _Value(msgspec.Struct, frozen=True):
    measurand: str
    text: str
    unit: str
    phase: str | None = None


def _values(snapshot: Snapshot, style: Style) -> list[_Value]:
    values = []
    if snapshot.energy_wh is not None:
        text = kwh_text(snapshot.energy_wh) if style.kwh else str(snapshot.energy_wh)
        values.append(_Value("Energy.Active.Import.Register", text, "kWh" if style.kwh else "Wh"))
    if style.measurands != "energy" or not values:
        values.append(_Value("Power.Active.Import", f"{snapshot.power_w:.1f}", "W"))
    if style.measurands == "full":
        values += _full(snapshot)
    return values


def _full(snapshot: Snapshot) -> list[_Value]:
    values = []
    if snapshot.phases:
        values += [_Value("Current.Import", f"{snapshot.amperes(one):.2f}", "A", f"L{one}") for one in (1, 2, 3)]
        values += [_Value("Voltage", f"{snapshot.volts(one):.1f}", "V", f"L{one}-N") for one in (1, 2, 3)]
        values.append(_Value("Current.Offered", f"{snapshot.offered_a:.1f}", "A"))
    if snapshot.soc_pct is not None:
        values.append(_Value("SoC", f"{snapshot.soc_pct:.0f}", "Percent"))
    return values


def sampled_values_16(snapshot: Snapshot, style: Style) -> list[JsonObject]:
    """The `sampledValue` of OCPP 1.6: texts, unless the station's style spells them otherwise."""
    return [_sampled_16(value, snapshot.context, style) for value in _values(snapshot, style)]


def _sampled_16(value: _Value, context: str, style: Style) -> JsonObject:
    text: object = value.text
    if style.value == "number":
        text = float(value.text)
    elif style.value == "padded":
        text = f" {value.text}" if "." in value.text else f" {value.text}.0"
    sampled: JsonObject = {
        "value": text,
        "context": context,
        "format": "Raw",
        "measurand": value.measurand,
        "location": "Outlet",
        "unit": value.unit,
    }
    if value.phase is not None:
        sampled["phase"] = value.phase
    return sampled


def sampled_values_2x(snapshot: Snapshot, style: Style) -> list[JsonObject]:
    """The `sampledValue` of OCPP 2.x: numbers with their unit of measure."""
    return [_sampled_2x(value, snapshot.context) for value in _values(snapshot, style)]


def _sampled_2x(value: _Value, context: str) -> JsonObject:
    sampled: JsonObject = {
        "value": float(value.text),
        "context": context,
        "measurand": value.measurand,
        "location": "Outlet",
        "unitOfMeasure": {"unit": value.unit},
    }
    if value.phase is not None:
        sampled["phase"] = value.phase
    return sampled
