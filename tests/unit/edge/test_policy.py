"""The operator's choices."""

import pytest

from edge.policy import REDACTED, Policy, TokenRule

KEYED = TokenRule("hmac", b"the key")


def test_plain_tokens_are_published_as_they_are() -> None:
    assert TokenRule().published("04a2") == "04a2"


def test_an_hmac_knows_no_case_and_no_other_key() -> None:
    assert KEYED.published("04a2") == KEYED.published("04A2") == "hmac:4f0332ce6133c1a60bfd36973ddb05ec"
    assert KEYED.published("04A2") != TokenRule("hmac", b"other").published("04A2")


def test_dropped_tokens_are_all_the_same() -> None:
    assert TokenRule("drop").published("04A2") == REDACTED


@pytest.mark.parametrize("rule", [TokenRule(), KEYED, TokenRule("drop")])
def test_nothing_is_no_token(rule: TokenRule) -> None:
    assert rule.published("") == ""


def test_an_hmac_needs_a_key_and_shows_none() -> None:
    with pytest.raises(ValueError, match="key"):
        TokenRule("hmac")
    assert "the key" not in repr(Policy(tokens=KEYED))


def test_who_may_charge() -> None:
    assert Policy().allows("x")
    assert Policy().allows(None)
    assert not Policy(authorize="deny").allows("x")
    listed = Policy(authorize="list", known_tokens=frozenset({"04A2"}))
    assert listed.allows("04a2")
    assert not listed.allows("04A3")
    assert not listed.allows(None)
    assert not listed.allows({"idToken": "04A2"})
