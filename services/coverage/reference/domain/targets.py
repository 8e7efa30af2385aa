"""Target paths: what is required on a day, how many people that is, how many are short. Decided on whole numbers."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Final

from services.coverage.reference.domain.ratio import rounded
from services.coverage.reference.domain.reference import Kind, Row
from shared.contracts.snapshots import Target, TargetPoint

MEASURES: Final = ("registered", "active")


@dataclass(frozen=True, slots=True)
class Point:
    """The ratio that is to be reached on a day, exactly as it was stated."""

    on: date
    ratio: Decimal


@dataclass(frozen=True, slots=True)
class Path:
    """Points, each later than the one before; at least one."""

    points: tuple[Point, ...]

    def required(self, day: date) -> Fraction | None:
        """Return what is required on a day, exactly: linear by day between two points, None before the first, and
        the last's after it.
        """
        after = bisect_right(self.points, day, key=lambda point: point.on)
        if after == 0:
            return None
        one = self.points[after - 1]
        other = self.points[min(after, len(self.points) - 1)]
        gone = Fraction((day - one.on).days, max((other.on - one.on).days, 1))
        return Fraction(one.ratio) + (Fraction(other.ratio) - Fraction(one.ratio)) * gone

    def next(self, day: date) -> Point | None:
        """Return the first point after a day."""
        return next((point for point in self.points if point.on > day), None)


TARGETS: Final = Kind("targets", Path)


def people_for(required: Fraction, potential: int) -> int:
    """Return how many people a ratio takes: ceil(required × potential), in exact arithmetic."""
    return ceil(required * potential)


def people_short(required: Fraction, potential: int, numerator: int) -> int:
    """Return how many people are missing: 0 where the ratio is met."""
    return max(0, people_for(required, potential) - numerator)


def series_of(basis: str, measure: str) -> str:
    """Return the series of a basis and a measure."""
    return f"{basis} {measure}"


def target(row: Row[Path], day: date, numerator: int | None, potential: int | None) -> Target:
    """Return where a region stands on its path on a day; numbers of people are None where either of theirs is."""
    path, required = row.value, row.value.required(day)
    people = None if required is None or potential is None else people_for(required, potential)
    ahead = None if people is None or numerator is None else numerator - people
    basis, _, measure = row.figure.series.partition(" ")
    upcoming = path.next(day)
    return Target(
        basis=basis,
        measure=measure,
        required=None if required is None else rounded(required),
        people_required=people,
        people_short=None if ahead is None else max(0, -ahead),
        people_ahead=ahead,
        next=None if upcoming is None else _shown(upcoming, numerator, potential),
        last=_shown(path.points[-1], numerator, potential),
        source=row.figure.source,
        valid_from=row.figure.valid_from,
        version=row.version,
    )


def _shown(point: Point, numerator: int | None, potential: int | None) -> TargetPoint:
    exact = Fraction(point.ratio)
    people = None if potential is None else people_for(exact, potential)
    short = None if potential is None or numerator is None else people_short(exact, potential, numerator)
    return TargetPoint(point.on, rounded(exact), people, short)
