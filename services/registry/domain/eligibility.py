"""Which programmes a segment may hold. Dated, as regulations change."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

DEFAULT_PROGRAMMES = ("JKK", "JKM")


@dataclass(frozen=True, slots=True)
class Eligibility:
    """Programmes open to a segment from the day `since` on."""

    segment: str
    since: date
    programmes: frozenset[str]


_FOUNDED = date(1977, 12, 5)
DEFAULT_ELIGIBILITY: tuple[Eligibility, ...] = (
    Eligibility("PU", _FOUNDED, frozenset({"JKK", "JKM", "JHT", "JP", "JKP"})),
    Eligibility("BPU", _FOUNDED, frozenset({"JKK", "JKM", "JHT"})),
    Eligibility("PMI", _FOUNDED, frozenset({"JKK", "JKM", "JHT"})),
    Eligibility("JAKON", _FOUNDED, frozenset({"JKK", "JKM"})),
)
"""semantics.md, "Facts"."""

_BESIDE_JKP = frozenset({"JKK", "JKM", "JHT"})


def allowed_programmes(segment: str, on: date, table: tuple[Eligibility, ...] = DEFAULT_ELIGIBILITY) -> frozenset[str]:
    """Return the programmes open to the segment on this day."""
    rows = [row for row in table if row.segment == segment and row.since <= on]
    return max(rows, key=lambda row: row.since).programmes if rows else frozenset()


def not_eligible(segment: str, programmes: Collection[str], on: date) -> str | None:
    """Return why the segment may not have these programmes together on this day; None when it may."""
    allowed = allowed_programmes(segment, on)
    refused = sorted(set(programmes) - allowed)
    if refused:
        return f"{segment} may not hold {', '.join(refused)}; it may hold {', '.join(sorted(allowed))}"
    if "JKP" in programmes and not set(programmes) >= _BESIDE_JKP:
        return "JKP stands only beside JKK, JKM and JHT; add them or leave JKP out"
    return None
