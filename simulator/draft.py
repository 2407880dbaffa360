"""One station's plan while it is drawn up: what it holds so far, and what still fits. Pure."""

from random import Random

from contracts.times import MINUTE
from simulator.day import Window
from simulator.plan import FaultPlan, GapPlan, Happening, SecurityPlan, SessionPlan, Traits

BOOTS_APART = 15 * MINUTE  # between two boots of a station that is not in a boot loop: the alarm looks at 10 minutes
GAPS_APART = 2 * MINUTE  # between two gaps of a station


class Draft:
    """One station while its plan is drawn up."""

    def __init__(self, traits: Traits, rng: Random, connect_us: int) -> None:
        self.traits = traits
        self.rng = rng
        self.connect_us = connect_us
        self.closed: list[Window] = []  # no visit here
        self.gaps: list[Window] = []
        self.boots: list[Window] = [(connect_us, connect_us)]
        self.visits: list[SessionPlan] = []
        self.faults: list[FaultPlan] = []
        self.happenings: list[Happening] = []
        self.security: list[SecurityPlan] = []
        self.unanswered: set[int] = set()  # connectors with a start whose answer never came

    @property
    def is_2x(self) -> bool:
        return self.traits.version.is_2x

    def gap_fits(self, gap: GapPlan, end_us: int) -> bool:
        """Whether the gap keeps its distance from the others, from boots and from the end."""
        window = (gap.at_us, gap.at_us + gap.length_us)
        if gap.at_us < self.connect_us + MINUTE or window[1] > end_us - MINUTE:
            return False
        return all(distance(window, other) > GAPS_APART for other in self.gaps) and (
            not gap.power or all(distance(window, other) > BOOTS_APART for other in self.boots)
        )

    def take_gap(self, gap: GapPlan) -> None:
        window = (gap.at_us, gap.at_us + gap.length_us)
        self.gaps.append(window)
        if gap.power:
            self.boots.append(window)


def distance(one: Window, other: Window) -> int:
    return max(one[0] - other[1], other[0] - one[1])
