"""Drawing up a fleet's plan from a seed. Pure: the same seed, settings and hour of the day, the same plan.

Misbehaviours of sessions are cards of a deck that all sessions draw from in order of their start, so that each comes
up as often as its weight says, whatever the luck. A card that does not fit a session waits for the next one.
"""

import random

import msgspec

from contracts.times import HOUR, MINUTE, SECOND
from simulator import misbehaviour as names
from simulator.day import visits
from simulator.deck import FAULT, NONE, WARNING, Deck, cards
from simulator.draft import BOOTS_APART, GAPS_APART, Draft, distance
from simulator.faults import (
    FATAL_2X,
    FATAL_16,
    SECURITY_EVENTS,
    STATION_16,
    WARNING_2X,
    WARNING_16,
    Fault,
)
from simulator.misbehaviour import MISBEHAVIOURS
from simulator.plan import (
    FaultPlan,
    GapPlan,
    Happening,
    PlanSettings,
    SecurityPlan,
    SessionPlan,
    StationPlan,
)
from simulator.traits import fleet, rounded

LOOP_BOOTS = 13  # of one boot loop; the alarm wants 4
LOOP_EVERY = 11 * SECOND
SHORT_GAP_S = (3.0, 9.0)  # well below the 60 s after which a station counts as offline
LONG_GAP_S = (210.0, 420.0)  # well beyond them
_FAULTS_PER_HOUR = 0.15
_SECURITY_PER_HOUR = 0.06


