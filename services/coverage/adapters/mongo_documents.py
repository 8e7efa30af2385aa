"""How counters look in MongoDB, and back: a block is a district with its villages, or a larger region alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from pymongo import UpdateOne

from services.coverage.application.ports import Flush
from services.coverage.domain.counters import Tally
from services.coverage.domain.flows import FlowKey
from services.coverage.domain.movements import MOVES
from services.coverage.domain.rollup import Rollup
from shared.adapters.mongo import Document
from shared.regions.codes import level_of, parent_of

SELF: Final = "-"
"""The part of a block that is the block's own region, beside its villages."""
_SOURCES: Final = 10_000
"""More than there are upstream systems."""
_SIGN: Final = -2
"""Where in a kind's field the change in active begins: `lapsed-1`."""
_PRUNED: Final = 6
"""Months that are looked for; so long may a partition have been without a replica."""


def block_of(region: str) -> str:
    """Return the region whose counter document holds this one: a village's district, else the region itself."""
    return parent_of(region) or region if level_of(region) == "village" else region


def part_of(region: str) -> str:
    """Return the name of the region's part in its block."""
    return region.rpartition(".")[2] if level_of(region) == "village" else SELF


@lru_cache(maxsize=_SOURCES)
def source_key(source: str) -> str:
    """Return the source as a field name: the dot would be a path, the dollar an operator."""
    return "s" + quote(source, safe="").replace(".", "%2E")


@lru_cache(maxsize=_SOURCES)
def source_of(key: str) -> str:
    """Return the source that a field name stands for."""
    return unquote(key[1:])


def counter_updates(flush: Flush, rollup: Rollup) -> Iterator[UpdateOne]:
    """Yield one upsert a block: counts are added to, times and position only grow.

    A district has no counts but its own people's: it is the sum of its parts, so nothing is written twice.
    """
    blocks: defaultdict[str, tuple[Document, Document]] = defaultdict(lambda: ({}, {}))
    for place, tally in rollup.places.items():
        if place not in rollup.above:
            _add(*blocks[block_of(place)], part_of(place), tally)
    for region, tally in rollup.above.items():
        _add(*blocks[region], SELF, tally)
        blocks[region][0].update(placed_here=tally.placed_here, placed_here_active=tally.placed_here_active)
    for region, flows in rollup.flows.items():
        _add_flows(blocks[block_of(region)][0], part_of(region), flows, flush.flows_from)
    for block, (added, newest) in blocks.items():
        update = {
            "$max": {"position": flush.after.next_seq, **newest},
            "$setOnInsert": {"block": block, "partition": flush.partition},
        }
        yield UpdateOne({"_id": f"{block} {flush.partition}"}, update | ({"$inc": added} if added else {}), upsert=True)


def _add(added: Document, newest: Document, part: str, tally: Tally) -> None:
    people_at, lapses_at = f"parts.{part}.people.", f"parts.{part}.lapses."
    for code, people in tally.people.items():
        if people:
            added[people_at + code] = people
    for code, people in tally.lapses.items():
        if people:
            added[lapses_at + code] = people
    if tally.arrivals:
        added[f"parts.{part}.arrivals"] = tally.arrivals
    newest[f"parts.{part}.recorded_at"] = tally.recorded_at
    for source, at in tally.fed_at.items():
        newest[f"parts.{part}.fed_at.{source_key(source)}"] = at


def _add_flows(added: Document, part: str, flows: Mapping[FlowKey, int], first: date) -> None:
    """Add the flows of the days that a window can still hold; of all others the pages tell."""
    for (day, kind, change), people in flows.items():
        if people and day >= first:
            added[f"flows.{_month(day)}.{part}.{day.day}.{kind}{change:+d}"] = people


@lru_cache(maxsize=10_000)
def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def add_counter(tally: Tally, document: Document, region: str) -> None:
    """Add a region's part of its block to a tally; to a district's own, all of its villages too."""
    name, level = part_of(region), level_of(region)
    for other, found in document.get("parts", {}).items():
        if other != name and level != "district":
            continue
        part = _part(found)
        tally.add(part)
        if other == name and level in ("district", "village"):
            tally.placed_here += part.registered
            tally.placed_here_active += part.active
    tally.placed_here += document.get("placed_here", 0)
    tally.placed_here_active += document.get("placed_here_active", 0)


def _part(found: Document) -> Tally:
    """Return what a part holds, whoever is placed where."""
    fed_at = {source_of(key): at for key, at in found.get("fed_at", {}).items()}
    return Tally(
        found.get("people", {}),
        found.get("lapses", {}),
        0,
        0,
        found.get("recorded_at"),
        fed_at,
        found.get("arrivals", 0),
    )


def flows_in(document: Document, region: str, first: date) -> Iterator[tuple[FlowKey, int]]:
    """Yield the flows that a block keeps of a region, of that day and later; those of a district's villages are its own
    but for moves.
    """
    name, is_district = part_of(region), level_of(region) == "district"
    for month, parts in document.get("flows", {}).items():
        for part, days in parts.items():
            if part == name or is_district:
                for day, kinds in days.items():
                    at = _date(month, day)
                    if at >= first:
                        for text, people in kinds.items():
                            kind, change = _kind(text)
                            if part == name or kind not in MOVES:
                                yield (at, kind, change), people


@lru_cache(maxsize=10_000)
def _date(month: str, day: str) -> date:
    return date(int(month[:4]), int(month[5:]), int(day))


@lru_cache(maxsize=1_000)
def _kind(text: str) -> tuple[str, int]:
    return text[:_SIGN], int(text[_SIGN:])


def months_before(first: date) -> list[str]:
    """Return the names of a few months before the one of this day: their flows are in no window any more."""
    months = first.year * 12 + first.month - 1
    return [f"{month // 12}-{month % 12 + 1:02d}" for month in range(months - _PRUNED, months)]
