"""Regions over HTTP: as they are now for officials, from releases for the public."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from services.coverage.http.dependencies import MOVED, Dependencies
from services.coverage.http.public import NO_RELEASE, PublicRoutes
from services.coverage.http.visibility import REFUSALS, Visibility, sees_all
from services.coverage.public.domain.release import PublicCount, PublicPlace, PublicRegion
from services.coverage.reading.sorting import Filter, Sort, filtered, ordered
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.paging import Cursor, Limit, codes_in, following_codes
from shared.contracts.snapshots import Count, Snapshot
from shared.runtime.auth import Caller

OfSort = Annotated[
    Sort,
    Query(
        description="What the regions are ordered by, `-` for the greatest first; those without a value come last. "
        "`ratio` is of active people, `short` people short of the target of all workers, `due` those of 30 days"
    ),
]
Filters = Annotated[
    Sequence[Filter],
    Query(
        alias="filter",
        description="Only regions that are short of a target, where nobody is active, or with a village that misses "
        "its quota; several: that are all of it",
    ),
]


@dataclass(frozen=True, slots=True)
class Page:
    """Regions directly below one, in the order asked; `unplaced` are the people of it who are in none of them."""

    region: str
    unplaced: Count | PublicCount
    items: list[Snapshot] | list[PublicRegion] | list[PublicPlace]
    next: str | None


def create_router(*, visibility: Visibility, public: PublicRoutes, depends: Dependencies) -> APIRouter:
    """Return the routes under /v1/regions."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"])

    @router.get(
        "/{code}", responses={200: {"model": Snapshot | PublicRegion | PublicPlace}, **REFUSALS, **MOVED, **NO_RELEASE}
    )
    async def get_region(
        request: Request, region: str = Depends(depends.region), at: AsOf | None = Depends(depends.asked),
        caller: Caller | None = depends.bearer.optional,
    ) -> Response:  # fmt: skip
        """Return a region as counted now, or as of a day. As of a day `due` and `fed_at` are empty: they are known of
        the present only.

        Without a token the region is shown as in a release: `as_of` names its month by the last day, and the newest
        release is the default. Small numbers, and what would reveal them, are null and named under `suppressed`.
        """
        if not sees_all(caller):
            return await public.region(request, caller, region, at)
        return await visibility.answer(request, caller, [region], at, lambda regions: regions[0])

    @router.get("/{code}/children", responses={200: {"model": Page}, **REFUSALS, **MOVED, **NO_RELEASE})
    async def get_children(
        request: Request, region: str = Depends(depends.region), sort: OfSort = "code", filters: Filters = (),
        limit: Limit = 100, cursor: Cursor = None, at: AsOf | None = Depends(depends.asked),
        caller: Caller | None = depends.bearer.optional,
    ) -> Response:  # fmt: skip
        """Return the regions directly below, page by page; without a token as in a release, as for one region, and
        regions with a hidden number come last.

        The first page decides which regions there are and in which order; `next` names those of the later pages. So
        each region is on one page, also when its numbers change meanwhile. The numbers are as of each page's own time.
        """
        if not sees_all(caller):
            return await public.children(request, caller, region, at, sort, filters, limit, cursor)
        below = depends.catalogue.children(region)
        order = order_of(region, sort, filters)
        rest = codes_in(order, cursor, below)

        def page(regions: Sequence[Snapshot]) -> Page:
            codes = rest or [shown.region for shown in ordered(filtered(regions[1:], filters), sort)]
            return page_of(regions, codes, order, limit)

        return await visibility.answer(request, caller, [region, *below], at, page)

    return router


def order_of(region: str, sort: Sort, filters: Sequence[Filter]) -> str:
    """Return what names the order of a list, so that a cursor of another list is refused."""
    return " ".join([region, sort, *sorted(filters)])


def page_of(regions: Sequence[Snapshot], codes: Sequence[str], order: str, limit: int) -> Page:
    """Return the page that begins with these codes of the regions below the first one."""
    by_code = {shown.region: shown for shown in regions[1:]}
    items = [by_code[code] for code in codes[:limit]]
    return Page(regions[0].region, regions[0].unplaced, items, following_codes(order, codes, limit))
