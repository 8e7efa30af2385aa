"""When a registered person falls inactive because nobody paid."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timezone
from functools import lru_cache

from services.registry.domain.months import first_day, month_number
from shared.regions.codes import zone_of


@dataclass(frozen=True, slots=True)
class Grace:
    """How many unpaid months a segment may have before it lapses, from the month `since` on."""

    segment: str
    since: str
    months: int


@dataclass(frozen=True, slots=True, eq=False)
class GraceTable:
    """Rules by segment and date. Tables are compared by identity, so that a cache lookup compares no rules."""

    rules: tuple[Grace, ...]


DEFAULT_GRACE = GraceTable(
    (
        Grace("PU", "1977-12", 3),
        Grace("BPU", "1977-12", 3),
        Grace("JAKON", "1977-12", 0),
        Grace("PMI", "1977-12", 0),
    )
)
"""semantics.md, "Lapse"."""


@lru_cache(maxsize=4096)
def lapses_on(paid_through: str, segment: str, table: GraceTable) -> date:
    """Return the day on which someone paid through this month lapses: grace as in force in the first unpaid month."""
    first_unpaid = month_number(paid_through) + 1
    in_force = [rule for rule in table.rules if rule.segment == segment and month_number(rule.since) <= first_unpaid]
    grace = max(in_force, key=lambda rule: rule.since, default=None)
    return first_day(first_unpaid + (grace.months if grace else 0))


def lapse_instant(day: date, region: str) -> datetime:
    """Return 00:00 of the day in the region's own zone, as an instant in UTC."""
    return _midnight(day, zone_of(region))


@lru_cache(maxsize=4096)
def _midnight(day: date, zone: timezone) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
