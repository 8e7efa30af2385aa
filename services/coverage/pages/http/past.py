"""A region over time, the monev sheet, and where its figures come from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from starlette.responses import RedirectResponse

from services.coverage.counting.domain.flows import before
from services.coverage.http.dependencies import refuse_after
from services.coverage.http.public import PublicRoutes
from services.coverage.http.reports import days_of_sheet
from services.coverage.http.visibility import demand_all
from services.coverage.pages import region as content
from services.coverage.pages.http.frame import PRIVATE, SHORT, Frame, Place, page_route, reads
from services.coverage.public import monev as public_monev
from services.coverage.public.domain.release import PublicRegion, Shown
from services.coverage.public.ports import Release
from services.coverage.reading.monev import Sheet, sheet
from services.coverage.reading.provenance import Provenance
from services.coverage.reading.series import Series, days_of
from services.coverage.reading.sheet_files import CSV, XLSX, as_csv, as_xlsx
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_answers import answer
from shared.adapters.http_problem import Problem
from shared.adapters.http_query import Day
from shared.regions.codes import level_of

_A_YEAR: Final = timedelta(days=365)
_MONTHS_AT_MOST: Final = 120
"""Ten years of months: more is no page."""
From = Annotated[Day | None, Query(alias="from", description="The first day; by default a year before the last")]
To = Annotated[Day | None, Query(description="The last day; by default today")]
File = Annotated[Literal["html", "xlsx", "csv"], Query(alias="format", description="The page, or its table as a file")]


class PastPages:
    """Makes the pages that look back."""

    def __init__(
        self, frame: Frame, reader: SnapshotReader, public: PublicRoutes, series: Series, provenance: Provenance
    ) -> None:
        self._frame = frame
        self._reader = reader
        self._public = public
        self._series = series
        self._provenance = provenance

    async def history(self, request: Request, place: Place, first: date | None, to: date | None) -> Response:
        """Answer with a region over time, and two days compared: the first and the last."""
        region, at, today = place.region, place.at, self._frame.depends.today(place.region)
        latest = at.day if at else today
        refuse_after("to", to, latest)
        last = to or latest
        first = first or before(last, _A_YEAR)
        if first >= last:
            raise Problem(422, "from_after_to", f"from is {first}, not before the last day {last}", field="from")
        days = [first, *days_of(first, last, "month")]
        if len(days) > _MONTHS_AT_MOST:
            raise Problem(422, "too_many_points", f"over {_MONTHS_AT_MOST} months; write a later `from`", field="from")
        known_at = at.known_at if at else None
        points = await self._series.history(region, sorted(set(days)), known_at)
        flows = await self._series.flows(region, first + timedelta(days=1), last, known_at, today)
        (shown,) = await self._reader.snapshots([region], at)
        origins = await self._provenance.of(region, AsOf(last, known_at))
        breaks = [
            period for one in origins.potentials if one.basis == "workers" for period in one.history
            if period.breaks and first < period.since <= last
        ]  # fmt: skip
        return self._frame.answer(
            request, "history.html", place.view, at=at, shown=shown, crumbs=self._frame.crumbs(region), points=points,
            flows=flows, breaks=breaks, first=first, last=last, level=level_of(region), release=None,
        )  # fmt: skip

    async def public_history(self, request: Request, place: Place) -> Response:
        """Answer with one point a release."""
        points = [(one, await self._public.shown(one, place.region)) for one in await self._public.releases()]
        if not points:
            await self._public.release(place.caller, None)
        return self._frame.answer(
            request, "history_public.html", place.view, cache=PRIVATE if place.caller else SHORT, region=place.region,
            crumbs=self._frame.crumbs(place.region), points=points, level=level_of(place.region), release=points[0][0],
            shown=points[0][1],
        )  # fmt: skip

    async def monev(self, request: Request, place: Place, at: AsOf, file: File) -> Response:
        """Answer with the monev sheet of a day, as known on a day."""
        codes = [place.region, *self._frame.depends.catalogue.children(place.region)]
        demand_all(place.caller, codes)
        regions = await self._reader.snapshots(codes, at)
        link = self._frame.base + place.view.same(format=None)
        return self._sheet(request, place, sheet(regions, at, link), at, file, regions[0], None)

    async def public_monev(self, request: Request, place: Place, file: File) -> Response:
        """Answer with the monev sheet of a release."""
        release = await self._public.release(place.caller, place.at)
        shown = await self._public.shown(release, place.region)
        regions = [shown, *await self._public.below(release, place.region)]
        link = self._frame.base + place.view.same(format=None)
        return self._sheet(request, place, public_monev.sheet(regions, link), place.at, file, shown, release)

    def _sheet(
        self, request: Request, place: Place, made: Sheet, at: AsOf | None, file: File, shown: object,
        release: Release | None,
    ) -> Response:  # fmt: skip
        if file != "html":
            written, media_type = (as_xlsx, XLSX) if file == "xlsx" else (as_csv, CSV)
            day = release.month.last_day if release else at.day if at else None
            name = f"monev-{place.region}-{day}.{file}"
            headers = self._frame.file_headers(place.view, place.at, name)
            return answer(request, written(made), media_type=media_type, headers=headers)
        return self._frame.answer(
            request, "monev.html", place.view, at=at, sheet=made, shown=shown, release=release,
            crumbs=self._frame.crumbs(place.region), level=level_of(place.region),
        )  # fmt: skip

    async def origins(self, request: Request, place: Place) -> Response:
        """Answer with where a region's figures come from."""
        region, at = place.region, place.at
        origins = await self._provenance.of(region, at or AsOf(self._frame.depends.today(region)))
        (shown,) = await self._reader.snapshots([region], at)
        return self._frame.answer(
            request, "origins.html", place.view, at=at, shown=shown, origins=origins, release=None,
            crumbs=self._frame.crumbs(region), level=level_of(region), lead=content.lead(shown, "workers"),
        )  # fmt: skip

    async def public_origins(self, request: Request, place: Place) -> Response:
        """Answer with where a release's figures come from."""
        release = await self._public.release(place.caller, place.at)
        shown = await self._public.shown(release, place.region)
        return self._frame.answer(
            request, "origins_public.html", place.view, at=place.at, shown=shown, release=release,
            potentials=_potentials(shown), crumbs=self._frame.crumbs(place.region), level=level_of(place.region),
            lead=content.public_lead(shown),
        )  # fmt: skip


