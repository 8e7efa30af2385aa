"""Desa Sadar: rosters and states of villages for officials, what is designated for the public."""

from __future__ import annotations

from collections import Counter
from typing import Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.coverage.http.public import PublicRoutes
from services.coverage.pages import tables
from services.coverage.pages.http.frame import File, Frame, InFormat, Place, page_route, reads_within
from services.coverage.pages.http.region import ALL_ROWS, ROWS, All
from services.coverage.reading.boards import Boards
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.paging import Cursor, cursor_in, place_in
from shared.contracts.snapshots import DesignationState

_ORDER: Final[tuple[DesignationState, ...]] = ("designated_broken", "eligible", "designated", "none")
"""What needs an official's hand comes first."""


class DesignationPages:
    """Makes the page of Desa Sadar."""

    def __init__(self, frame: Frame, reader: SnapshotReader, public: PublicRoutes, boards: Boards) -> None:
        self._frame = frame
        self._reader = reader
        self._public = public
        self._boards = boards

    async def official(
        self, request: Request, place: Place, cursor: str | None, file: File, *, every: bool
    ) -> Response:
        """Answer with the villages that have a roster or a decree, and the year's pace."""
        frame, region, at = self._frame, place.region, place.at
        (shown,) = await self._reader.snapshots([region], at)
        states = await self._boards.states(region, at or AsOf(frame.depends.today(region)), now=at is None)
        villages = sorted(states, key=lambda one: (_ORDER.index(states[one]), one))
        begin = place_in("desa-sadar", cursor, int) or 0
        end = begin + (ALL_ROWS if every or file != "html" else ROWS)
        page = await self._reader.snapshots(villages[begin:end], at) if villages[begin:end] else []
        if file != "html":
            made = tables.designations(region, page, frame.notes(place, shown), place.view.language)
            return frame.file(request, place.view, made, file, f"desa-sadar-{region}", at)
        return frame.answer_about(
            request, "designation.html", place, shown, villages=page, counts=Counter(states.values()),
            next=cursor_in("desa-sadar", end) if len(villages) > end else None,
        )  # fmt: skip

    async def public(self, request: Request, place: Place, file: File) -> Response:
        """Answer with what a release tells: which village is designated, and above the villages how many are."""
        frame, region, language = self._frame, place.region, place.view.language
        release, shown, below = await self._public.region_and_below(place.caller, region, place.at)
        made = tables.public_designations(shown, below, frame.notes(place, shown, release), language)
        return frame.answer_released(request, place, shown, release, made, file, part="desa-sadar", title="desa_sadar")


def create_router(frame: Frame, pages: DesignationPages) -> APIRouter:
    """Return the route."""
    router = APIRouter(route_class=page_route(frame), include_in_schema=False)

    @router.get("/wilayah/{code}/desa-sadar")
    async def show_designations(
        request: Request, place: Place = Depends(frame.place), cursor: Cursor = None, every: All = "0",
        file: InFormat = "html",
    ) -> Response:  # fmt: skip
        """Show Desa Sadar."""
        if reads_within(place):
            return await pages.official(request, place, cursor, file, every=every == "1")
        return await pages.public(request, place, file)

    return router
