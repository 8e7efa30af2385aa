"""Desa Sadar Jaminan Sosial: which villages are eligible or designated, and whether the year keeps its pace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from math import ceil
from typing import Final

from services.coverage.reference.domain.reference import AsOf, RecordedRow, ReferenceIndex, ReferenceKind
from shared.contracts.snapshots import DesignationPace, DesignationState
from shared.regions.codes import NATION

DESIGNATIONS: Final = ReferenceKind("designations", int)
"""A village's value is 1: designated. The nation's value is the number of villages to be designated in a year."""
DESIGNATED: Final = "designated"
"""The series of a village's designation."""
YEARS_QUOTA: Final = "quota"
"""The series of the nation's yearly number."""
STATES: Final[tuple[DesignationState, ...]] = ("none", "eligible", "designated", "designated_broken")


def state(roster: int | None, active_officials: int, *, designated: bool) -> DesignationState:
    """Return the state of a village. `roster` is its potential of the basis `village_officials`."""
    if designated:
        return "designated_broken" if roster is not None and active_officials < roster else "designated"
    return "eligible" if roster and active_officials >= roster else "none"


def designation(reference: ReferenceIndex, village: str, at: AsOf) -> RecordedRow[int] | None:
    """Return the designation of a village that is in force, or None."""
    return reference.one(DESIGNATIONS, village, DESIGNATED, at)


def pace(reference: ReferenceIndex, at: AsOf) -> DesignationPace | None:
    """Compare the year's designations up to the day with its quota. None where the year has no quota."""
    quotas = dict(_quotas(reference, at))
    if at.day.year not in quotas:
        return None
    quota = quotas[at.day.year]
    rows = (designation(reference, village, at) for village in reference.regions_of(DESIGNATIONS))
    years = [row.statement.valid_from.year for row in rows if row is not None]
    designated, expected = years.count(at.day.year), ceil(expected_by(at.day, quota))
    return DesignationPace(
        year=at.day.year,
        designated=designated,
        quota=quota,
        expected=expected,
        villages_short=max(0, expected - designated),
        designated_in_all=len(years),
        quota_in_all=sum(quotas.values()),
    )


def expected_by(day: date, quota: int) -> Fraction:
    """Return how much of a year's quota is due on a day: quota × day of year ÷ days in year."""
    return Fraction(quota * day.timetuple().tm_yday, date(day.year, 12, 31).timetuple().tm_yday)


def _quotas(reference: ReferenceIndex, at: AsOf) -> Iterator[tuple[int, int]]:
    """Yield year and quota of each year with a quota, up to the year of the day."""
    years = {row.statement.valid_from.year for row in reference.rows(DESIGNATIONS, NATION, YEARS_QUOTA)}
    for year in sorted(years):
        row = reference.one(DESIGNATIONS, NATION, YEARS_QUOTA, AsOf(min(date(year, 12, 31), at.day), at.known_at))
        if row is not None and row.statement.valid_from.year == year:
            yield year, row.value
