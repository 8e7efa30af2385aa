"""How counters and flows look in MongoDB, and back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final
from urllib.parse import quote, unquote

from pymongo import UpdateOne

from services.coverage.application.ports import Flush
from services.coverage.domain.counters import Tally
from services.coverage.domain.flows import Flow, Flows, flows_of
from services.coverage.domain.rollup import Rollup
from shared.adapters.mongo import Document
from shared.regions.codes import level_of, parent_of

SELF: Final = "-"
"""The part of a block that is the block's own region, beside its villages."""
_SOURCES: Final = 10_000
"""More than there are upstream systems."""
_DAY_IN_KEY: Final = "%Y%m%d"


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
    blocks: dict[str, tuple[Document, Document]] = {}
    for place, tally in rollup.places.items():
        if place not in rollup.above:
            _add(*blocks.setdefault(block_of(place), ({}, {})), part_of(place), tally)
    for region, tally in rollup.above.items():
        added, newest = blocks.setdefault(region, ({}, {}))
        _add(added, newest, SELF, tally)
        added.update(placed_here=tally.placed_here, placed_here_active=tally.placed_here_active)
    for block, (added, newest) in blocks.items():
        update = {
            "$max": {"position": flush.after.next_seq, **newest},
            "$setOnInsert": {"block": block, "partition": flush.partition},
        }
        yield UpdateOne({"_id": f"{block} {flush.partition}"}, update | ({"$inc": added} if added else {}), upsert=True)


def _add(added: Document, newest: Document, part: str, tally: Tally) -> None:
    for code, people in tally.people.items():
        if people:
            added[f"parts.{part}.people.{code}"] = people
    for code, people in tally.lapses.items():
        if people:
            added[f"parts.{part}.lapses.{code}"] = people
    newest[f"parts.{part}.recorded_at"] = tally.recorded_at
    for source, at in tally.fed_at.items():
        newest[f"parts.{part}.fed_at.{source_key(source)}"] = at


def add_counter(tally: Tally, document: Document, region: str) -> None:
    """Add a region's part of its block to a tally; to a district's own, all of its villages too."""
    name, level = part_of(region), level_of(region)
    for other, found in document["parts"].items():
        part = _part(found)
        if other == name or level == "district":
            tally.add(part)
        if other == name and level in ("district", "village"):
            tally.placed_here += part.registered
            tally.placed_here_active += part.active
    tally.placed_here += document.get("placed_here", 0)
    tally.placed_here_active += document.get("placed_here_active", 0)


def _part(found: Document) -> Tally:
    """Return what a part holds, whoever is placed where."""
    fed_at = {source_of(key): at for key, at in found.get("fed_at", {}).items()}
    return Tally(found.get("people", {}), found.get("lapses", {}), 0, 0, found.get("recorded_at"), fed_at)


def flow_updates(flush: Flush, rollup: Rollup) -> Iterator[UpdateOne]:
    """Yield one upsert for nation and each province and month of effect; inside, by day of effect and kind."""
    for region, movements in rollup.movements.items():
        months: dict[str, dict[str, int]] = {}
        for (day, kind), flow in flows_of(movements.items()).items():
            month = months.setdefault(f"{day:%Y-%m}", {})
            month[f"days.{day:{_DAY_IN_KEY}}.{kind}.people"] = flow.people
            month[f"days.{day:{_DAY_IN_KEY}}.{kind}.active"] = flow.active
        for month_name, added in months.items():
            kept = {"region": region, "partition": flush.partition, "month": month_name}
            yield UpdateOne(
                {"_id": f"{region} {flush.partition} {month_name}"}, {"$inc": added, "$setOnInsert": kept}, upsert=True
            )


def add_flows(flows: Flows, document: Document, first: date) -> None:
    """Add one partition's month to a region's flows, from the first day on."""
    for day, kinds in document["days"].items():
        effective_day = date(int(day[:4]), int(day[4:6]), int(day[6:]))
        if effective_day >= first:
            for kind, counted in kinds.items():
                _flow(flows, effective_day, kind).add(Flow(counted["people"], counted["active"]))


def _flow(flows: Flows, day: date, kind: str) -> Flow:
    return flows.setdefault((day, kind), Flow())
