"""Measurands and units: OCPP's names to SI units and to the flat names that sinks use. Tables, no code."""

from typing import NamedTuple


class Unit(NamedTuple):
    """SI value = value * factor + offset."""

    si: str
    factor: float = 1.0
    offset: float = 0.0


UNITS: dict[str, Unit] = {
    "Wh": Unit("Wh"),
    "kWh": Unit("Wh", 1000.0),
    "varh": Unit("varh"),
    "kvarh": Unit("varh", 1000.0),
    "VAh": Unit("VAh"),
    "kVAh": Unit("VAh", 1000.0),
    "W": Unit("W"),
    "kW": Unit("W", 1000.0),
    "VA": Unit("VA"),
    "kVA": Unit("VA", 1000.0),
    "var": Unit("var"),
    "kvar": Unit("var", 1000.0),
    "A": Unit("A"),
    "V": Unit("V"),
    "Celsius": Unit("degC"),
    "Celcius": Unit("degC"),  # the spelling of OCPP 1.6's first schemas
    "Fahrenheit": Unit("degC", 5 / 9, -160 / 9),
    "K": Unit("degC", 1.0, -273.15),
    "Percent": Unit("%"),
    "Hz": Unit("Hz"),
    "Hertz": Unit("Hz"),
}
UNITS_FOLDED = {name.casefold(): unit for name, unit in UNITS.items()}

# Measurand -> (flat name, default unit as OCPP spells it, suffix of the flat name)
MEASURANDS: dict[str, tuple[str, str, str]] = {
    "Energy.Active.Import.Register": ("energy_import", "Wh", "wh"),
    "Energy.Active.Export.Register": ("energy_export", "Wh", "wh"),
    "Energy.Active.Import.Interval": ("energy_import_interval", "Wh", "wh"),
    "Energy.Active.Export.Interval": ("energy_export_interval", "Wh", "wh"),
    "Energy.Active.Net": ("energy_net", "Wh", "wh"),
    "Energy.Reactive.Import.Register": ("energy_reactive_import", "varh", "varh"),
    "Energy.Reactive.Export.Register": ("energy_reactive_export", "varh", "varh"),
    "Energy.Reactive.Import.Interval": ("energy_reactive_import_interval", "varh", "varh"),
    "Energy.Reactive.Export.Interval": ("energy_reactive_export_interval", "varh", "varh"),
    "Energy.Reactive.Net": ("energy_reactive_net", "varh", "varh"),
    "Energy.Apparent.Import": ("energy_apparent_import", "VAh", "vah"),
    "Energy.Apparent.Export": ("energy_apparent_export", "VAh", "vah"),
    "Energy.Apparent.Net": ("energy_apparent_net", "VAh", "vah"),
    "Power.Active.Import": ("power_import", "W", "w"),
    "Power.Active.Export": ("power_export", "W", "w"),
    "Power.Active.Setpoint": ("power_setpoint", "W", "w"),
    "Power.Active.Residual": ("power_residual", "W", "w"),
    "Power.Offered": ("power_offered", "W", "w"),
    "Power.Import.Offered": ("power_offered", "W", "w"),
    "Power.Export.Offered": ("power_export_offered", "W", "w"),
    "Power.Reactive.Import": ("power_reactive_import", "var", "var"),
    "Power.Reactive.Export": ("power_reactive_export", "var", "var"),
    "Power.Factor": ("power_factor", "", ""),
    "Current.Import": ("current", "A", "a"),
    "Current.Export": ("current_export", "A", "a"),
    "Current.Offered": ("current_offered", "A", "a"),
    "Current.Import.Offered": ("current_offered", "A", "a"),
    "Current.Export.Offered": ("current_export_offered", "A", "a"),
    "Voltage": ("voltage", "V", "v"),
    "Frequency": ("frequency", "Hz", "hz"),
    "Temperature": ("temperature", "Celsius", "degc"),
    "SoC": ("soc", "Percent", "pct"),
    "RPM": ("rpm", "", ""),
}

PHASES: dict[str, str] = {
    "L1": "l1",
    "L2": "l2",
    "L3": "l3",
    "N": "n",
    "L1-N": "l1",
    "L2-N": "l2",
    "L3-N": "l3",
    "L1-L2": "l1_l2",
    "L2-L3": "l2_l3",
    "L3-L1": "l3_l1",
}

DELIVERED = ("Outlet", "Cable")  # the locations that measure what a car got, the first one first
SOC_AT = (*DELIVERED, "EV")  # where stations say that they read the battery, the one to be believed first

LARGEST = 1e100  # in SI units: what is more is no number that a station measured, and its sums might not be finite
