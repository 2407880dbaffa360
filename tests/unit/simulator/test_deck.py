"""The deck: every card comes up as often as its weight says, whoever draws."""

import random
from collections import Counter

from contracts.versions import Version
from simulator import misbehaviour as names
from simulator.deck import FAULT, NONE, WARNING, Deck, cards
from simulator.misbehaviour import chosen
from simulator.plan import PlanSettings


def settings(*, faults: bool = True) -> PlanSettings:
    return PlanSettings(
        stations=1,
        seed=1,
        mix={Version.V16: 1.0},
        readings_s=(60, 60),
        misbehaviours=chosen(["all"], real_time=True),
        faults=faults,
    )


def test_a_version_gets_its_own_cards() -> None:
    of_16, of_2x = cards(settings(), is_2x=False), cards(settings(), is_2x=True)
    assert names.LOST_START_ANSWER in of_16
    assert names.LOST_START_ANSWER not in of_2x
    assert names.SEQ_GAP in of_2x
    assert names.BOOT_LOOP not in {*of_16, *of_2x}
    assert {FAULT, WARNING, NONE} <= set(of_16)
    assert not {FAULT, WARNING} & set(cards(settings(faults=False), is_2x=False))


def test_in_a_few_rounds_every_card_came_up() -> None:
    deck = Deck(["a", "b", "c", "c"], random.Random(1))
    drawn = Counter(deck.draw(lambda card: card) for _ in range(40))
    assert drawn == {"a": 10, "b": 10, "c": 20}


def test_a_card_that_does_not_fit_waits_for_the_next() -> None:
    deck = Deck(["a", "b"], random.Random(1))
    assert deck.draw(lambda card: card if card == "b" else None) == "b"
    assert deck.draw(lambda card: card if card == "a" else None) == "a"


def test_cards_that_nobody_can_use_do_not_block_the_others() -> None:
    deck = Deck(["never", "often"], random.Random(1))
    drawn = [deck.draw(lambda card: card if card == "often" else None) for _ in range(50)]
    assert drawn.count("often") >= 40
