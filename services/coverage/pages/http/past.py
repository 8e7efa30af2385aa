"""A region over time, the monev sheet, and where its figures come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from starlette.responses import RedirectResponse

from services.coverage.counting.domain.flows import before
from services.coverage.http.dependencies import refuse_after
from services.coverage.http.public import PublicRoutes
from services.coverage.http.reports import days_of_sheet
from services.coverage.http.visibility import demand_all
from services.coverage.pages import region as content
from services.coverage.pages import tables
from services.coverage.pages.http.frame import (
    PRIVATE,
    SHORT,
    File,
    Frame,
    InFormat,
    OptionalDay,
    Place,
    page_route,
    reads,
)
from services.coverage.public import monev as public_monev
from services.coverage.public.domain.release import PublicRegion, Shown
from services.coverage.public.ports import Release
from services.coverage.reading.derived import WORKERS
from services.coverage.reading.monev import sheet
from services.coverage.reading.provenance import Origins, PotentialPeriod, Provenance
from services.coverage.reading.series import HistoryPoint, Series, days_of
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reading.tables import Table
from services.coverage.reference.domain.reference import AsOf
from services.coverage.reference.domain.targets import PathPoint, TargetPath
from shared.adapters.http_problem import Problem
from shared.drawing.chart import Break, Chart, Point
from shared.regions.codes import level_of

_A_YEAR: Final = timedelta(days=365)
_MONTHS_AT_MOST: Final = 120
"""Ten years of months: more is no page."""
From = Annotated[OptionalDay, Query(alias="from", description="The first day; by default a year before the last")]


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

    async def history(
        self, request: Request, place: Place, first: date | None, to: date | None, file: File
    ) -> Response:
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
        if file != "html":
            listed = [(one.day, one) for one in reversed(points)]
            made = tables.history(region, listed, self._frame.notes(place, shown), place.view.language)
            return self._frame.file(request, place.view, made, file, f"riwayat-{region}-{first}-{last}", at)
        origins = await self._provenance.of(region, AsOf(last, known_at))
        breaks = [
            period for one in origins.potentials if one.basis == "workers" for period in one.history
            if period.breaks and first < period.since <= last
        ]  # fmt: skip
        return self._frame.answer_about(
            request, "history.html", place, shown, points=points, flows=flows, breaks=breaks,
            chart=_chart(place, shown.name, points, origins, breaks), first=first, last=last, release=None,
        )  # fmt: skip

    async def public_history(self, request: Request, place: Place, file: File) -> Response:
        """Answer with one point a release."""
        points = [(one, await self._public.shown(one, place.region)) for one in await self._public.releases()]
        if not points:
            await self._public.release(place.caller, None)
        if file != "html":
            listed = [(one.month.last_day, shown) for one, shown in points]
            notes = self._frame.notes(place, points[0][1], points[0][0])
            made = tables.history(place.region, listed, notes, place.view.language)
            return self._frame.file(request, place.view, made, file, f"riwayat-{place.region}")
        return self._frame.answer(
            request, "history_public.html", place.view, cache=PRIVATE if place.caller else SHORT, region=place.region,
            crumbs=self._frame.crumbs(place.region), points=points, level=level_of(place.region), release=points[0][0],
            shown=points[0][1], chart=_public_chart(place, points),
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
        release, shown, below = await self._public.region_and_below(place.caller, place.region, place.at)
        link = self._frame.base + place.view.same(format=None)
        return self._sheet(request, place, public_monev.sheet([shown, *below], link), place.at, file, shown, release)

    def _sheet(
        self, request: Request, place: Place, made: Table, at: AsOf | None, file: File, shown: object,
        release: Release | None,
    ) -> Response:  # fmt: skip
        if file != "html":
            day = release.month.last_day if release else at.day if at else None
            return self._frame.file(request, place.view, made, file, f"monev-{place.region}-{day}", place.at)
        return self._frame.answer_about(request, "monev.html", place, shown, sheet=made, release=release)

    async def origins(self, request: Request, place: Place) -> Response:
        """Answer with where a region's figures come from."""
        region, at = place.region, place.at
        origins = await self._provenance.of(region, at or AsOf(self._frame.depends.today(region)))
        (shown,) = await self._reader.snapshots([region], at)
        return self._frame.answer_about(
            request, "origins.html", place, shown, origins=origins, release=None, lead=content.lead(shown, "workers")
        )

    async def public_origins(self, request: Request, place: Place) -> Response:
        """Answer with where a release's figures come from."""
        release = await self._public.release(place.caller, place.at)
        shown = await self._public.shown(release, place.region)
        return self._frame.answer_about(
            request, "origins_public.html", place, shown, release=release, potentials=_potentials(shown),
            lead=content.public_lead(shown),
        )  # fmt: skip


