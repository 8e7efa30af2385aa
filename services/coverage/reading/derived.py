"""What follows for a region from what was counted and what is recorded beside it: ratios, pace, states, forecasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.coverage.reference.domain import desa_sadar, quota
from services.coverage.reference.domain.forecast import forecast
from services.coverage.reference.domain.potentials import BASES, Children, Potentials
from services.coverage.reference.domain.quota import QUOTAS
from services.coverage.reference.domain.ratio import ratio
from services.coverage.reference.domain.reference import AsOf, RecordedRow, ReferenceIndex
from services.coverage.reference.domain.targets import TARGETS, TargetPath, target
from shared.contracts.snapshots import Count, Coverage, Designation, Forecast, Potential, QuotaBoard, Target
from shared.regions.codes import level_of, lineage_of

WORKERS: Final = "workers"
OFFICIALS: Final = "village_officials"
GROUP_OF: Final = {"vulnerable": "vulnerable", OFFICIALS: "village_official"}
"""The group that is the numerator of a basis; of `workers` it is everyone."""


@dataclass(frozen=True, slots=True)
class People:
    """Who was counted in a region: everyone, and by group; None where nobody counts by group."""

    everyone: Count
    groups: Mapping[str, Count] | None = None

    def of(self, basis: str) -> Count | None:
        """Return the numerator of a basis, registered and active; None where it is not counted."""
        if basis == WORKERS:
            return self.everyone
        return None if self.groups is None else self.groups.get(GROUP_OF[basis], Count())


@dataclass(frozen=True, slots=True)
class Counted:
    """People on the day asked about, and `earlier` by days before it; no day from before the history began."""

    now: People
    earlier: Mapping[int, People] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Derived:
    """What follows, as it stands in a snapshot; `coverage` by basis, for those that are counted."""

    potential: dict[str, Potential]
    coverage: dict[str, Coverage]
    target: tuple[Target, ...]
    forecast: tuple[Forecast, ...]
    quota: tuple[QuotaBoard, ...]
    designation: Designation | None


class Deriver:
    """Puts what was counted beside the book of reference data."""

    def __init__(self, book: ReferenceIndex, children: Children) -> None:
        self._book = book
        self._potentials = Potentials(book, children)

    def of(self, region: str, at: AsOf, counted: Counted) -> Derived:
        """Return what follows for a region from what was counted of it on that day."""
        potential = self._potentials.by_basis(region, at)
        paths = self._book.all(TARGETS, region, at).values()
        people = {basis: count for basis in BASES if (count := counted.now.of(basis)) is not None}
        return Derived(
            potential=potential,
            coverage={basis: _coverage(count, potential.get(basis)) for basis, count in people.items()},
            target=tuple(_target(row, at, counted, potential) for row in paths),
            forecast=tuple(found for row in paths if (found := _forecast(row, at, counted, potential)) is not None),
            quota=tuple(self._quotas(region, at, counted.now)),
            designation=self._designation(region, at, counted.now, potential),
        )

    def looks_back(self, region: str, at: AsOf) -> bool:
        """Say whether anything follows from how many people there were earlier."""
        return bool(self._book.all(TARGETS, region, at))

    def _quotas(self, region: str, at: AsOf, people: People) -> Iterator[QuotaBoard]:
        """Yield the board of each group that a quota holds for in a village; above, boards are summed by `Boards`."""
        if level_of(region) != "village" or people.groups is None:
            return
        groups = {group for place in lineage_of(region) for group in self._book.all(QUOTAS, place, at)}
        for group in sorted(groups):
            count = people.groups.get(group, Count())
            holding = quota.holding(self._book, region, group, at, _no_children)
            villages = [quota.village(code, stated, count) for code, stated in holding]
            if villages:
                yield quota.board(group, villages)

    def _designation(
        self, region: str, at: AsOf, people: People, potential: Mapping[str, Potential]
    ) -> Designation | None:
        """Return the state of a village, where it can be told; above, villages are summed by `Boards`."""
        if level_of(region) != "village":
            return None
        roster = potential[OFFICIALS].value if OFFICIALS in potential else None
        officials = people.of(OFFICIALS)
        if roster is not None and officials is None:
            return None
        active = None if officials is None else officials.active
        row = desa_sadar.designation(self._book, region, at)
        state = desa_sadar.state(roster, active or 0, designated=row is not None)
        return Designation(state, row.statement.valid_from if row else None, roster, active)


def _no_children(_region: str) -> tuple[str, ...]:
    return ()


def _coverage(count: Count, potential: Potential | None) -> Coverage:
    denominator = potential.value if potential else None
    return Coverage(ratio(count.registered, denominator), ratio(count.active, denominator))


def _numerator(people: People, row: RecordedRow[TargetPath]) -> tuple[str, int | None]:
    """Return the basis of a path, and the number of people that its measure counts."""
    basis, _, measure = row.statement.series.partition(" ")
    count = people.of(basis)
    return basis, None if count is None else (count.active if measure == "active" else count.registered)


def _target(row: RecordedRow[TargetPath], at: AsOf, counted: Counted, potential: Mapping[str, Potential]) -> Target:
    basis, numerator = _numerator(counted.now, row)
    return target(row, at.day, numerator, potential[basis].value if basis in potential else None)


def _forecast(
    row: RecordedRow[TargetPath], at: AsOf, counted: Counted, potential: Mapping[str, Potential]
) -> Forecast | None:
    basis, numerator = _numerator(counted.now, row)
    numbers = {days: _numerator(people, row)[1] for days, people in counted.earlier.items()}
    earlier = {days: number for days, number in numbers.items() if number is not None}
    if numerator is None or basis not in potential:
        return None
    return forecast(row, at.day, numerator, potential[basis].value, earlier)
