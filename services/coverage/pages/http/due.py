"""Who lapses if nobody pays, by payer and place and by month. For officials."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from services.coverage.pages import region as content
from services.coverage.pages import tables
from services.coverage.pages.http.frame import Frame, InFormat, Place, page_route
from services.coverage.reading.due import DueReader
from services.coverage.reading.snapshots import SnapshotReader
from shared.adapters.http_problem import Problem
from shared.adapters.territory import demand_readable
from shared.contracts.snapshots import DueWindow
from shared.regions.codes import level_of

_WINDOWS: Final[dict[str, DueWindow]] = {"30": "30d", "60": "60d", "90": "90d"}
Days = Annotated[Literal["30", "60", "90"], Query(alias="hari", description="Days ahead of the region's today")]


def create_router(frame: Frame, reader: SnapshotReader, due: DueReader) -> APIRouter:
    """Return the route."""
    router = APIRouter(route_class=page_route(frame), include_in_schema=False)

    @router.get("/wilayah/{code}/akan-nonaktif")
    async def show_due(
        request: Request, place: Place = Depends(frame.official), days: Days = "30", file: InFormat = "html"
    ) -> Response:
        """Show who lapses if nobody pays."""
        region, language = place.region, place.view.language
        if place.at is not None:
            detail = "who lapses when is known of today only; leave as_of and known_at out"
            raise Problem(422, "not_known_of_the_past", detail, field="as_of")
        below, window = frame.depends.catalogue.children(region), _WINDOWS[days]
        assert place.caller is not None, "only officials come here"
        demand_readable(place.caller, below)
        shown, *children = await reader.snapshots([region, *below])
        months = await due.of(region, timedelta(days=int(days)), "month")
        found = content.due_by_place(shown, children, window)
        if file != "html":
            listed = [(one.region, one.name, people) for one, people, _ in found.rows]
            if any(found.elsewhere.values()):
                rest = shown.name if level_of(region) == "village" else tables.say("unplaced", language)
                listed.append(("", rest, found.elsewhere))
            notes = [*frame.notes(place, shown), (tables.say("due", language), tables.say("n_days", language, n=days))]
            made = tables.due(region, found.payers, listed, notes, language)
            return frame.file(request, place.view, made, file, f"akan-nonaktif-{region}")
        return frame.answer_about(
            request, "due.html", place, shown, days=days, window=window, payers=found.payers, rows=found.rows,
            elsewhere=found.elsewhere, months=months,
        )  # fmt: skip

    return router
