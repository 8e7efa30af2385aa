"""Desa Sadar Jaminan Sosial: villages all of whose officials are active, those designated, and the year's pace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from math import ceil
from typing import Final

from services.coverage.reference.domain.reference import AsOf, Book, Kind, Row
from shared.contracts.snapshots import DesignationPace, DesignationState
from shared.regions.codes import NATION

DESIGNATIONS: Final = Kind("designations", int)
"""A village's value is 1: designated. The nation's is how many villages are to be designated in a year."""
DESIGNATED: Final = "designated"
YEARS_QUOTA: Final = "quota"
STATES: Final[tuple[DesignationState, ...]] = ("none", "eligible", "designated", "designated_broken")


def state(roster: int | None, active_officials: int, *, designated: bool) -> DesignationState:
    """Return the state of a village; its roster is the potential of the basis `village_officials`."""
    if designated:
        return "designated_broken" if roster is not None and active_officials < roster else "designated"
    return "eligible" if roster and active_officials >= roster else "none"


def designation(book: Book, village: str, at: AsOf) -> Row[int] | None:
    """Return the designation of a village in force."""
    return book.one(DESIGNATIONS, village, DESIGNATED, at)


def pace(book: Book, at: AsOf) -> DesignationPace | None:
    """Return the year's designations against its quota up to the day; None where the year has no quota."""
    quotas = dict(_quotas(book, at))
    if at.day.year not in quotas:
        return None
    quota, years = quotas[at.day.year], list(_years(book, at))
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


def _quotas(book: Book, at: AsOf) -> Iterator[tuple[int, int]]:
    """Yield each year up to the day's that has a quota, with it."""
    years = {row.figure.valid_from.year for row in book.rows(DESIGNATIONS, NATION, YEARS_QUOTA)}
    for year in sorted(years):
        row = book.one(DESIGNATIONS, NATION, YEARS_QUOTA, AsOf(min(date(year, 12, 31), at.day), at.known_at))
        if row is not None and row.figure.valid_from.year == year:
            yield year, row.value


def _years(book: Book, at: AsOf) -> Iterator[int]:
    """Yield the year of each designation in force."""
    for village in book.regions_of(DESIGNATIONS):
        row = designation(book, village, at)
        if row is not None:
            yield row.figure.valid_from.year
