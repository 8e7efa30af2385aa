"""Completes a counted snapshot with what follows from reference data: potentials, ratios, targets and forecasts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

from services.coverage.counting.domain.counters import Tally
from services.coverage.reference.domain.forecast import forecast
from services.coverage.reference.domain.potentials import Potentials
from services.coverage.reference.domain.ratio import coverage
from services.coverage.reference.domain.reference import AsOf, ReferenceIndex
from services.coverage.reference.domain.targets import TARGETS, target
from shared.contracts.snapshots import Count, Designation, Forecast, QuotaBoard, Snapshot, Target

WORKERS: Final = "workers"
OFFICIALS: Final = "village_officials"
GROUP_OF: Final = {"vulnerable": "vulnerable", OFFICIALS: "village_official"}
"""The group that is the numerator of a basis. The numerator of `workers` is everyone."""

Numerators = Mapping[str, Count]
"""Registered and active people by basis."""


class Board(NamedTuple):
    """Quota boards and Desa Sadar of a region, as a snapshot shows them."""

    quota: tuple[QuotaBoard, ...] = ()
    designation: Designation | None = None


class Deriver:
    """Joins counts with the reference data in force."""

    def __init__(self, reference: ReferenceIndex, potentials: Potentials) -> None:
        self.reference = reference
        self._potentials = potentials

    async def prepare(self, days: Mapping[str, AsOf]) -> None:
        """Have all potentials of these regions at hand, so that `complete` takes no long turn of the event loop."""
        await summed_up(self._potentials, days.items())

    def complete(
        self, counted: Snapshot, at: AsOf, earlier: Mapping[int, Numerators], board: Board, as_of: datetime,
        *, catching_up: bool,
    ) -> Snapshot:  # fmt: skip
        """Return the snapshot with all its parts. `earlier` gives the numerators by days before the day."""
        region, people = counted.region, numerators(counted.registered, counted.active, counted.by_group)
        potential = self._potentials.by_basis(region, at)
        values = {basis: found.value for basis, found in potential.items()}
        targets, forecasts = list[Target](), list[Forecast]()
        for row in self.reference.all(TARGETS, region, at).values():
            basis, _, measure = row.statement.series.partition(" ")
            number = attrgetter(measure)
            then = {days: number(people_then[basis]) for days, people_then in earlier.items()}
            targets.append(target(row, at.day, number(people[basis]), values.get(basis)))
            if found := forecast(row, at.day, number(people[basis]), values.get(basis), then):
                forecasts.append(found)
        return replace(
            counted,
            as_of=as_of,
            catching_up=catching_up,
            potential=potential,
            coverage=coverage(counted.registered, counted.active, values.get(WORKERS)),
            target=tuple(targets),
            forecast=tuple(forecasts),
            quota=board.quota,
            designation=board.designation,
        )

    def has_forecast(self, region: str, at: AsOf) -> bool:
        """Say whether the region has a target, so that its earlier numerators are needed."""
        return bool(self.reference.all(TARGETS, region, at))


async def summed_up(potentials: Potentials, asked: Iterable[tuple[str, AsOf]]) -> None:
    """Have these regions' potentials at hand; a thread sums up those that are not kept."""

    def sum_up(missing: Iterable[tuple[str, AsOf]]) -> None:
        for region, at in missing:
            potentials.by_basis(region, at)

    asked = list(asked)
    # New reference data may have come meanwhile.
    while missing := [(region, at) for region, at in asked if not potentials.is_kept(region, at)]:
        await asyncio.to_thread(sum_up, missing)


def numerators(registered: int, active: int, by_group: Mapping[str, Count]) -> Numerators:
    """Return the numerator of each basis."""
    groups = {basis: by_group.get(group, Count()) for basis, group in GROUP_OF.items()}
    return {WORKERS: Count(registered, active), **groups}


def numerators_of(tally: Tally) -> Numerators:
    """Return the numerator of each basis from a region's counts."""
    return numerators(tally.registered, tally.active, tally.by("group"))
