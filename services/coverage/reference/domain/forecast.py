"""When a path's last point will be reached if people go on coming as they did lately."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from math import ceil
from typing import Final

from services.coverage.reference.domain.ratio import rounded
from services.coverage.reference.domain.reference import Row
from services.coverage.reference.domain.targets import Path, people_for
from shared.contracts.snapshots import Forecast, Projection

RATE_DAYS: Final = 90
RANGE_DAYS: Final = (30, 180)
LOOKED_BACK: Final = (RATE_DAYS, *RANGE_DAYS)
SHORTEST_DAYS: Final = min(RANGE_DAYS)
"""With less history than this there is no forecast."""
MONTH_DAYS: Final = 30
_FARTHEST_DAYS: Final = 36_525
"""100 years: beyond it, "not at this rate"."""


def forecast(
    row: Row[Path], day: date, numerator: int, potential: int | None, earlier: Mapping[int, int]
) -> Forecast | None:
    """Return the forecast as of a day; None without people to divide by, or with under 30 days of history.

    `earlier` gives by days ago how many people there were; it has no day from before the history began.
    """
    if not potential or SHORTEST_DAYS not in earlier:
        return None
    last = row.value.points[-1]
    short = max(0, people_for(Fraction(last.ratio), potential) - numerator)
    by_days = {
        days: projection(day, days, numerator - earlier[days], short)
        for days in sorted({RATE_DAYS, *RANGE_DAYS})
        if days in earlier
    }
    basis, _, measure = row.figure.series.partition(" ")
    return Forecast(
        basis=basis,
        measure=measure,
        ratio=rounded(Fraction(last.ratio)),
        due_on=last.on,
        people_short=short,
        needed_a_month=needed_a_month(day, last.on, short),
        at_rate=by_days.get(RATE_DAYS),
        range=tuple(by_days[days] for days in RANGE_DAYS if days in by_days),
    )


def projection(day: date, days: int, gained: int, short: int) -> Projection:
    """Return when `short` more people will have come at the rate of the last `days`; None: not at this rate.

    Where nobody is short, it is reached already: on this day at the latest.
    """
    if short == 0:
        return Projection(days, gained, day)
    if gained <= 0:
        return Projection(days, gained, None)
    needed_days = ceil(Fraction(short * days, gained))
    reached_on = day + timedelta(days=needed_days) if needed_days <= _FARTHEST_DAYS else None
    return Projection(days, gained, reached_on)


def needed_a_month(day: date, due_on: date, short: int) -> int | None:
    """Return how many people in 30 days would still meet it on time; None where the time is over and some are short."""
    if short == 0:
        return 0
    left = (due_on - day).days
    return ceil(Fraction(short * MONTH_DAYS, left)) if left > 0 else None
