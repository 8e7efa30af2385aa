"""What is shown of a region's figures on a day, whatever stands beside them: made once for each time they change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from services.coverage.counting.domain.counters import Tally
from services.coverage.counting.domain.flows import windowed
from services.coverage.counting.ports import Figures, Version
from services.coverage.reading.derived import People
from shared.contracts.snapshots import Count, DueWindow, Window


@dataclass(frozen=True, slots=True)
class Numbers:
    """As in a snapshot; `placed_here` are those whose place is this very region."""

    version: Version
    people: People
    placed_here: Count
    recorded_at: datetime | None
    fed_at: dict[str, datetime]
    by_segment: dict[str, Count]
    by_payer: dict[str, Count]
    by_programme: dict[str, Count]
    due: dict[DueWindow, dict[str, int]]
    flows: dict[Window, dict[str, Count]]


def numbers_of(figures: Figures, day: date, due: Mapping[DueWindow, timedelta]) -> Numbers:
    """Return what the figures are on that day, with the windows of `due` that are given."""
    tally, people = figures.tally, people_of(figures.tally)
    return Numbers(
        version=figures.version,
        people=people,
        placed_here=Count(tally.placed_here, tally.placed_here_active),
        recorded_at=tally.recorded_at,
        fed_at=dict(sorted(tally.fed_at.items())),
        by_segment=tally.by("segment"),
        by_payer=tally.by("payer"),
        by_programme=tally.by("programme"),
        due={window: tally.due_by_payer(day + ahead) for window, ahead in due.items()},
        flows=windowed(figures.flows, day),
    )


def people_of(tally: Tally) -> People:
    """Return who was counted."""
    return People(Count(tally.registered, tally.active), tally.by("group"))
