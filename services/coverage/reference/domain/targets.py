"""Target paths: the ratio required on a day, how many people that is, and how many are missing."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Final

from services.coverage.reference.domain.ratio import rounded
from services.coverage.reference.domain.reference import RecordedRow, ReferenceKind
from shared.contracts.snapshots import Target, TargetPoint


@dataclass(frozen=True, slots=True)
class PathPoint:
    """The ratio that is to be reached on a day, exactly as it was stated."""

    on: date
    ratio: Decimal


@dataclass(frozen=True, slots=True)
class TargetPath:
    """One or more points, in the order of their days."""

    points: tuple[PathPoint, ...]

    def required(self, day: date) -> Fraction | None:
        """Return the exact ratio required on a day.

        Between two points it is linear by day. Before the first it is None; after the last it stays the last.
        """
        after = bisect_right(self.points, day, key=lambda point: point.on)
        if after == 0:
            return None
        one = self.points[after - 1]
        other = self.points[min(after, len(self.points) - 1)]
        passed = Fraction((day - one.on).days, max((other.on - one.on).days, 1))
        return Fraction(one.ratio) + (Fraction(other.ratio) - Fraction(one.ratio)) * passed

    def next(self, day: date) -> PathPoint | None:
        """Return the first point after a day."""
        return next((point for point in self.points if point.on > day), None)


TARGETS: Final = ReferenceKind("targets", TargetPath)
"""The series is basis and measure, with a blank between them."""


def people_for(required: Fraction, potential: int) -> int:
    """Return how many people meet a ratio: ceil(required × potential), in exact arithmetic."""
    return ceil(required * potential)


def people_short(required: Fraction, potential: int, numerator: int) -> int:
    """Return how many people are missing: 0 where the ratio is met."""
    return max(0, people_for(required, potential) - numerator)


def target(row: RecordedRow[TargetPath], day: date, numerator: int | None, potential: int | None) -> Target:
    """Compare a region with its path on a day. People are None where the numerator or the potential is."""
    path, required = row.value, row.value.required(day)
    people = None if required is None or potential is None else people_for(required, potential)
    ahead = None if people is None or numerator is None else numerator - people
    basis, _, measure = row.statement.series.partition(" ")
    upcoming = path.next(day)
    return Target(
        basis=basis,
        measure=measure,
        required=None if required is None else rounded(required),
        people_required=people,
        people_short=None if ahead is None else max(0, -ahead),
        people_ahead=ahead,
        next=None if upcoming is None else _point(upcoming, numerator, potential),
        last=_point(path.points[-1], numerator, potential),
        source=row.statement.source,
        valid_from=row.statement.valid_from,
        version=row.version,
    )


def _point(point: PathPoint, numerator: int | None, potential: int | None) -> TargetPoint:
    exact = Fraction(point.ratio)
    people = None if potential is None else people_for(exact, potential)
    short = None if potential is None or numerator is None else people_short(exact, potential, numerator)
    return TargetPoint(point.on, rounded(exact), people, short)
