"""Which rules watch a region."""

from __future__ import annotations

import pytest

from services.notifier.engine.world import RuleInForce, World
from tests.alerts_trace import OTHER, read_all, rule

DISTRICT, VILLAGE = f"{OTHER}.01", f"{OTHER}.01.2001"
RULES = read_all(
    [
        rule("g", levels=["village", "district"]),
        rule("f", levels=["village"], regions=["11"]),
        rule("e", levels=["village"], regions=[OTHER, DISTRICT]),
        rule("d", levels=None, regions=[VILLAGE, OTHER]),
        rule("c", levels=["village"], regions=["12"]),
        rule("b", levels=["province", "nation"]),
        rule("a", levels=None),
    ],
    [],
    [],
)[0]


@pytest.mark.parametrize(
    ("region", "ids"),
    [
        (VILLAGE, "defg"), (f"{DISTRICT}.2002", "efg"), ("12.01.01.2001", "cg"), (DISTRICT, "g"), (OTHER, "d"),
        ("11.02", ""), ("11", "b"), ("ID", "ab"),
    ],
)  # fmt: skip
def test_a_region_is_watched_by_the_rules_of_its_scope_in_the_order_of_ids(region: str, ids: str) -> None:
    """By level and by regions above it; without levels by the region alone. A rule with several regions counts once."""
    world = World()
    world.put_rules(RuleInForce.make(each, 1, 0) for each in RULES)
    assert "".join(each.rule.id for each in world.watching(region)) == ids
    assert ids == "".join(sorted(each.id for each in RULES if each.covers(region)))
