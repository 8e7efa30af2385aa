"""How counters and flows look in MongoDB, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any
from urllib.parse import quote, unquote

from pymongo import UpdateOne

from services.coverage.application.ports import Figures, Flush
from services.coverage.domain.counters import Tally
from services.coverage.domain.flows import Flow, FlowKey
from shared.adapters.mongo import Document

_DAY_IN_KEY = "%Y%m%d"


def source_key(source: str) -> str:
    """Return the source as a field name: the dot would be a path, the dollar an operator."""
    return "s" + quote(source, safe="").replace(".", "%2E")


def source_of(key: str) -> str:
    """Return the source that a field name stands for."""
    return unquote(key[1:])


def counter_updates(flush: Flush) -> Iterator[UpdateOne]:
    """Yield one upsert a region: counts are added to, times and position only grow."""
    for region, tally in flush.counters.items():
        latest = {f"fed_at.{source_key(source)}": at for source, at in tally.fed_at.items()}
        yield UpdateOne(
            {"_id": f"{region} {flush.partition}"},
            {
                "$inc": {
                    "registered": tally.registered,
                    "active": tally.active,
                    "placed_here": tally.placed_here,
                    "placed_here_active": tally.placed_here_active,
                },
                "$max": {"position": flush.after.next_seq, "recorded_at": tally.recorded_at, **latest},
                "$setOnInsert": {"region": region, "partition": flush.partition},
            },
            upsert=True,
        )


def flow_updates(flush: Flush) -> Iterator[UpdateOne]:
    """Yield one upsert a region and month of effect; inside, by day of effect, day of recording and kind."""
    by_month: dict[tuple[str, str], dict[str, int]] = {}
    for key, flow in flush.flows.items():
        month = by_month.setdefault((key.region, _month(key.effective_day)), {})
        month[f"{_path(key)}.people"] = flow.people
        month[f"{_path(key)}.active"] = flow.active
    for (region, month_name), added in by_month.items():
        yield UpdateOne(
            {"_id": f"{region} {flush.partition} {month_name}"},
            {
                "$inc": added,
                "$setOnInsert": {"region": region, "partition": flush.partition, "month": month_name},
            },
            upsert=True,
        )


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _path(key: FlowKey) -> str:
    return f"days.{key.effective_day:{_DAY_IN_KEY}}.{key.recorded_day:{_DAY_IN_KEY}}.{key.kind}"


def add_counter(figures: Figures, document: Document) -> None:
    """Add one partition's counter to a region's figures."""
    fed_at = {source_of(key): at for key, at in document.get("fed_at", {}).items()}
    figures.tally.add(
        Tally(
            document["registered"],
            document["active"],
            document["placed_here"],
            document["placed_here_active"],
            document["recorded_at"],
            fed_at,
        )
    )
    figures.position += document["position"]


def add_flows(figures: Figures, document: Document, first: date) -> None:
    """Add one partition's month to a region's flows, from the first day on, summed over the days of recording."""
    for day, recorded in document["days"].items():
        effective_day = date(int(day[:4]), int(day[4:6]), int(day[6:]))
        if effective_day >= first:
            for kinds in recorded.values():
                _add_kinds(figures, effective_day, kinds)


def _add_kinds(figures: Figures, day: date, kinds: Mapping[str, Any]) -> None:
    for kind, counted in kinds.items():
        flow = figures.flows.setdefault((day, kind), Flow())
        flow.people += counted["people"]
        flow.active += counted["active"]