class Planner:
    """Draws up the plan of one block of time after another; what must not happen twice is remembered between them."""

    def __init__(self, settings: PlanSettings) -> None:
        self.settings = settings
        self._rng = random.Random(settings.seed)
        self._traits = fleet(settings, self._rng)
        self._drafts: list[Draft] = []
        self._decks = {is_2x: Deck(cards(settings, is_2x=is_2x), self._rng) for is_2x in (False, True)}
        self._happened: dict[str, set[str]] = {}

    def block(self, begin_us: int, end_us: int) -> list[StationPlan]:
        """The plans of all stations from `begin_us` to `end_us`. Of the first block: they connect one after another."""
        horizon_us = end_us - begin_us
        first = not self._drafts
        drafts = []
        for index, traits in enumerate(self._traits):
            connect_us = begin_us + (self._joins_us(index, horizon_us) if first else 0)
            rng = random.Random(f"{self.settings.seed}/{traits.identity}/{self._rng.getrandbits(32)}")
            draft = Draft(traits, rng, connect_us)
            if not first:  # the last gaps, boots and habits of the block before still count
                before = self._drafts[index]
                draft.gaps, draft.boots = sorted(before.gaps)[-1:], sorted(before.boots)[-1:]
                draft.unanswered = before.unanswered
            drafts.append(draft)
        self._drafts = drafts
        self._plan_happenings(drafts, begin_us, end_us)
        for draft in drafts:
            self._plan_visits(draft, end_us, horizon_us)
        self._deal(drafts, end_us)
        return [
            StationPlan(
                traits=draft.traits,
                connect_us=draft.connect_us,
                sessions=tuple(sorted(draft.visits, key=lambda visit: visit.plug_us)),
                faults=tuple(draft.faults),
                happenings=tuple(draft.happenings),
                security=tuple(draft.security),
            )
            for draft in drafts
        ]

    def _joins_us(self, index: int, horizon_us: int) -> int:
        """How long after the begin a station joins."""
        if self.settings.join_us is not None:
            return index * self.settings.join_us
        return min(2 * MINUTE, horizon_us // 20) * index // len(self._traits)

    # -- what whole stations do

    def _plan_happenings(self, drafts: list[Draft], begin_us: int, end_us: int) -> None:
        hours = (end_us - begin_us) / HOUR * len(drafts)
        for one in MISBEHAVIOURS.values():
            if one.scope != "station" or one.name not in self.settings.misbehaviours:
                continue
            once = one.name in (names.BOOT_LOOP, names.OVERSIZED_FRAME)  # their alarms stay open for a while
            done = self._happened.setdefault(one.name, set())
            able = [d for d in drafts if one.fits(d.traits.version) and not (once and d.traits.identity in done)]
            wanted = rounded(one.weight * hours, self._rng)
            for draft in self._rng.sample(able, min(wanted, len(able))):
                if self._plan_happening(draft, one.name, begin_us, end_us):
                    done.add(draft.traits.identity)
        if self.settings.faults:
            for draft in drafts:
                self._plan_idle_faults(draft, begin_us, end_us)

    def _plan_happening(self, draft: Draft, name: str, begin_us: int, end_us: int) -> bool:
        rng = draft.rng
        length_us = {
            names.BOOT_LOOP: LOOP_BOOTS * LOOP_EVERY + MINUTE,
            names.OVERSIZED_FRAME: 30 * SECOND,
            names.HALF_OPEN: 30 * SECOND,
            names.LONG_OUTAGE: round(rng.uniform(*LONG_GAP_S) * SECOND),
        }[name]
        from_us = draft.connect_us + (BOOTS_APART if name == names.BOOT_LOOP else 2 * MINUTE) + MINUTE
        until_us = end_us - length_us - 3 * MINUTE
        # Whoever closes a third of a short run to cars would leave a station without a session.
        if until_us <= from_us or length_us * 3 > end_us - begin_us:
            return False
        for _ in range(8):
            at_us = rng.randrange(from_us, until_us)
            gap = GapPlan(at_us, length_us, power=name == names.BOOT_LOOP)
            if draft.gap_fits(gap, end_us):
                draft.take_gap(gap)
                draft.closed.append((at_us, at_us + length_us))
                draft.happenings.append(Happening(name, at_us, length_us))
                return True
        return False

    def _plan_idle_faults(self, draft: Draft, begin_us: int, end_us: int) -> None:
        rng, hours = draft.rng, (end_us - begin_us) / HOUR
        for _ in range(rounded(_FAULTS_PER_HOUR * hours, rng)):
            length_us = round(rng.uniform(90, 400)) * SECOND
            from_us, until_us = draft.connect_us + 2 * MINUTE, end_us - length_us - MINUTE
            if length_us * 4 > end_us - begin_us or from_us >= until_us:
                continue
            at_us = rng.randrange(from_us, until_us)
            window = (at_us, at_us + length_us)
            if any(distance(window, other) < GAPS_APART for other in draft.closed):
                continue
            draft.closed.append(window)
            if not draft.is_2x and rng.random() < 0.25:
                draft.faults.append(FaultPlan(0, *window, rng.choice(STATION_16)))
            else:
                evse = rng.randrange(draft.traits.evses) + 1
                draft.faults.append(FaultPlan(evse, *window, _fault(draft, fatal=rng.random() < 0.6)))
        types = [kind for kind in SECURITY_EVENTS if rng.random() < _SECURITY_PER_HOUR * hours / len(SECURITY_EVENTS)]
        done = self._happened.setdefault("security", set())  # an open alarm of this type would only be updated
        for kind in types:
            if f"{draft.traits.identity}/{kind}" not in done and draft.connect_us + MINUTE < end_us:
                done.add(f"{draft.traits.identity}/{kind}")
                draft.security.append(SecurityPlan(rng.randrange(draft.connect_us + MINUTE, end_us), kind))

    # -- sessions

    def _plan_visits(self, draft: Draft, end_us: int, horizon_us: int) -> None:
        for evse in range(1, draft.traits.evses + 1):
            begin_us = draft.connect_us + 30 * SECOND
            draft.visits += visits(draft.rng, evse, begin_us, end_us, draft.closed, horizon_us, dc=draft.traits.dc)

    def _deal(self, drafts: list[Draft], end_us: int) -> None:
        order = sorted(
            (
                (visit.start_us, number, place)
                for number, draft in enumerate(drafts)
                for place, visit in enumerate(draft.visits)
            )
        )
        for _, number, place in order:
            draft = drafts[number]
            visit = draft.visits[place]

            def fits(card: str, draft: Draft = draft, visit: SessionPlan = visit) -> SessionPlan | None:
                return _with_card(draft, visit, card, end_us)

            draft.visits[place] = self._decks[draft.is_2x].draw(fits) or visit


def _with_card(draft: Draft, visit: SessionPlan, card: str, end_us: int) -> SessionPlan | None:
    """The visit with a card's misbehaviour or fault, None where it does not fit."""
    if card == NONE:
        return visit
    if card in (FAULT, WARNING):
        return _with_fault(draft, visit, end_us, fatal=card == FAULT)
    if card in (names.OFFLINE_REPLAY, names.POWER_LOSS_END, names.POWER_LOSS_RESUME, names.ABRUPT_CLOSE):
        gap = _gap(draft.rng, visit, card)
        if gap is None or not draft.gap_fits(gap, end_us):
            return None
        draft.take_gap(gap)
        return msgspec.structs.replace(visit, quirk=card, gap=gap)
    if not draft.is_2x:
        if card == names.MISSING_START:
            # Nobody can tell its readings from those of an earlier start whose id the station never learned.
            if visit.evse in draft.unanswered:
                return None
        elif card == names.LOST_START_ANSWER:
            draft.unanswered.add(visit.evse)
    return msgspec.structs.replace(visit, quirk=card)


def _with_fault(draft: Draft, visit: SessionPlan, end_us: int, *, fatal: bool) -> SessionPlan | None:
    length_us = visit.stop_us - visit.start_us
    at_us = visit.start_us + round(draft.rng.uniform(0.3, 0.5) * length_us)
    until_us = visit.stop_us if fatal else at_us + round(draft.rng.uniform(0.2, 0.4) * length_us)
    if until_us > end_us - MINUTE:
        return None
    return msgspec.structs.replace(visit, fault=FaultPlan(visit.evse, at_us, until_us, _fault(draft, fatal=fatal)))


def _fault(draft: Draft, *, fatal: bool) -> Fault:
    if draft.is_2x:
        return draft.rng.choice(FATAL_2X if fatal else WARNING_2X)
    return draft.rng.choice(FATAL_16 if fatal else WARNING_16)


def _gap(rng: random.Random, visit: SessionPlan, card: str) -> GapPlan | None:
    """Where in (or around) the visit its gap lies; None where the visit is too short for it."""
    length_us = visit.stop_us - visit.start_us
    short = card == names.ABRUPT_CLOSE or (card != names.OFFLINE_REPLAY and rng.random() < 0.5)
    gap_us = round(rng.uniform(*(SHORT_GAP_S if short else LONG_GAP_S)) * SECOND)
    power, resumes = card in (names.POWER_LOSS_END, names.POWER_LOSS_RESUME), card == names.POWER_LOSS_RESUME
    place = rng.choice(("middle", "middle", "start", "end", "around")) if card == names.OFFLINE_REPLAY else "middle"
    around_us = visit.unplug_us - visit.plug_us + MINUTE
    if place == "around" and around_us <= LONG_GAP_S[1] * 1.5 * SECOND:
        return GapPlan(visit.plug_us - MINUTE // 2, max(around_us, gap_us))
    if place == "start":
        return GapPlan(visit.plug_us - MINUTE // 2, max(gap_us, visit.start_us - visit.plug_us + MINUTE))
    if place == "end":
        from_us = visit.stop_us - MINUTE
        return GapPlan(from_us, gap_us)
    room_us = length_us - gap_us - 2 * MINUTE
    if room_us <= 0:
        return None
    return GapPlan(visit.start_us + MINUTE + rng.randrange(room_us), gap_us, power, resumes)
