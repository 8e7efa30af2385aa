"""Coverage's HTTP side: regions, for those with a token in full and for the public without what tells of persons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Depends
from fastapi.responses import Response

from services.coverage.adapters.http_days import Asked
from services.coverage.adapters.http_sight import Sight
from services.coverage.application.public_shapes import PublicCount, PublicPlace, PublicRegion
from services.coverage.domain.reference import AsOf
from shared.adapters.http_api import Bearer, Problem
from shared.adapters.openapi import problem
from shared.adapters.paging import Cursor, Limit, cursor_at, place_of
from shared.contracts.snapshots import Count, Snapshot
from shared.regions.catalogue import Catalogue
from shared.runtime.auth import Caller

_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: problem("No acceptable token, and the public does not see the region as of that day"),
    403: problem("The token lacks the scope, and the public does not see the region as of that day"),
    404: problem("No region has this code"),
}


@dataclass(frozen=True, slots=True)
class Page:
    """Regions directly below one, in order of code; `unplaced` are those of its people that none of them has."""

    region: str
    unplaced: Count | PublicCount
    items: list[Snapshot] | list[PublicRegion] | list[PublicPlace]
    next: str | None


def create_router(*, sight: Sight, asked: Asked, catalogue: Catalogue, bearer: Bearer) -> APIRouter:
    """Return the routes under /v1/regions."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"])

    @router.get("/{code}", responses={200: {"model": Snapshot | PublicRegion | PublicPlace}, **_REFUSALS})
    async def get_region(
        code: str, at: AsOf | None = Depends(asked), caller: Caller | None = bearer.optional
    ) -> Response:
        """Return a region as counted now, or as of a day. Who is due, and who said so when, is known of now only: of a
        day `due` and `fed_at` are empty.

        Without a token small numbers, and what would tell them, are null and named under `suppressed`; flows are shown
        as of month ends, and districts and villages are shown as of month ends only, of the last one by default.
        """
        check_region(code, catalogue)
        return _json((await sight.snapshots(caller, [code], at))[0])

    @router.get("/{code}/children", responses={200: {"model": Page}, **_REFUSALS})
    async def get_children(
        code: str,
        limit: Limit = 100,
        cursor: Cursor = None,
        at: AsOf | None = Depends(asked),
        caller: Caller | None = bearer.optional,
    ) -> Response:
        """Return the regions directly below, page by page; without a token as for one region."""
        check_region(code, catalogue)
        below = [child for child in catalogue.children(code) if child > place_of(cursor)]
        page = below[:limit]
        parent, *items = await sight.snapshots(caller, [code, *page], at)
        return _json(
            {
                "region": code,
                "unplaced": msgspec.to_builtins(parent)["unplaced"],
                "items": items,
                "next": cursor_at(page[-1]) if len(below) > limit else None,
            }
        )

    return router


def check_region(code: str, catalogue: Catalogue) -> None:
    """Raise the 404 where no region has this code."""
    if code not in catalogue:
        raise Problem(
            404, "unknown_region", "no region has this code; write a Kemendagri code (11, 11.01, 11.01.01) or ID"
        )


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
