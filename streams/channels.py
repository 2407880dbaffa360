"""A channel: what a reading's measurand, phase, location and unit say, in our terms. Pure.

Stations repeat the same few for ever: each is worked out once.
"""

from typing import NamedTuple

from streams.measurands import DELIVERED, MEASURANDS, PHASES, SOC_AT, UNITS, UNITS_FOLDED, Unit
from streams.message import whole, word

DEFAULT_MEASURAND = "Energy.Active.Import.Register"
DEFAULT_LOCATION = "Outlet"
_PREFIXES = 24  # SI's largest prefix: a multiplier beyond it is noise
_MOST, _LONGEST = 4096, 256  # channels that are remembered, and the characters of one that is worth it

SUMMED = frozenset(
    {"energy_import", "energy_export", "energy_import_interval", "energy_export_interval", "power_import"}
)
"""What the total of is the sum over the phases."""

_FLOWING = frozenset({"current", "power_import", "energy_import_interval"})
"""What is above 0 in a phase through which a car is charged."""
_BITS = {"l1": 1, "l2": 2, "l3": 4}


class Channel(NamedTuple):
    """SI value = value * factor + offset."""

    identity: tuple[str, str | None, str]
    """Measurand, phase, location: two values of one identity are a conflict."""
    factor: float
    offset: float
    unit: str
    flat: str | None = None
    """Its name among a sample's values; None where it has none."""
    rank: int = 0
    """Of channels with one flat name that of the least rank stands."""
    total: str | None = None
    """What it is the total of, or a phase of the total; None where it is not what a car gets."""
    phase: str = ""
    """Empty for the total."""
    bit: int = 0
    """Of a phase, where a value above 0 says that a car is charged through it: 1, 2 or 4."""


Words = tuple[object, object, object, object, object]
"""What a reading says: measurand, phase, location, unit, multiplier; None where it does not."""


class Channels(dict[Words, Channel]):
    """Channels by their words, each made when first asked for. TypeError where a word is an array or an object."""

    def __missing__(self, words: Words) -> Channel:
        found = _made(words)
        if len(str(words)) <= _LONGEST:
            if len(self) >= _MOST:
                self.clear()
            self[words] = found
        return found


CHANNELS = Channels()


def _made(words: Words) -> Channel:
    said_measurand, said_phase, said_location, said_unit, said_multiplier = words
    measurand, location = word(said_measurand) or DEFAULT_MEASURAND, word(said_location) or DEFAULT_LOCATION
    phase, spelled, power = word(said_phase), word(said_unit), whole(said_multiplier) or 0
    known = MEASURANDS.get(measurand)
    unit = _unit(spelled if spelled is not None else known[1] if known else "")
    factor = unit.factor * 10.0 ** (power if -_PREFIXES <= power <= _PREFIXES else 0)
    made = Channel((measurand, phase, location), factor, unit.offset, unit.si)
    if known is None or unit.si != _unit(known[1]).si:
        return made
    base, _, suffix = known
    short = PHASES.get(phase) if phase else ""
    if short is None:  # a phase that OCPP does not name
        return made
    if base == "soc":  # a car has one battery, wherever its charge is read
        rank = SOC_AT.index(location) if location in SOC_AT else len(SOC_AT)
        return made._replace(flat=_flat(base, short, suffix), rank=rank, total=base, phase=short)
    if location not in DELIVERED:
        return made._replace(flat=_flat(f"{location.lower()}_{base}", short, suffix), rank=len(DELIVERED))
    bit = _BITS.get(short, 0) if base in _FLOWING else 0
    rank = DELIVERED.index(location)
    return made._replace(flat=_flat(base, short, suffix), rank=rank, total=base, phase=short, bit=bit)


def _flat(base: str, phase: str, suffix: str) -> str:
    return "_".join(part for part in (base, phase, suffix) if part)


def _unit(spelled: str) -> Unit:
    return UNITS.get(spelled) or UNITS_FOLDED.get(spelled.strip().casefold()) or Unit(spelled)
