"""Coverage's HTTP side: regions, for those with a token in full and for the public without what tells of persons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from fastapi import APIRouter
from fastapi.responses import Response

from services.coverage.application.public import PublicViewer, is_public
from services.coverage.application.view import Viewer
from shared.adapters.http_api import Bearer, Problem, unauthorised
from shared.adapters.openapi import problem
from shared.adapters.paging import Cursor, Limit, cursor_at, place_of
from shared.contracts.snapshots import Count, Snapshot
from shared.regions.catalogue import Catalogue
from shared.runtime.auth import Caller

SCOPE: Final = "coverage:read"
_REFUSALS: Final[dict[int | str, dict[str, Any]]] = {
    401: problem("No acceptable token, and the region is not public"),
    403: problem("The token lacks the scope, and the region is not public"),
    404: problem("No region has this code"),
}


@dataclass(frozen=True, slots=True)
class Page:
    """Regions directly below one, in order of code; `unplaced` are those of its people that none of them has."""

    region: str
    unplaced: Count
    items: list[Snapshot]
    next: str | None


def create_router(*, viewer: Viewer, public: PublicViewer, catalogue: Catalogue, bearer: Bearer) -> APIRouter:
    """Return the routes under /v1/regions."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"])

    async def show(regions: Sequence[str], caller: Caller | None) -> list[Any]:
        """Return the regions as this caller may see them."""
        if caller is not None and caller.may(SCOPE):
            return [*await viewer.snapshots(regions)]
        if not all(is_public(region) for region in regions):
            raise needs_token(caller)
        return [*await public.documents(regions)]

    @router.get("/{code}", responses={200: {"model": Snapshot}, **_REFUSALS})
    async def get_region(code: str, caller: Caller | None = bearer.optional) -> Response:
        """Return a region as counted now; without a token small numbers are null and named under `suppressed`."""
        check_region(code, catalogue)
        return _json((await show([code], caller))[0])

    @router.get("/{code}/children", responses={200: {"model": Page}, **_REFUSALS})
    async def get_children(
        code: str, limit: Limit = 100, cursor: Cursor = None, caller: Caller | None = bearer.optional
    ) -> Response:
        """Return the regions directly below, page by page; without a token as for one region."""
        check_region(code, catalogue)
        below = [child for child in catalogue.children(code) if child > place_of(cursor)]
        page = below[:limit]
        parent, *items = await show([code, *page], caller)
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


def needs_token(caller: Caller | None) -> Problem:
    """Return what a caller is told whose token is missing or does not reach this far."""
    if caller is None:
        return unauthorised("districts and villages are shown to officials; sign in and send the token")
    return Problem(403, "scope_missing", f"the token lacks the scope {SCOPE}; ask for one that has it")


def _json(content: Any) -> Response:
    return Response(msgspec.json.encode(content), media_type="application/json")
