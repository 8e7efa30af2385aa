"""Coverage's HTTP side: regions, for those with a token in full and for the public without what tells of persons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec
from fastapi import APIRouter, Depends
from fastapi.responses import Response

from services.coverage.adapters.http_days import Asked
from services.coverage.adapters.http_places import MOVED, Placed
from services.coverage.adapters.http_sight import REFUSALS, Sight
from services.coverage.domain.reference import AsOf
from shared.adapters.http_api import Bearer
from shared.adapters.paging import Cursor, Limit, cursor_at, place_of
from shared.contracts.snapshots import Count, Snapshot
from shared.regions.catalogue import Catalogue
from shared.runtime.auth import Caller


@dataclass(frozen=True, slots=True)
class Page:
    """Regions directly below one, in order of code; `unplaced` are those of its people that none of them has."""

    region: str
    unplaced: Count
    items: list[Snapshot]
    next: str | None


def create_router(*, sight: Sight, placed: Placed, asked: Asked, catalogue: Catalogue, bearer: Bearer) -> APIRouter:
    """Return the routes under /v1/regions."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"])

    @router.get("/{code}", responses={200: {"model": Snapshot}, **REFUSALS, **MOVED})
    async def get_region(
        region: str = Depends(placed), at: AsOf | None = Depends(asked), caller: Caller | None = bearer.optional
    ) -> Response:
        """Return a region as counted now, or as of a day; without a token small numbers are null and named under
        `suppressed`. Who is due, and who said so when, is known of now only: of a day `due` and `fed_at` are empty.
        """
        return _json((await sight.snapshots(caller, [region], at))[0])

    @router.get("/{code}/children", responses={200: {"model": Page}, **REFUSALS, **MOVED})
    async def get_children(
        region: str = Depends(placed),
        limit: Limit = 100,
        cursor: Cursor = None,
        at: AsOf | None = Depends(asked),
        caller: Caller | None = bearer.optional,
    ) -> Response:
        """Return the regions directly below, page by page; without a token as for one region."""
        below = [child for child in catalogue.children(region) if child > place_of(cursor)]
        page = below[:limit]
        parent, *items = await sight.snapshots(caller, [region, *page], at)
        return _json(
            {
                "region": region,
                "unplaced": msgspec.to_builtins(parent)["unplaced"],
                "items": items,
                "next": cursor_at(page[-1]) if len(below) > limit else None,
            }
        )

    return router


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
