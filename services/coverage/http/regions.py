"""Coverage's HTTP side: regions, for those with a token in full and for the public without what tells of persons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from services.coverage.http.days import Asked
from services.coverage.http.places import MOVED, Placed
from services.coverage.http.sight import REFUSALS, Sight, sees_all
from services.coverage.public.shapes import PublicCount, PublicPlace, PublicRegion
from services.coverage.reading.sorting import Document, Filter, Sort, Value, arranged, chosen, is_text, place_of
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_answers import Steady
from shared.adapters.http_api import Bearer
from shared.adapters.paging import Cursor, Limit, cursor_in, malformed_cursor, place_in
from shared.contracts.snapshots import Count, Snapshot
from shared.regions.catalogue import Catalogue
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
    """Regions directly below one, in the order asked; `unplaced` are those of its people that none of them has."""

    region: str
    unplaced: Count | PublicCount
    items: list[Snapshot] | list[PublicRegion] | list[PublicPlace]
    next: str | None


def create_router(
    *, sight: Sight, steady: Steady, catalogue: Catalogue, placed: Placed, asked: Asked, bearer: Bearer
) -> APIRouter:
    """Return the routes under /v1/regions."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"])

    @router.get("/{code}", responses={200: {"model": Snapshot | PublicRegion | PublicPlace}, **REFUSALS, **MOVED})
    async def get_region(
        request: Request, region: str = Depends(placed), at: AsOf | None = Depends(asked),
        caller: Caller | None = bearer.optional,
    ) -> Response:  # fmt: skip
        """Return a region as counted now, or as of a day. Who is due, and who said so when, is known of now only: of a
        day `due` and `fed_at` are empty.

        Without a token small numbers, and what would tell them, are null and named under `suppressed`; flows are shown
        as of month ends, and districts and villages are shown as of month ends only, of the last one by default.
        """
        (snapshot,) = await sight.snapshots(caller, [region], at)
        return steady.answer(request, snapshot, in_full=sees_all(caller))

    @router.get("/{code}/children", responses={200: {"model": Page}, **REFUSALS, **MOVED})
    async def get_children(
        request: Request, region: str = Depends(placed), sort: OfSort = "code", filters: Filters = (),
        limit: Limit = 100, cursor: Cursor = None, at: AsOf | None = Depends(asked),
        caller: Caller | None = bearer.optional,
    ) -> Response:  # fmt: skip
        """Return the regions directly below, page by page; without a token as for one region, and those whose number
        is hidden come last.
        """
        order = " ".join(["children", sort, *sorted(filters)])
        after = _begun(place_in(order, cursor), sort) if cursor else None
        parent, *below = msgspec.to_builtins(await sight.snapshots(caller, [region, *catalogue.children(region)], at))
        rest = arranged(chosen(below, filters), sort, after)
        following = cursor_in(order, _place(rest[limit - 1], sort)) if len(rest) > limit else None
        content = {"region": region, "unplaced": parent["unplaced"], "items": rest[:limit], "next": following}
        return steady.answer(request, content, in_full=sees_all(caller))

    return router


def _place(document: Document, sort: Sort) -> str:
    return msgspec.json.encode(place_of(document, sort)).decode()


def _begun(place: str, sort: Sort) -> tuple[Value, str]:
    """Return the place that a page goes on after. Raises: Problem 422 for one that no page gave."""
    kind: Any = tuple[str, str] if is_text(sort) else tuple[float | None, str]
    try:
        begun: tuple[Value, str] = msgspec.json.decode(place, type=kind)
    except msgspec.DecodeError as error:
        raise malformed_cursor() from error
    return begun
