"""Which villages meet their quota: each of them for officials, what a release tells for the public."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from services.coverage.http.boards import Group
from services.coverage.http.public import PublicRoutes
from services.coverage.pages import tables
from services.coverage.pages.http.frame import File, Frame, InFormat, Place, page_route, reads_within
from services.coverage.pages.http.region import ROWS, All
from services.coverage.reading.boards import Boards, place_on_board
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.paging import Cursor, cursor_in, place_in

_VILLAGES_AT_MOST: Final = 100_000
"""More villages than there are: a board for print has them all."""
OfGroup = Annotated[Group | None, Query(alias="kelompok", description="The group of the quota; the first by default")]


class QuotaPages:
    """Makes the page of a quota."""

    def __init__(self, frame: Frame, reader: SnapshotReader, public: PublicRoutes, boards: Boards) -> None:
        self._frame = frame
        self._reader = reader
        self._public = public
        self._boards = boards

    async def official(
        self, request: Request, place: Place, group: str | None, cursor: str | None, file: File, *, every: bool
    ) -> Response:
        """Answer with the villages beside their quota: those at zero first, then the most short."""
        frame, region, at = self._frame, place.region, place.at
        (shown,) = await self._reader.snapshots([region], at)
        groups = [board.group for board in shown.quota]
        chosen = group or (groups[0] if groups else None)
        if chosen is None:
            return frame.answer_about(request, "quota.html", place, shown, groups=groups, group=None)
        order = f"quota {chosen}"
        after = place_in(order, cursor, tuple[bool, int, str])
        board = await self._boards.quota(
            region, chosen, at or AsOf(frame.depends.today(region)), now=at is None, after=after
        )
        rest = board.villages
        limit = _VILLAGES_AT_MOST if every or file != "html" else ROWS
        page = rest[:limit]
        if file != "html":
            names = {one.region: frame.named(one.region) for one in page}
            made = tables.quota(region, page, names, frame.notes(place, shown), place.view.language)
            return frame.file(request, place.view, made, file, f"kuota-{region}", at)
        return frame.answer_about(
            request, "quota.html", place, shown, groups=groups, group=chosen, total=board.total, villages=page,
            lapsing=await self._lapsing([one.region for one in page]) if at is None and len(page) <= ROWS else {},
            next=cursor_in(order, place_on_board(rest[limit - 1])) if len(rest) > limit else None,
        )  # fmt: skip

    async def _lapsing(self, villages: list[str]) -> dict[str, int]:
        """Return how many people of each village lapse within 30 days."""
        counted = await self._reader.snapshots(villages) if villages else []
        return {one.region: sum(one.due.get("30d", {}).values()) for one in counted}

    async def public(self, request: Request, place: Place, group: str | None, file: File) -> Response:
        """Answer with the board of a release, and those of the regions right below."""
        frame, region, language = self._frame, place.region, place.view.language
        release, shown, below = await self._public.region_and_below(place.caller, region, place.at)
        groups = [board.group for board in shown.quota]
        chosen = group or (groups[0] if groups else None)
        made = tables.public_quota(shown, below, chosen, frame.notes(place, shown, release), language)
        return frame.answer_released(
            request, place, shown, release, made, file, part="kuota", title="quota",
            boards=[board for board in shown.quota if board.group == chosen], groups=groups, group=chosen,
        )  # fmt: skip


def create_router(frame: Frame, pages: QuotaPages) -> APIRouter:
    """Return the route."""
    router = APIRouter(route_class=page_route(frame), include_in_schema=False)

    @router.get("/wilayah/{code}/kuota")
    async def show_quota(
        request: Request, place: Place = Depends(frame.place), group: OfGroup = None, cursor: Cursor = None,
        every: All = "0", file: InFormat = "html",
    ) -> Response:  # fmt: skip
        """Show who meets the quota."""
        if reads_within(place):
            return await pages.official(request, place, group, cursor, file, every=every == "1")
        return await pages.public(request, place, group, file)

    return router
