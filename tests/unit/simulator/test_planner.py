"""A fleet's plan: repeatable, complete, and away from every threshold."""

import itertools
from collections import Counter

import msgspec
import pytest

from contracts.times import HOUR, MINUTE
from contracts.versions import Version
from simulator import misbehaviour as names
from simulator.draft import BOOTS_APART
from simulator.misbehaviour import MISBEHAVIOURS, chosen
from simulator.plan import PlanSettings, SessionPlan, StationPlan
from simulator.planner import LOOP_BOOTS, LOOP_EVERY, Planner
from simulator.truth import BOOT_LOOP_WINDOW, BOOTS_CERTAIN, gap_verdict

BEGIN = 1_800_000_000_000_000
MIX = {Version.V16: 5.0, Version.V201: 3.0, Version.V21: 2.0}


def settings(stations: int, seed: int = 1, misbehaviours: frozenset[str] | None = None) -> PlanSettings:
    if misbehaviours is None:
        misbehaviours = chosen(["all"], real_time=False)
    return PlanSettings(stations=stations, seed=seed, mix=MIX, readings_s=(60, 300), misbehaviours=misbehaviours)


def planned(stations: int, hours: float, seed: int = 1) -> list[StationPlan]:
    return Planner(settings(stations, seed)).block(BEGIN, BEGIN + round(hours * HOUR))


def counted(plans: list[StationPlan]) -> Counter[str]:
    found: Counter[str] = Counter()
    for plan in plans:
        found.update(visit.quirk for visit in plan.sessions if visit.quirk is not None)
        found.update(happening.name for happening in plan.happenings)
        for name in plan.traits.misbehaviours:
            found[name] += len(plan.sessions)
    return found


def test_the_same_seed_the_same_plan() -> None:
    assert planned(30, 3) == planned(30, 3)
    assert planned(30, 3) != planned(30, 3, seed=2)


