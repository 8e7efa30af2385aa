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
from services.notifier.engine.world import Key, World
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
    """A world that is stored, by its touched pieces, and loaded between any two events decides as one that is kept."""
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
    decisions, kept = list[Decision](), dict[Key, str]()
    for at, event in read:
        decisions += engine.apply(at, event)
        _keep(kept, engine.world)
        assert kept == _all_pieces(engine.world), "every piece that changed was touched"
        engine = Engine(_loaded(kept, engine.world))
    return decisions


def _keep(kept: dict[Key, str], world: World) -> None:
    """Store the pieces that were touched, and no others, as a store does."""
    for key in world.touched:
        document = _document(world, key)
        if document is None:
            kept.pop(key, None)
        else:
            kept[key] = json.dumps(document)
    world.touched.clear()


def _all_pieces(world: World) -> dict[Key, str]:
    """Return every piece as a store should have it."""
    keys = [
        *(Key("region", code) for code in world.regions), *(Key("silence", id_) for id_ in world.silences),
        *(Key("watch", *of) for of in world.watches), *(Key("digest", *of) for of in world.digests),
    ]  # fmt: skip
    return {key: json.dumps(_document(world, key)) for key in keys}


def _document(world: World, key: Key) -> Any:
    match key.piece:
        case "region":
            region = world.regions.get(key.first)
            return region and [documents.region_document(region), msgspec.to_builtins(region.snapshot)]
        case "watch":
            watch = world.watches.get((key.first, key.second))
            return watch and documents.watch_document(watch)
        case "digest":
            digest = world.digests.get((key.first, key.second))
            return digest and documents.digest_document(digest)
        case "silence":
            silence = world.silences.get(key.first)
            return silence and documents.silence_document(silence)
        case _ as other:
            raise AssertionError(f"{other} is no piece")


def _loaded(kept: dict[Key, str], before: World) -> World:
    """Return the world from what was stored; time, rules and officials are kept by their own store."""
    world = World()
    world.now, world.version, world.directory = before.now, before.version, before.directory
    world.put_rules(before.rules.values())
    for key, text_ in kept.items():
        document = json.loads(text_)
        match key.piece:
            case "region":
                world.regions[key.first] = documents.region_of(document[0], msgspec.convert(document[1], Snapshot))
            case "watch":
                world.watches[key.first, key.second] = documents.watch_of(document)
            case "digest":
                world.digests[key.first, key.second] = documents.digest_of(document)
            case "silence":
                world.silences[key.first] = documents.silence_of(document)
    return world
