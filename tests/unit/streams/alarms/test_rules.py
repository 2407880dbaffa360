"""The alarm rules: what a record says of its rule leads somewhere."""

from pathlib import Path

import pytest

from streams.alarms.rules import RULES, Rule

ALARMS = Path(__file__).parents[4] / "docs" / "alarms.md"


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_a_rules_runbook_is_its_section(rule: Rule) -> None:
    assert f"\n## {rule.name}\n" in ALARMS.read_text()
    assert rule.runbook == f"docs/alarms.md#{rule.name}"


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.name)
def test_an_occurrence_expires_and_a_condition_does_not(rule: Rule) -> None:
    assert (rule.expires_us > 0) == (rule.kind == "occurrence")
