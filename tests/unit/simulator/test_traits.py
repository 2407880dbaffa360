"""What the stations of a fleet are like."""

import random
from collections import Counter

from contracts.versions import Version
from simulator import misbehaviour as names
from simulator.misbehaviour import chosen
from simulator.plan import PlanSettings, Traits
from simulator.traits import fleet


def drawn(stations: int, mix: dict[Version, float], misbehave: str = "all", seed: int = 1) -> list[Traits]:
    settings = PlanSettings(
        stations=stations,
        seed=seed,
        mix=mix,
        readings_s=(60, 300),
        misbehaviours=chosen([misbehave], real_time=False),
    )
    return fleet(settings, random.Random(seed))


def test_identities_differ_and_fit_the_pattern_of_stations() -> None:
    identities = [one.identity for one in drawn(200, {Version.V16: 1.0})]
    assert len(set(identities)) == 200
    assert all(1 <= len(identity) <= 48 and identity.isalnum() for identity in identities)


def test_a_single_version() -> None:
    assert {one.version for one in drawn(10, {Version.V21: 3.0, Version.V16: 0.0})} == {Version.V21}


def test_rounding_loses_no_station() -> None:
    versions = Counter(one.version for one in drawn(7, {Version.V16: 1.0, Version.V201: 1.0, Version.V21: 1.0}))
    assert sorted(versions.values()) == [2, 2, 3]


def test_lasting_misbehaviours_show() -> None:
    fleet_of = drawn(200, {Version.V16: 1.0, Version.V201: 1.0})
    for one in fleet_of:
        having = set(one.misbehaviours)
        assert (one.skew_us != 0) == (names.CLOCK_SKEW in having)
        assert one.meter_resets == (names.METER_RESET in having)
        assert one.style.kwh == (names.KWH_REGISTERS in having)
        assert (one.style.value == "number") == (names.NUMBER_VALUES in having)
        assert (one.style.value == "padded") == (names.PADDED_VALUES in having)
        assert abs(one.skew_us) < 20_000_000  # a third of what a clock alarm may want


def test_without_misbehaviours_a_station_is_plain() -> None:
    assert all(not one.misbehaviours and one.skew_us == 0 for one in drawn(50, {Version.V16: 1.0}, "none"))


def test_fleets_are_colourful() -> None:
    fleet_of = drawn(200, {Version.V16: 5.0, Version.V201: 3.0, Version.V21: 2.0})
    assert {one.evses for one in fleet_of} == {1, 2}
    assert {one.dc for one in fleet_of} == {True, False}
    assert {one.aligned for one in fleet_of} == {"none", "transaction", "always"}
    assert {one.id_style for one in fleet_of} == {"uuid", "counter", "digits", "colon"}
    assert {one.time_style for one in fleet_of} == {"ms", "s"}
    assert {one.version for one in fleet_of if one.events_status} == {Version.V21}
    assert all(len(one.lifetime_wh) == one.evses for one in fleet_of)
