"""A region over time, over HTTP: its history and its flows, for officials."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import islice
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from services.coverage.counting.domain.flows import before
from services.coverage.http.dependencies import MOVED, Dependencies, refuse_after
from services.coverage.http.visibility import REFUSALS, SCOPE, Visibility, demand_all
from services.coverage.reading.series import POINTS_AT_MOST, HistoryPoint, Series, Step, days_of
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_problem import Problem
from shared.adapters.http_query import Day
from shared.contracts.snapshots import Count
from shared.runtime.auth import Caller

_A_YEAR: Final = timedelta(days=365)
_A_MONTH: Final = timedelta(days=29)
"""30 days with the last one: the window that is shown most."""
From = Annotated[Day | None, Query(alias="from", description="The first day; by default a year before the last")]
To = Annotated[Day | None, Query(description="The last day; by default `as_of`, else today")]
From30 = Annotated[Day | None, Query(alias="from", description="The first day; by default 29 before the last")]
OfStep = Annotated[Step, Query(description="Every day, or the ends of months and the last day")]


@dataclass(frozen=True, slots=True)
class History:
    """A region by day or month, as known at a day; null: as known now."""

    region: str
    known_at: date | None
    points: list[HistoryPoint]


@dataclass(frozen=True, slots=True)
class FlowsBetween:
    """The flows of a region from the first day to the last, by kind, and the change that they add up to.

    `change.registered` is joined + rejoined + moved_in − ended − moved_out; `change.active` the sum of all `active`.
    """

    region: str
    first: date
    last: date
    known_at: date | None
    change: Count
    flows: dict[str, Count]


def create_router(*, visibility: Visibility, series: Series, depends: Dependencies) -> APIRouter:
    """Return the routes under /v1/regions that look back over time."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"], responses=MOVED | REFUSALS)

    @router.get("/{code}/history", responses={200: {"model": History}})
    async def get_history(
        request: Request, region: str = Depends(depends.region), first: From = None, to: To = None,
        step: OfStep = "day", at: AsOf | None = Depends(depends.asked), caller: Caller = depends.bearer.requires(SCOPE),
    ) -> Response:  # fmt: skip
        """Return registered, active, potential and coverage at the end of each day, at most 1,000 of them."""
        demand_all(caller, [region])
        span = _span(first, to, at, depends.today(region), _A_YEAR)
        days = [*islice(days_of(*span, step), POINTS_AT_MOST + 1)]
        if len(days) > POINTS_AT_MOST:
            detail = f"these are over {POINTS_AT_MOST} points; write a later `from`, or step=month"
            raise Problem(422, "too_many_points", detail, field="from")
        known_at = at.known_at if at else None

        async def history() -> History:
            return History(region, known_at, await series.history(region, days, known_at))

        return await visibility.answer_official(request, [region], at, history)

    @router.get("/{code}/flows", responses={200: {"model": FlowsBetween}})
    async def get_flows(
        request: Request, region: str = Depends(depends.region), first: From30 = None, to: To = None,
        at: AsOf | None = Depends(depends.asked), caller: Caller = depends.bearer.requires(SCOPE),
    ) -> Response:  # fmt: skip
        """Return the gross flows from the first day to the last: by kind, registered and active."""
        demand_all(caller, [region])
        today, known_at = depends.today(region), at.known_at if at else None
        span = _span(first, to, at, today, _A_MONTH)

        async def flows() -> FlowsBetween:
            found = await series.flows(region, *span, known_at, today)
            return FlowsBetween(region, *span, known_at, found.change, found.flows)

        return await visibility.answer_official(request, [region], at, flows)

    return router


def _span(first: date | None, to: date | None, at: AsOf | None, today: date, length: timedelta) -> tuple[date, date]:
    """Return the first day and the last. Raises: Problem 422 if they are in the wrong order or in the future."""
    latest = at.day if at else today
    refuse_after("to", to, latest)
    last = to or latest
    first = first or before(last, length)
    if first > last:
        detail = f"from is {first}, after the last day {last}; write {last} or a day before"
        raise Problem(422, "from_after_to", detail, field="from")
    return first, last
