"""Search for regions over HTTP; names and codes are public."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from shared.adapters.http_answers import answer
from shared.adapters.http_api import Bearer
from shared.adapters.paging import Cursor, Limit, cursor_at, malformed_cursor, place_of
from shared.regions.catalogue import Catalogue
from shared.regions.codes import Level, level_of, lineage_of
from shared.regions.search import RegionSearch

Wanted = Annotated[
    str,
    Query(
        min_length=1,
        max_length=100,
        description="A name (`tanah bumbu`), with its kind (`desa sukamaju`), with what lies above it "
        "(`sukamaju, garut`), or a code (`63.10`: it and all below)",
    ),
]


@dataclass(frozen=True, slots=True)
class Named:
    """A region by name."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """A region that fits; `parents` are those above it, nearest first, without the nation."""

    code: str
    name: str
    level: Level
    parents: list[Named]


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Regions that fit, likeliest first."""

    items: list[Found]
    next: str | None


def create_router(*, search: Callable[[], RegionSearch], catalogue: Catalogue, bearer: Bearer) -> APIRouter:
    """Return the route that finds regions; the first call of `search` builds the index, which may take seconds."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"])

    def found(code: str) -> Found:
        parents = [Named(above, catalogue.name(above) or above) for above in lineage_of(code)[1:-1]]
        return Found(code, catalogue.name(code) or code, level_of(code), parents)

    @router.get("", responses={200: {"model": FoundPage}}, dependencies=[bearer.optional])
    async def find_regions(request: Request, q: Wanted, limit: Limit = 20, cursor: Cursor = None) -> Response:
        """Return the regions that fit a name or a code, likeliest first, page by page."""
        codes = (await asyncio.to_thread(search)).find(q)
        begin = _number(place_of(cursor))
        end = begin + limit
        following = cursor_at(str(end)) if end < len(codes) else None
        return answer(request, FoundPage([found(code) for code in codes[begin:end]], following))

    return router


def _number(place: str) -> int:
    if place and not place.isdecimal():
        raise malformed_cursor()
    return int(place or 0)