def _potentials(shown: Shown) -> Sequence[tuple[str, object]]:
    return sorted(shown.potential.items()) if isinstance(shown, PublicRegion) else ()


def create_router(frame: Frame, pages: PastPages) -> APIRouter:
    """Return the routes."""
    router = APIRouter(route_class=page_route(frame), include_in_schema=False)

    @router.get("/wilayah/{code}/riwayat")
    async def show_history(
        request: Request, place: Place = Depends(frame.place), first: From = None, to: To = None
    ) -> Response:
        """Show a region over time."""
        if reads(place.caller, [place.region]):
            return await pages.history(request, place, first, to)
        return await pages.public_history(request, place)

    @router.get("/wilayah/{code}/monev")
    async def show_monev(request: Request, place: Place = Depends(frame.place), file: File = "html") -> Response:
        """Show the monev sheet; without days the address of one with both days is given: a sheet is fixed."""
        if not reads(place.caller, [place.region]):
            return await pages.public_monev(request, place, file)
        asked = place.at
        day = None if asked is None or "as_of" not in request.query_params else asked.day
        at = days_of_sheet(frame.depends, place.region, day, asked.known_at if asked else None)
        if asked != at:
            return RedirectResponse(place.view.same(as_of=at.day, known_at=at.known_at), 303)
        return await pages.monev(request, place, at, file)

    @router.get("/wilayah/{code}/asal-angka")
    async def show_origins(request: Request, place: Place = Depends(frame.place)) -> Response:
        """Show where figures come from."""
        if reads(place.caller, [place.region]):
            return await pages.origins(request, place)
        return await pages.public_origins(request, place)

    return router
