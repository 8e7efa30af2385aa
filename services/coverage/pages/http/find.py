"""Finding a region, and the pages that say what words mean and how the pages can be read."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from services.coverage.http.search import Hits, SearchQueue
from services.coverage.pages.http.frame import PRIVATE, SHORT, Frame, page_route
from services.coverage.pages.view import View
from shared.adapters.paging import Cursor, cursor_in, place_in
from shared.regions.codes import level_of, lineage_of
from shared.regions.search import RegionSearch

_HITS: Final = 20
"""As many as a phone shows in three screens."""


Wanted = Annotated[str, Query(alias="q", max_length=100, description="A name or a code")]


def create_router(frame: Frame, queue: SearchQueue) -> APIRouter:
    """Return the routes."""
    router = APIRouter(route_class=page_route(frame), include_in_schema=False)

    @router.get("/cari")
    async def find(
        request: Request, view: View = Depends(frame.view), wanted: Wanted = "",
        cursor: Cursor = None,
    ) -> Response:  # fmt: skip
        """Show the regions that fit a name or a code, with what lies above them: names repeat."""
        begin = place_in("search", cursor, Hits) or 0

        def search(index: RegionSearch) -> list[str]:
            return index.find(wanted)

        codes = await queue.run(search) if wanted.strip() else []
        found = [(code, level_of(code), lineage_of(code)[1:-1]) for code in codes[begin : begin + _HITS]]
        following = cursor_in("search", begin + _HITS) if begin + _HITS < len(codes) else None
        return frame.answer(
            request, "search.html", view, cache=PRIVATE if view.caller else SHORT, wanted=wanted, found=found,
            next=following, total=len(codes),
        )  # fmt: skip

    @router.get("/istilah")
    async def show_terms(request: Request, view: View = Depends(frame.view)) -> Response:
        """Show what the words of the pages mean."""
        return frame.answer(request, "terms.html", view, cache=PRIVATE if view.caller else SHORT)

    @router.get("/aksesibilitas")
    async def show_accessibility(request: Request, view: View = Depends(frame.view)) -> Response:
        """Show how the pages can be read, and by whom."""
        return frame.answer(request, "accessibility.html", view, cache=PRIVATE if view.caller else SHORT)

    return router
