"""Which day a request asks about: `as_of` by effect, `known_at` by what had been recorded until then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import Query

from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_api import Problem
from shared.regions.codes import NATION, local
from shared.runtime.clock import Clock

AsOfDay = Annotated[date | None, Query(description="The day whose figures are asked about; today by default")]
KnownAt = Annotated[date | None, Query(description="Only what had been recorded by the end of this day (WIB)")]

Asked = Callable[..., AsOf | None]


def asked(clock: Clock) -> Asked:
    """Return a dependency that gives the day asked about; None is now, with all that is known."""

    def at(code: str, as_of: AsOfDay = None, known_at: KnownAt = None) -> AsOf | None:
        if as_of is None and known_at is None:
            return None
        now = clock.now()
        today = local(code, now).date()
        refuse_future("as_of", as_of, today)
        refuse_future("known_at", known_at, local(NATION, now).date())
        return AsOf(as_of or today, known_at)

    return at


def refuse_future(field: str, day: date | None, last: date) -> None:
    """Raise the 422 for a day after the last that can be asked about, which is today's where the region is."""
    if day is not None and day > last:
        detail = f"{field} is {day}, after {last}, the last day there is to ask about; write that or a day before"
        raise Problem(422, f"{field}_in_future", detail, field=field)
