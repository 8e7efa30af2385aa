"""Which rules watch a region, and which pieces of the state are to be stored."""

from __future__ import annotations

import pytest

from services.notifier.engine.engine import Engine
from services.notifier.engine.events import (
    Acknowledged,
    Event,
    OfficialsGiven,
    RegionRetired,
    RulesGiven,
    SilenceEnded,
    SilenceGiven,
)  # fmt: skip
from services.notifier.engine.world import Key, RuleInForce, Silence, World
from tests.alerts_trace import OTHER, official, read_all, rule, snap

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


@pytest.mark.parametrize(
    ("event", "key"),
    [
        (Acknowledged("a", "11", "g"), Key("watch", "a", "11")),
        (SilenceGiven(Silence("s", None, frozenset({"12"}), 10**13)), Key("silence", "s")),
        (SilenceEnded("s"), Key("silence", "s")),
        (RegionRetired("11"), Key("region", "11")),
    ],
)
def test_what_an_event_changes_is_touched(event: Event, key: Key) -> None:
    """So that a store writes it."""
    rules, officials, ((at, read),) = read_all([rule("a")], [official("g")], [snap(0, 39)])
    engine = Engine(World())
    for given in (RulesGiven(rules), OfficialsGiven(officials), read):
        engine.apply(at, given)
    engine.world.touched.clear()
    engine.apply(at, event)
    assert key in engine.world.touched
    assert {each.piece for each in engine.world.touched} <= {"watch", "silence", "region"}