def _chart(
    place: Place, name: str, points: Sequence[HistoryPoint], origins: Origins, breaks: Sequence[PotentialPeriod]
) -> Chart:
    """Return the coverage of active people with its target path, or their number where no potential is known."""
    known = [one.coverage.active.ratio if one.coverage.active else None for one in points]
    is_ratio = any(ratio is not None for ratio in known)
    values = known if is_ratio else [one.active for one in points]
    paths = [one for one in origins.reference if one.kind == "targets" and one.fields["basis"] == WORKERS]
    active = [one.fields["points"] for one in paths if one.fields["measure"] == "active"]
    path = [PathPoint(one["date"], Decimal(one["ratio"])) for one in active[0]] if active and is_ratio else []
    language = place.view.language
    reasons = [Break(one.since, str(one.origin.fields["definition"] if one.origin else "")) for one in breaks]
    return Chart(
        f"{tables.say('coverage' if is_ratio else 'active', language)}, {name}",
        [Point(one.day, value) for one, value in zip(points, values, strict=True)], "ratio" if is_ratio else "number",
        language, [*_required(TargetPath(tuple(path)), [one.day for one in points])] if path else (), reasons,
    )  # fmt: skip


def _required(path: TargetPath, days: Sequence[date]) -> Iterator[Point]:
    """Yield what the path requires on each of the days, from its first point on."""
    for day in days:
        if (required := path.required(day)) is not None:
            yield Point(day, float(required))


def _public_chart(place: Place, points: Sequence[tuple[Release, Shown]]) -> Chart | None:
    """Return the coverage of the releases; None where none has any that is shown."""
    language, oldest_first = place.view.language, list(reversed(points))
    ratios = [shown.coverage.active.ratio if shown.coverage.active else None for _, shown in oldest_first]
    if all(ratio is None for ratio in ratios):
        return None
    drawn = [Point(one.month.last_day, ratio) for (one, _), ratio in zip(oldest_first, ratios, strict=True)]
    return Chart(f"{tables.say('coverage', language)}, {points[0][1].name}", drawn, "ratio", language)


def _potentials(shown: Shown) -> Sequence[tuple[str, object]]:
    return sorted(shown.potential.items()) if isinstance(shown, PublicRegion) else ()


def create_router(frame: Frame, pages: PastPages) -> APIRouter:
    """Return the routes."""
    router = APIRouter(route_class=page_route(frame), include_in_schema=False)

    @router.get("/wilayah/{code}/riwayat")
    async def show_history(
        request: Request, place: Place = Depends(frame.place), first: From = None, to: OptionalDay = None,
        file: InFormat = "html",
    ) -> Response:  # fmt: skip
        """Show a region over time."""
        if reads(place.caller, [place.region]):
            return await pages.history(request, place, first, to, file)
        return await pages.public_history(request, place, file)

    @router.get("/wilayah/{code}/monev")
    async def show_monev(request: Request, place: Place = Depends(frame.place), file: InFormat = "html") -> Response:
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
