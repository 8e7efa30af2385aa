"""What a region's page shows, in which order, from figures that are counted already."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from services.coverage.counting.domain.flows import change_of
from services.coverage.public.domain.release import PublicCoverage, PublicRegion, Shown
from services.coverage.reading.derived import WORKERS, numerators
from services.coverage.reading.sorting import value_of
from services.coverage.reference.domain.ratio import coverage
from shared.contracts.snapshots import Count, Coverage, DueWindow, Forecast, Potential, Snapshot, Target
from shared.regions.codes import Level

PANELS: Final[Mapping[Level, tuple[str, ...]]] = {
    "village": ("people", "quota", "designation", "due", "flows"),
    "district": ("quota", "due", "designation", "fell", "people", "flows"),
    "regency": ("people", "due", "quota", "moved", "alerts", "fell", "designation", "flows"),
    "province": ("people", "behind", "due", "moved", "alerts", "quota", "designation", "flows"),
    "nation": ("people", "behind", "monev", "designation", "feeds", "due", "quota", "alerts", "flows"),
}
"""The five questions of each level's officials, in their order (pages.md), then what else there is."""
PUBLIC_PANELS: Final[Mapping[Level, tuple[str, ...]]] = {
    "village": ("people", "quota", "designation"),
    "district": ("quota", "designation", "people"),
    "regency": ("people", "quota", "designation", "flows", "slices"),
    "province": ("people", "quota", "designation", "flows", "slices"),
    "nation": ("people", "designation", "quota", "flows", "slices"),
}
WINDOWS: Final[tuple[DueWindow, ...]] = ("30d", "60d", "90d")
NAMED: Final = 5
"""Regions that a panel names; the table below it has them all."""
_MONEV_MONTHS: Final = ((6, 30), (12, 31))
"""Monev sheets are six-monthly (domain.md)."""


@dataclass(frozen=True, slots=True)
class Lead:
    """The first figures of a region: people of a basis, their coverage, its targets and forecasts."""

    basis: str
    active: int | None
    registered: int | None
    coverage: Coverage | PublicCoverage
    potential: Potential | None = None
    targets: Sequence[Target] = ()
    forecasts: Sequence[Forecast] = ()


@dataclass(frozen=True, slots=True)
class DueTable:
    """People who lapse within each window: in all, and by payer, the greatest first."""

    total: Mapping[DueWindow, int]
    payers: Sequence[tuple[str, Mapping[DueWindow, int]]]


class DueByPlace(NamedTuple):
    """People who lapse within a window: payers, a row a region below with anybody (by payer, in all), and the rest."""

    payers: Sequence[str]
    rows: Sequence[tuple[Snapshot, Mapping[str, int], int]]
    elsewhere: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Move:
    """By how many active people a part of a region changed; `axis` is `segment`, `group` or `payer`."""

    axis: str
    key: str
    change: int
    active: int


def lead(shown: Snapshot, basis: str) -> Lead:
    """Return the first figures of a region as an official sees it."""
    people, potential = numerators(shown.registered, shown.active, shown.by_group)[basis], shown.potential.get(basis)
    over = None if potential is None else potential.value
    return Lead(
        basis, people.active, people.registered,
        shown.coverage if basis == WORKERS else coverage(people.registered, people.active, over), potential,
        [one for one in shown.target if one.basis == basis], [one for one in shown.forecast if one.basis == basis],
    )  # fmt: skip


def public_lead(shown: Shown) -> Lead:
    """Return the first figures of a region in a release."""
    potential = shown.potential.get(WORKERS) if isinstance(shown, PublicRegion) else None
    return Lead(WORKERS, shown.active, shown.registered, shown.coverage, potential)


def due_table(due: Mapping[DueWindow, Mapping[str, int]]) -> DueTable:
    """Return who lapses, by payer and window."""
    payers = sorted({payer for window in WINDOWS for payer in due.get(window, {})})
    rows = [(payer, {window: due[window].get(payer, 0) for window in WINDOWS}) for payer in payers]
    rows.sort(key=lambda row: [-row[1][window] for window in WINDOWS])
    return DueTable({window: sum(due.get(window, {}).values()) for window in WINDOWS}, rows)


def due_below(below: Iterable[Snapshot]) -> list[tuple[Snapshot, int]]:
    """Return the regions in which most people lapse within 30 days, and how many do."""
    return _most((one, sum(one.due.get("30d", {}).values())) for one in below)


def due_by_place(shown: Snapshot, below: Iterable[Snapshot], window: DueWindow) -> DueByPlace:
    """Return who lapses within the window, by payer and region below; the regions with most people first."""
    payers = [payer for payer, people in due_table(shown.due).payers if people[window]]
    rows = [(one, one.due[window], sum(one.due[window].values())) for one in below if any(one.due[window].values())]
    rows.sort(key=lambda row: (-row[2], row[0].region))
    placed = Counter[str]()
    for _, people, _total in rows:
        placed.update(people)
    return DueByPlace(payers, rows, {payer: shown.due[window].get(payer, 0) - placed[payer] for payer in payers})


def behind(below: Sequence[Snapshot]) -> list[tuple[Snapshot, int]]:
    """Return the regions that are short of their target of all workers, the most short first; all of them."""
    return _sorted((one, int(value_of(one, "short") or 0)) for one in below)


def fell(below: Iterable[Snapshot]) -> list[tuple[Snapshot, int]]:
    """Return the regions that lost most active people in 30 days, and how many they lost."""
    return _most((one, -change(one)) for one in below)


def change(shown: Snapshot) -> int:
    """Return the change in active people of 30 days."""
    return change_of(shown.flows["30d"]).active


def moved(now: Snapshot, then: Snapshot) -> list[Move]:
    """Return the segments, groups and payers whose active people changed: the greatest falls, then the greatest rises.

    So a fall that the total hides is named: a region may gain while its election officers leave.
    """
    axes = (
        ("segment", now.by_segment, then.by_segment),
        ("group", now.by_group, then.by_group),
        ("payer", now.by_payer, then.by_payer),
    )
    moves = [move for axis, ours, theirs in axes for move in _moves(axis, ours, theirs)]
    return sorted(moves, key=lambda one: (one.change > 0, -abs(one.change), one.axis, one.key))


def last_monev(day: date) -> date:
    """Return the last end of a half-year before the day."""
    ends = [date(year, *end) for year in (day.year - 1, day.year) for end in _MONEV_MONTHS]
    return max(end for end in ends if end < day)


def _moves(axis: str, ours: Mapping[str, Count], theirs: Mapping[str, Count]) -> Iterator[Move]:
    for key in sorted(ours.keys() | theirs.keys()):
        active = ours.get(key, Count()).active
        if difference := active - theirs.get(key, Count()).active:
            yield Move(axis, key, difference, active)


def _most(counted: Iterable[tuple[Snapshot, int]]) -> list[tuple[Snapshot, int]]:
    return _sorted(counted)[:NAMED]


def _sorted(counted: Iterable[tuple[Snapshot, int]]) -> list[tuple[Snapshot, int]]:
    return sorted((item for item in counted if item[1] > 0), key=lambda item: (-item[1], item[0].region))
