"""The misbehaviours of sessions as cards of a deck. Pure: the same random numbers, the same deal."""

import random
from collections.abc import Callable
from typing import TypeVar

from contracts.versions import Version
from simulator.misbehaviour import MISBEHAVIOURS
from simulator.plan import PlanSettings

T = TypeVar("T")

FAULT, WARNING, NONE = "fault", "warning", "none"
_PLAIN_CARDS = 12  # of well-behaved sessions


class Deck:
    """Cards in a random order, dealt to the first who can use them; shuffled anew when all are dealt."""

    def __init__(self, cards: list[str], rng: random.Random) -> None:
        self._cards, self._rng = cards, rng
        self._hand: list[str] = []

    def draw(self, fits: Callable[[str], T | None]) -> T | None:
        """What the first card that fits makes of a session; None where none does."""
        if len(self._hand) < len(self._cards) // 2:  # cards that nobody can use must not block the others
            fresh = list(self._cards)
            self._rng.shuffle(fresh)
            self._hand = (self._hand + fresh)[: 4 * len(self._cards)]
        for place, card in enumerate(self._hand):
            found = fits(card)
            if found is not None:
                del self._hand[place]
                return found
        return None


def cards(settings: PlanSettings, *, is_2x: bool) -> list[str]:
    """The cards for stations of 1.6, or of 2.x."""
    version = Version.V201 if is_2x else Version.V16
    found = [NONE] * _PLAIN_CARDS
    if settings.faults:
        found += [FAULT, WARNING]
    for one in MISBEHAVIOURS.values():
        if one.scope == "session" and one.name in settings.misbehaviours and one.fits(version):
            found += [one.name] * round(one.weight)
    return found
