"""Search for regions over HTTP; names and codes are public."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Final, TypeVar

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from shared.adapters.http_answers import answer
from shared.adapters.http_api import Bearer
from shared.adapters.http_problem import Problem, retry_after
from shared.adapters.paging import Cursor, Limit, cursor_in, place_in
from shared.regions.catalogue import Catalogue
from shared.regions.codes import Level, level_of, lineage_of
from shared.regions.search import MAX_HITS, RegionSearch

Answer = TypeVar("Answer")
WAITING_AT_MOST: Final = 16
"""A search takes at most about 50 ms, so the last one waits for less than a second."""
Hits = Annotated[int, msgspec.Meta(ge=0, le=MAX_HITS)]
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


class SearchQueue:
    """Searches in one thread beside the event loop, one query after another.

    The first one makes the index, which may take seconds.
    """

    def __init__(self, make_index: Callable[[], RegionSearch]) -> None:
        self._index = cache(make_index)
        self._thread = ThreadPoolExecutor(1, "search")
        self._waiting = 0

    async def run(self, search: Callable[[RegionSearch], Answer]) -> Answer:
        """Return what `search` makes of the index. Raises: Problem 503 if too many others wait."""
        if self._waiting >= WAITING_AT_MOST:
            raise Problem(503, "busy", "too many searches wait; send it again", headers=retry_after())
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: search(self._index()))
        finally:
            self._waiting -= 1


def create_router(*, queue: SearchQueue, catalogue: Catalogue, bearer: Bearer) -> APIRouter:
    """Return the route that finds regions."""
    router = APIRouter(prefix="/v1/regions", tags=["regions"])

    def found(code: str) -> Found:
        parents = [Named(above, catalogue.name(above) or above) for above in lineage_of(code)[1:-1]]
        return Found(code, catalogue.name(code) or code, level_of(code), parents)

    @router.get("", responses={200: {"model": FoundPage}}, dependencies=[bearer.optional])
    async def find_regions(request: Request, q: Wanted, limit: Limit = 20, cursor: Cursor = None) -> Response:
        """Return the regions that fit a name or a code, likeliest first, page by page."""
        begin = place_in("search", cursor, Hits) or 0

        def respond(index: RegionSearch) -> Response:
            codes, end = index.find(q), begin + limit
            following = cursor_in("search", end) if end < len(codes) else None
            return answer(request, FoundPage([found(code) for code in codes[begin:end]], following))

        return await queue.run(respond)

    return router
