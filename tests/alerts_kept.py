"""An engine that is stopped after each event and goes on from what a store has of its world."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import msgspec
from pydantic import TypeAdapter

from services.notifier.engine import documents
from services.notifier.engine.decisions import Decision
from services.notifier.engine.directory import Official
from services.notifier.engine.engine import Engine
from services.notifier.engine.events import Event, OfficialsGiven, RulesGiven
from services.notifier.engine.rules import Rule
from services.notifier.engine.world import Key, Watch, World
from shared.contracts.snapshots import Snapshot

_WATCH: Final = TypeAdapter(Watch)
"""Raises when a value has another type than its field."""


def interrupted(
    rules: Sequence[Rule], officials: Sequence[Official], events: Sequence[tuple[int, Event]]
) -> list[Decision]:
    """Return the decisions of an engine that is stopped after each event and started from what was stored.

    Raises: AssertionError when a piece changed that was not touched, or what is stored of it has another type.
    """
    engine = Engine(World())
    engine.apply(events[0][0], RulesGiven(tuple(rules)))
    engine.apply(events[0][0], OfficialsGiven(tuple(officials)))
    decisions, kept = list[Decision](), dict[Key, str]()
    for at, event in events:
        decisions += engine.apply(at, event)
        _keep(kept, engine.world)
        assert kept == _all_pieces(engine.world), "every piece that changed was touched"
        engine = Engine(_loaded(kept, engine.world))
    return decisions


def _keep(kept: dict[Key, str], world: World) -> None:
    """Store the pieces that were touched, and no others, as a store does."""
    for key in world.touched:
        assert all(type(part) is str for part in key)
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
            if watch is None:
                return None
            _WATCH.validate_python(asdict(watch))
            return documents.watch_document(watch)
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
