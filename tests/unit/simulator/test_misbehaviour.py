"""Every misbehaviour is named, can be chosen, and has an expectation."""

import pytest

from contracts.flags import FLAGS
from contracts.versions import Version
from simulator import misbehaviour as names
from simulator.misbehaviour import MISBEHAVIOURS, chosen
from simulator.truth import EXPECTATIONS


def test_every_misbehaviour_has_an_expectation_and_no_other() -> None:
    assert EXPECTATIONS.keys() == MISBEHAVIOURS.keys()


@pytest.mark.parametrize("name", sorted(EXPECTATIONS))
def test_expectations_name_flags_that_exist(name: str) -> None:
    expectation = EXPECTATIONS[name]
    assert {*expectation.flags, *expectation.may_flags} <= FLAGS.keys()
    assert (expectation.rule is not None) == (expectation.record == "alarm")
    assert (expectation.state is not None) == (expectation.record == "session")


def test_choosing() -> None:
    assert chosen(["none"], real_time=True) == frozenset()
    assert chosen(["all"], real_time=True) == MISBEHAVIOURS.keys()
    assert chosen(["boot-loop", "seq-gap"], real_time=False) == {"boot-loop", "seq-gap"}


def test_a_half_open_socket_needs_real_time() -> None:
    assert names.HALF_OPEN not in chosen(["all"], real_time=False)


def test_a_name_that_does_not_exist_is_told() -> None:
    with pytest.raises(ValueError, match="no misbehaviour is named 'boot-lop'"):
        chosen(["boot-lop"], real_time=True)


@pytest.mark.parametrize(
    ("name", "version", "fits"),
    [
        (names.SEQ_GAP, Version.V16, False),
        (names.SEQ_GAP, Version.V21, True),
        (names.LOST_START_ANSWER, Version.V16, True),
        (names.LOST_START_ANSWER, Version.V201, False),
        (names.BOOT_LOOP, Version.V16, True),
    ],
)
def test_which_versions_can_do_it(name: str, version: Version, *, fits: bool) -> None:
    assert MISBEHAVIOURS[name].fits(version) is fits