def test_stations_join_within_two_minutes_or_at_a_rate() -> None:
    joins = [plan.connect_us - BEGIN for plan in planned(200, 3)]
    assert joins == sorted(joins)
    assert (joins[0], joins[-1]) == (0, 2 * MINUTE * 199 // 200)
    slow = msgspec.structs.replace(settings(200), join_us=MINUTE // 2)
    plans = Planner(slow).block(BEGIN, BEGIN + 3 * HOUR)
    assert [plan.connect_us - BEGIN for plan in plans] == [n * MINUTE // 2 for n in range(200)]


@pytest.mark.parametrize("minutes", [1, 3, 8, 20, 180])
@pytest.mark.parametrize("seed", range(5))
def test_joining_may_take_half_of_a_run_of_any_length(minutes: int, seed: int) -> None:
    length_us = minutes * MINUTE
    slow = msgspec.structs.replace(settings(100, seed), join_us=length_us // 200)
    for plan in Planner(slow).block(BEGIN, BEGIN + length_us):
        begins = [*(visit.plug_us for visit in plan.sessions), *(fault.at_us for fault in plan.faults)]
        assert all(plan.connect_us < at_us < BEGIN + length_us for at_us in begins)


def test_two_fleets_are_two_by_their_prefix() -> None:
    named = msgspec.structs.replace(settings(3), id_prefix="DEPOT-A-")
    plans = Planner(named).block(BEGIN, BEGIN + HOUR)
    assert [plan.traits.identity for plan in plans] == ["DEPOT-A-0001", "DEPOT-A-0002", "DEPOT-A-0003"]


@pytest.mark.parametrize("seed", range(3))
def test_two_hundred_stations_in_ten_hours_do_everything_often(seed: int) -> None:
    found = counted(planned(200, 10, seed))
    assert all(found[name] >= 15 for name, one in MISBEHAVIOURS.items() if not one.real_time_only), found


@pytest.mark.parametrize("seed", range(3))
def test_fifty_stations_in_two_hours_do_nearly_everything(seed: int) -> None:
    found = counted(planned(50, 2, seed))
    assert sum(found[name] > 0 for name in MISBEHAVIOURS) >= len(MISBEHAVIOURS) - 3, found


@pytest.mark.parametrize(("stations", "hours"), [(50, 2), (200, 10), (200, 0.5), (5, 0.5), (1, 1), (50, 0.1)])
def test_every_station_has_a_session(stations: int, hours: float) -> None:
    assert all(plan.sessions for plan in planned(stations, hours))


def test_versions_are_mixed_by_weight() -> None:
    versions = Counter(plan.traits.version for plan in planned(50, 1))
    assert versions == {Version.V16: 25, Version.V201: 15, Version.V21: 10}


def test_none_is_none() -> None:
    plans = Planner(settings(50, misbehaviours=frozenset())).block(BEGIN, BEGIN + 10 * HOUR)
    assert not counted(plans)
    assert any(plan.faults for plan in plans)


def gaps_of(plan: StationPlan) -> list[tuple[int, int]]:
    found = [(v.gap.at_us, v.gap.at_us + v.gap.length_us) for v in plan.sessions if v.gap is not None]
    return sorted(found + [(h.at_us, h.at_us + h.length_us) for h in plan.happenings])


@pytest.mark.parametrize("seed", range(5))
def test_gaps_are_far_from_each_other_and_from_the_grace(seed: int) -> None:
    for plan in planned(100, 10, seed):
        gaps = gaps_of(plan)
        assert all(after[0] - before[1] > 2 * MINUTE for before, after in itertools.pairwise(gaps))
        for visit in plan.sessions:
            if visit.gap is not None:
                assert gap_verdict(visit.gap.length_us) != "ambiguous"


@pytest.mark.parametrize("seed", range(5))
def test_boots_are_far_from_a_loop_or_make_one(seed: int) -> None:
    assert LOOP_BOOTS >= BOOTS_CERTAIN
    assert LOOP_BOOTS * LOOP_EVERY < BOOT_LOOP_WINDOW
    for plan in planned(100, 10, seed):
        boots = [(plan.connect_us, plan.connect_us)]
        boots += [(v.gap.at_us, v.gap.at_us + v.gap.length_us) for v in plan.sessions if v.gap and v.gap.power]
        boots += [(h.at_us, h.at_us + h.length_us) for h in plan.happenings if h.name == names.BOOT_LOOP]
        boots.sort()
        assert all(after[0] - before[1] > BOOTS_APART for before, after in itertools.pairwise(boots))


def test_whole_stations_misbehave_only_while_nobody_charges() -> None:
    for plan in planned(100, 10):
        for happening in plan.happenings:
            window = (happening.at_us, happening.at_us + happening.length_us)
            assert all(visit.unplug_us < window[0] or visit.plug_us > window[1] for visit in plan.sessions)


def test_a_missing_start_never_follows_a_start_without_an_answer_on_its_connector() -> None:
    for plan in planned(200, 10):
        if plan.traits.version is not Version.V16:
            continue
        unanswered: set[int] = set()
        for visit in sorted(plan.sessions, key=lambda each: each.start_us):
            if visit.quirk == names.LOST_START_ANSWER:
                unanswered.add(visit.evse)
            assert not (visit.quirk == names.MISSING_START and visit.evse in unanswered)


def test_a_second_block_goes_on_where_the_first_ended() -> None:
    planner = Planner(settings(20))
    first = planner.block(BEGIN, BEGIN + 4 * HOUR)
    second = planner.block(BEGIN + 4 * HOUR, BEGIN + 8 * HOUR)
    assert [plan.traits for plan in first] == [plan.traits for plan in second]
    loops = [plan.traits.identity for plans in (first, second) for plan in plans for h in plan.happenings
             if h.name == names.BOOT_LOOP]  # fmt: skip
    assert len(loops) == len(set(loops))
    tokens = [visit.id_token for plans in (first, second) for plan in plans for visit in plan.sessions]
    assert len(tokens) == len(set(tokens))


def test_a_fatal_fault_lasts_until_the_car_would_have_left() -> None:
    broken: list[SessionPlan] = [
        visit
        for plan in planned(100, 10)
        for visit in plan.sessions
        if visit.fault is not None and visit.fault.fault.faulted
    ]
    assert broken
    assert all(v.fault and v.start_us < v.fault.at_us < v.fault.until_us <= v.stop_us for v in broken)
