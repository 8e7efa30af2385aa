"""The rules and officials of the local stack pass every check, and serve each programme."""

from __future__ import annotations

from pathlib import Path

from services.notifier.engine import rules
from services.notifier.files.entries import documented
from services.notifier.files.official_files import directory_of
from services.notifier.files.rule_files import read_rules
from shared.regions.catalogue import catalogue

LOCAL = Path(__file__).parents[4] / "deploy" / "local" / "notifier"
IS_REGION = catalogue().__contains__


def test_the_default_rules_use_every_kind_that_a_programme_needs() -> None:
    """Titles in both languages come with the form; a kind that nobody uses would be one that nobody tried."""
    found = read_rules((LOCAL / "rules.yaml").read_text(), "rules.yaml", IS_REGION)
    assert {type(rule.kind) for rule in found} == {
        rules.Threshold, rules.Behind, rules.Forecast, rules.Fall, rules.Share, rules.LapseAhead, rules.People,
        rules.Quota, rules.Designated, rules.Silent,
    }  # fmt: skip
    assert all(rule.group_wait_ms >= 86_400_000 for rule in found if "village" in rule.levels)


def test_the_default_officials_are_a_directory() -> None:
    """Every rule's first step has somebody in Aceh."""
    officials = directory_of(documented((LOCAL / "officials.yaml").read_text(), "o.yaml"), "o.yaml", IS_REGION)
    roles = {official.role for official in officials}
    for rule in read_rules((LOCAL / "rules.yaml").read_text(), "rules.yaml", IS_REGION):
        assert roles & set(rule.hears), rule.id
