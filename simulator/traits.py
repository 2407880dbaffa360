"""What the stations of a fleet are like. Pure: the same random numbers, the same fleet."""

import random
from collections.abc import Mapping, Sequence

from contracts.versions import Version
from simulator import misbehaviour as names
from simulator.battery import NOMINAL_V
from simulator.misbehaviour import MISBEHAVIOURS
from simulator.plan import IdStyle, PlanSettings, Traits
from simulator.readings import Style


def fleet(settings: PlanSettings, rng: random.Random) -> list[Traits]:
    """The traits of all stations: versions and lasting misbehaviours in proportion, the rest by chance."""
    versions = _in_proportion(settings.mix, settings.stations)
    rng.shuffle(versions)
    having: dict[str, set[int]] = {}
    for one in MISBEHAVIOURS.values():
        if one.scope == "trait" and one.name in settings.misbehaviours:
            taken = having.get(names.NUMBER_VALUES, set()) if one.name == names.PADDED_VALUES else set()
            able = [index for index, version in enumerate(versions) if one.fits(version) and index not in taken]
            having[one.name] = set(rng.sample(able, min(len(able), rounded(one.weight * len(able), rng))))
    return [
        _one(settings, rng, index, version, [name for name, holders in having.items() if index in holders])
        for index, version in enumerate(versions)
    ]


def _one(settings: PlanSettings, rng: random.Random, index: int, version: Version, having: Sequence[str]) -> Traits:
    low, high = settings.readings_s
    dc = rng.random() < 0.2
    evses = rng.choice((1, 1, 1, 2, 2))
    style = Style(
        measurands=rng.choice(("full", "full", "basic", "energy")),
        kwh=names.KWH_REGISTERS in having,
        value="number" if names.NUMBER_VALUES in having else "padded" if names.PADDED_VALUES in having else "string",
    )
    id_styles: tuple[IdStyle, ...] = ("uuid", "uuid", "counter", "digits", "colon")
    return Traits(
        identity=f"{settings.id_prefix}{index + 1:04d}",
        version=version,
        evses=evses,
        dc=dc,
        rated_w=rng.choice((60_000.0, 150_000.0)) if dc else NOMINAL_V * 3 * 32,
        reading_s=rng.randrange(low, high + 1),
        aligned=rng.choice(("none", "transaction", "always")),
        style=style,
        id_style=rng.choice(id_styles),
        time_style=rng.choice(("ms", "ms", "s")),
        skew_us=rng.choice((-1, 1)) * rng.randrange(1_000, 8_000) * 1000 if names.CLOCK_SKEW in having else 0,
        meter_resets=names.METER_RESET in having,
        lifetime_wh=tuple(rng.randrange(20_000, 9_000_000) for _ in range(evses)),
        misbehaviours=tuple(having),
        stop_data=rng.random() < 0.3,
        begins_plugged=rng.random() < 0.5,
        evse_in_all_events=rng.random() < 0.5,
        events_status=version is Version.V21 and rng.random() < 0.5,
        compresses=version.is_2x and rng.random() < 0.3,
    )


def _in_proportion(mix: Mapping[Version, float], count: int) -> list[Version]:
    """So many versions, each as often as its weight says."""
    total = sum(mix.values())
    versions = [version for version, weight in mix.items() if weight > 0]
    exact = {version: count * mix[version] / total for version in versions}
    numbers = {version: int(exact[version]) for version in versions}
    short_of_it = sorted(versions, key=lambda version: numbers[version] - exact[version])
    for version in short_of_it[: count - sum(numbers.values())]:
        numbers[version] += 1
    return [version for version in versions for _ in range(numbers[version])]


def rounded(expected: float, rng: random.Random) -> int:
    """A whole number whose mean is the expected one."""
    return int(expected) + (rng.random() < expected % 1)
