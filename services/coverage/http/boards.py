"""Who is due, and which villages meet their quota, over HTTP, for officials."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from services.coverage.http.dependencies import MOVED, Dependencies
from services.coverage.http.visibility import REFUSALS, SCOPE, Visibility, demand_all
from services.coverage.reading.boards import Boards, place_on_board
from services.coverage.reading.due import By, Due, DueReader
from services.coverage.reference.domain.quota import Village
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_problem import Problem
from shared.adapters.paging import Cursor, Limit, cursor_in, place_in
from shared.adapters.territory import demand_within
from shared.contracts.snapshots import QuotaBoard
from shared.runtime.auth import Caller

Group = Literal["vulnerable", "village_official", "non_asn", "election_officer"]
Days = Annotated[int, Query(ge=1, le=366, description="Days ahead of the region's today")]
DueBy = Annotated[By, Query(description="By what the people are grouped")]
OfGroup = Annotated[Group, Query(description="The group of the quota")]


@dataclass(frozen=True, slots=True)
class QuotaVillages:
    """The villages of a region beside their quota of a group: those at zero first, then the most short."""

    region: str
    group: str
    total: QuotaBoard
    items: list[Village]
    next: str | None


def create_router(*, visibility: Visibility, due: DueReader, boards: Boards, depends: Dependencies) -> APIRouter:
    """Return the routes under /v1/regions on which officials act."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"], responses=MOVED | REFUSALS)

    @router.get("/{code}/due", responses={200: {"model": Due}})
    async def get_due(
        request: Request, region: str = Depends(depends.region), days: Days = 30, by: DueBy = "payer",
        at: AsOf | None = Depends(depends.asked), caller: Caller = depends.bearer.requires(SCOPE),
    ) -> Response:  # fmt: skip
        """Return the active people who lapse within so many days unless somebody pays. This is known of today only."""
        demand_all(caller, [region, *(depends.catalogue.children(region) if by == "child" else ())])
        if at is not None and (at.day != depends.today(region) or at.known_at is not None):
            detail = "who lapses when is known of today only; leave as_of and known_at out"
            raise Problem(422, "not_known_of_the_past", detail, field="as_of")

        async def found() -> Due:
            return await due.of(region, timedelta(days=days), by)

        return await visibility.answer_official(request, [region], None, found)

    @router.get("/{code}/quota", responses={200: {"model": QuotaVillages}})
    async def get_quota(
        request: Request, group: OfGroup, region: str = Depends(depends.region), limit: Limit = 100,
        cursor: Cursor = None, at: AsOf | None = Depends(depends.asked),
        caller: Caller = depends.bearer.requires(SCOPE),
    ) -> Response:  # fmt: skip
        """Return the villages with a quota of the group, page by page, and their sums; never a mean.

        A village whose people change while pages are read may be on two pages or on none. Name `known_at`, a day that
        is over, for pages that do not change.
        """
        demand_within(demand_all(caller, [region]), region)
        order = f"quota {group}"
        after = place_in(order, cursor, tuple[bool, int, str])

        async def page() -> QuotaVillages:
            board = await boards.quota(region, group, at or AsOf(depends.today(region)), now=at is None, after=after)
            rest = board.villages
            following = cursor_in(order, place_on_board(rest[limit - 1])) if len(rest) > limit else None
            return QuotaVillages(region, group, board.total, rest[:limit], following)

        return await visibility.answer_official(request, [region], at, page)

    return router
