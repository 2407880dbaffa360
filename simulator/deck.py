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
_DECKS_KEPT = 3  # what nobody could use for so long is thrown away


class Deck:
    """Cards in a random order, dealt to the first who can use them; one more deck when nobody can use what is left."""

    def __init__(self, cards: list[str], rng: random.Random) -> None:
        self._cards, self._rng = cards, rng
        self._hand: list[str] = []

    def draw(self, fits: Callable[[str], T | None]) -> T | None:
        """What the first card that fits makes of a session; None where none of a whole deck does."""
        found = self._deal(fits)
        if found is not None:
            return found
        fresh = list(self._cards)
        self._rng.shuffle(fresh)
        self._hand = (self._hand + fresh)[-_DECKS_KEPT * len(fresh) :]
        return self._deal(fits)

    def _deal(self, fits: Callable[[str], T | None]) -> T | None:
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
