"""Laws of the engine: it equals the plain second reading of alerts.md, and only events and their instants decide."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.engine import documents
from services.notifier.engine.decisions import Decision
from services.notifier.engine.engine import Engine
from services.notifier.engine.events import OfficialsGiven, RulesGiven
from services.notifier.engine.world import World
from shared.contracts.snapshots import Snapshot
from tests.alerts_oracle import Oracle, instant, text
from tests.alerts_scenarios import Dict, scenario
from tests.alerts_trace import lines_of, read_all, traced

SEEDS = st.integers(0, 2**32)


@given(SEEDS)
def test_the_trace_equals_the_plain_second_reading(seed: int) -> None:
    """Engine and oracle print the same lines, ids and order."""
    rules, officials, events = scenario(seed)
    assert traced(rules, officials, events) == Oracle(rules, officials).run(events)


@given(SEEDS)
def test_splitting_time_changes_nothing(seed: int) -> None:
    """Ticks between events, and at the very instant of an event, change no decision."""
    rules, officials, events = scenario(seed)
    assert traced(rules, officials, _with_ticks(events, Random(seed))) == traced(rules, officials, events)


@given(SEEDS)
def test_saving_and_loading_changes_nothing(seed: int) -> None:
    """A world that is stored and loaded between any two events decides as one that is kept."""
    rules, officials, events = scenario(seed)
    assert lines_of(_interrupted(rules, officials, events)) == traced(rules, officials, events)


@given(SEEDS)
def test_reading_all_snapshots_again_changes_nothing(seed: int) -> None:
    """Snapshots that come again are not newer than what is known: nobody is told anything."""
    rules, officials, events = scenario(seed)
    again = [{**event, "at": events[-1]["at"]} for event in events if "snapshot" in event]
    assert traced(rules, officials, events + again) == traced(rules, officials, events)


def _with_ticks(events: list[Dict], random: Random) -> list[Dict]:
    split: list[Dict] = []
    for event in events:
        if split:
            before, after = instant(split[-1]["at"]), instant(event["at"])
            parts = sorted(random.choice([0, 1, random.random()]) for _ in range(3))
            ticks = [
                before + timedelta(milliseconds=(after - before) // timedelta(milliseconds=1) * part) for part in parts
            ]
            split += [{"at": text(tick)} for tick in ticks]
        split.append(event)
    return split


def _interrupted(rules: list[Dict], officials: list[Dict], events: list[Dict]) -> list[Decision]:
    """Return the decisions of an engine that is stopped after each event and started from what was stored."""
    first_rules, first_officials, read = read_all(rules, officials, events)
    engine = Engine(World())
    engine.apply(read[0][0], RulesGiven(first_rules))
    engine.apply(read[0][0], OfficialsGiven(first_officials))
    decisions: list[Decision] = []
    for at, event in read:
        decisions += engine.apply(at, event)
        engine = Engine(_loaded(json.loads(json.dumps(_stored(engine.world))), engine.world))
    return decisions


def _stored(world: World) -> Dict:
    regions = {
        code: [documents.region_document(region), msgspec.to_builtins(region.snapshot)]
        for code, region in world.regions.items()
    }
    return {
        "now": world.now, "version": world.version, "regions": regions,
        "watches": [[*key, documents.watch_document(watch)] for key, watch in world.watches.items()],
        "digests": [[*key, documents.digest_document(digest)] for key, digest in world.digests.items()],
        "silences": [documents.silence_document(silence) for silence in world.silences.values()],
    }  # fmt: skip


def _loaded(stored: Any, before: World) -> World:
    """Return the world from what was stored; rules and officials are kept by their own store."""
    world = World()
    world.now, world.version, world.directory = stored["now"], stored["version"], before.directory
    world.put_rules(before.rules.values())
    for code, (document, snapshot) in stored["regions"].items():
        world.regions[code] = documents.region_of(document, msgspec.convert(snapshot, Snapshot))
    world.watches = {(rule, code): documents.watch_of(document) for rule, code, document in stored["watches"]}
    world.digests = {(rule, who): documents.digest_of(document) for rule, who, document in stored["digests"]}
    silences = [documents.silence_of(document) for document in stored["silences"]]
    world.silences = {silence.id: silence for silence in silences}
    return world
