"""When the last point of a target path will be reached if people keep coming at the recent rate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from typing import Final

from services.coverage.reference.domain.ratio import rounded
from services.coverage.reference.domain.reference import RecordedRow
from services.coverage.reference.domain.targets import TargetPath, people_short
from shared.contracts.snapshots import Forecast, Projection

RATE_DAYS: Final = 90
"""The main projection uses the gain of this many days (semantics.md)."""
RANGE_DAYS: Final = (30, 180)
"""Two more projections, from a shorter and a longer time, show how sure the main one is."""
LOOKED_BACK: Final = (RATE_DAYS, *RANGE_DAYS)
SHORTEST_DAYS: Final = min(RANGE_DAYS)
"""With less history than this there is no forecast."""
MONTH_DAYS: Final = 30
_FARTHEST_DAYS: Final = 36_525
"""100 years. A later day is given as None: not at this rate."""


def forecast(
    row: RecordedRow[TargetPath], day: date, numerator: int, potential: int | None, earlier: Mapping[int, int]
) -> Forecast | None:
    """Return the forecast as of a day. None without a potential, or with less than 30 days of history.

    `earlier` gives the number of people by days ago. Days before the history began are absent.
    """
    if not potential or SHORTEST_DAYS not in earlier:
        return None
    last = row.value.points[-1]
    required = Fraction(last.ratio)
    short = people_short(required, potential, numerator)
    by_days = {days: projection(day, days, numerator - earlier[days], short) for days in LOOKED_BACK if days in earlier}
    basis, _, measure = row.statement.series.partition(" ")
    return Forecast(
        basis=basis,
        measure=measure,
        ratio=rounded(required),
        due_on=last.on,
        people_short=short,
        needed_a_month=needed_a_month(day, last.on, short),
        at_rate=by_days.get(RATE_DAYS),
        range=tuple(by_days[days] for days in RANGE_DAYS if days in by_days),
    )


def projection(day: date, days: int, gained: int, short: int) -> Projection:
    """Return the day on which `short` more people will have come, at the rate of the last `days`.

    The day is None where that rate never reaches it, and `day` itself where nobody is short.
    """
    if short == 0:
        return Projection(days, gained, day)
    if gained <= 0:
        return Projection(days, gained, None)
    needed_days = ceil(Fraction(short * days, gained))
    reached_on = day + timedelta(days=needed_days) if needed_days <= _FARTHEST_DAYS else None
    return Projection(days, gained, reached_on)


def needed_a_month(day: date, due_on: date, short: int) -> int | None:
    """Return how many people must come in 30 days to meet the target on time. None where the time is over."""
    if short == 0:
        return 0
    left = (due_on - day).days
    return ceil(Fraction(short * MONTH_DAYS, left)) if left > 0 else None
