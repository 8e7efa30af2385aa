"""Hides counts of regions from the public: registered, active and unplaced people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.coverage.public.domain.suppression import Children, hidden_numbers, hidden_people, unplaced_of
from shared.contracts.snapshots import Snapshot

MEASURES: Final = ("registered", "active")

Document = dict[str, Any]
Counts = Mapping[str, frozenset[str]]
"""By measure, the regions whose count is hidden, and `unplaced_of` them."""


def hidden_counts(people: Mapping[str, Mapping[str, int]], parents: Sequence[str], children: Children) -> Counts:
    """Return what is hidden of people by measure and region. `parents` come from the top down, the nation first.

    With who is registered goes who is active: no fewer are registered.
    """
    registered = hidden_numbers(people["registered"], parents, children, rule=hidden_people)
    active = hidden_numbers(people["active"], parents, children, forced=registered, rule=hidden_people)
    return {"registered": registered, "active": active}


def few(counts: Counts) -> frozenset[str]:
    """Return the regions of which any count is hidden."""
    return frozenset[str]().union(*counts.values())


def people_of(snapshots: Mapping[str, Snapshot]) -> dict[str, dict[str, int]]:
    """Return the counts by measure and region."""
    return {measure: {code: getattr(shot, measure) for code, shot in snapshots.items()} for measure in MEASURES}


def hide_counts(document: Document, region: str, counts: Counts) -> list[str]:
    """Make null in a region's document the hidden counts and the ratios that tell them; return the fields' names."""
    return [name for measure in MEASURES for name in _hide(document, region, measure, counts[measure])]


def _hide(document: Document, region: str, measure: str, hidden: frozenset[str]) -> list[str]:
    suppressed = []
    if region in hidden:
        document[measure] = None
        suppressed.append(measure)
        if document["coverage"][measure] is not None:
            document["coverage"][measure].update(numerator=None, ratio=None)
            suppressed.append(f"coverage.{measure}")
    if unplaced_of(region) in hidden:
        document["unplaced"][measure] = None
        suppressed.append(f"unplaced.{measure}")
    return suppressed
