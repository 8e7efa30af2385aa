"""Boards of villages: who meets the quota, who is Desa Sadar, and who lapses if nobody pays. For officials."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from services.coverage.http.boards import Group
from services.coverage.pages import region as content
from services.coverage.pages import tables
from services.coverage.pages.http.frame import Frame, InFormat, Place, page_route
from services.coverage.pages.http.region import ALL_ROWS, ROWS, All
from services.coverage.reading.boards import Boards, place_on_board
from services.coverage.reading.due import DueReader
from services.coverage.reading.snapshots import SnapshotReader
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_problem import Problem
from shared.adapters.paging import Cursor, cursor_in, place_in
from shared.adapters.territory import demand_readable, demand_within
from shared.contracts.snapshots import DesignationState, DueWindow
from shared.regions.codes import level_of

_VILLAGES_AT_MOST: Final = 100_000
"""More villages than there are: a board for print has them all."""
_ORDER: Final[tuple[DesignationState, ...]] = ("designated_broken", "eligible", "designated", "none")
"""What needs an official's hand comes first."""
OfGroup = Annotated[Group | None, Query(alias="kelompok", description="The group of the quota; the first by default")]
Days = Annotated[Literal["30", "60", "90"], Query(alias="hari", description="Days ahead of the region's today")]


def create_router(frame: Frame, reader: SnapshotReader, boards: Boards, due: DueReader) -> APIRouter:
    """Return the routes."""
    router = APIRouter(route_class=page_route(frame), include_in_schema=False)

    @router.get("/wilayah/{code}/kuota")
    async def show_quota(
        request: Request, place: Place = Depends(frame.official), group: OfGroup = None, cursor: Cursor = None,
        every: All = "0", file: InFormat = "html",
    ) -> Response:  # fmt: skip
        """Show the villages beside their quota: those at zero first, then the most short."""
        region, at = place.region, place.at
        _demand_within(place)
        (shown,) = await reader.snapshots([region], at)
        groups = [board.group for board in shown.quota]
        chosen = group or (groups[0] if groups else None)
        if chosen is None:
            return frame.answer_about(request, "quota.html", place, shown, groups=groups, group=None)
        order = f"quota {chosen}"
        after = place_in(order, cursor, tuple[bool, int, str])
        day = at or AsOf(frame.depends.today(region))
        board = await boards.quota(region, chosen, day, now=at is None, after=after)
        rest = board.villages
        limit = ROWS if every == "0" and file == "html" else _VILLAGES_AT_MOST
        page = rest[:limit]
        if file != "html":
            names = {one.region: frame.named(one.region) for one in page}
            made = tables.quota(region, page, names, frame.notes(place, shown), place.view.language)
            return frame.file(request, place.view, made, file, f"kuota-{region}", at)
        counted = await reader.snapshots([one.region for one in page]) if at is None and len(page) <= ROWS else []
        lapsing = {one.region: sum(one.due.get("30d", {}).values()) for one in counted}
        return frame.answer_about(
            request, "quota.html", place, shown, groups=groups, group=chosen, total=board.total, villages=page,
            lapsing=lapsing,
            next=cursor_in(order, place_on_board(rest[limit - 1])) if len(rest) > limit else None,
        )  # fmt: skip

    @router.get("/wilayah/{code}/desa-sadar")
    async def show_designations(
        request: Request, place: Place = Depends(frame.official), cursor: Cursor = None, every: All = "0",
        file: InFormat = "html",
    ) -> Response:  # fmt: skip
        """Show the villages with a roster or a decree, and the year's pace."""
        region, at = place.region, place.at
        _demand_within(place)
        day = at or AsOf(frame.depends.today(region))
        (shown,) = await reader.snapshots([region], at)
        states = await boards.states(region, day, now=at is None)
        villages = sorted(states, key=lambda one: (_ORDER.index(states[one]), one))
        begin = place_in("desa-sadar", cursor, int) or 0
        end = begin + (ROWS if every == "0" and file == "html" else ALL_ROWS)
        page = await reader.snapshots(villages[begin:end], at) if villages[begin:end] else []
        if file != "html":
            made = tables.designations(region, page, frame.notes(place, shown), place.view.language)
            return frame.file(request, place.view, made, file, f"desa-sadar-{region}", at)
        return frame.answer_about(
            request, "designation.html", place, shown, villages=page, counts=Counter(states.values()),
            next=cursor_in("desa-sadar", end) if len(villages) > end else None,
        )  # fmt: skip

    @router.get("/wilayah/{code}/akan-nonaktif")
    async def show_due(
        request: Request, place: Place = Depends(frame.official), days: Days = "30", file: InFormat = "html"
    ) -> Response:
        """Show who lapses if nobody pays: by payer and place, and by month."""
        region = place.region
        if place.at is not None:
            detail = "who lapses when is known of today only; leave as_of and known_at out"
            raise Problem(422, "not_known_of_the_past", detail, field="as_of")
        below, window = frame.depends.catalogue.children(region), _window(days)
        assert place.caller is not None, "only officials come here"
        demand_readable(place.caller, below)
        shown, *children = await reader.snapshots([region, *below])
        months = await due.of(region, timedelta(days=int(days)), "month")
        payers = [payer for payer, people in content.due_table(shown.due).payers if people[window]]
        rows = [
            (one, one.due[window], sum(one.due[window].values())) for one in children if any(one.due[window].values())
        ]
        rows.sort(key=lambda row: (-row[2], row[0].region))
        placed = Counter[str]()
        for _, people, _total in rows:
            placed.update(people)
        elsewhere = {payer: shown.due[window].get(payer, 0) - placed[payer] for payer in payers}
        if file != "html":
            language = place.view.language
            listed = [(one.region, one.name, people) for one, people, _ in rows]
            if any(elsewhere.values()):
                rest = shown.name if level_of(region) == "village" else tables.say("unplaced", language)
                listed.append(("", rest, elsewhere))
            notes = [*frame.notes(place, shown), (tables.say("due", language), tables.say("n_days", language, n=days))]
            made = tables.due(region, payers, listed, notes, language)
            return frame.file(request, place.view, made, file, f"akan-nonaktif-{region}")
        return frame.answer_about(
            request, "due.html", place, shown, days=days, window=window, payers=payers, rows=rows, elsewhere=elsewhere,
            months=months,
        )  # fmt: skip

    return router


def _window(days: Literal["30", "60", "90"]) -> DueWindow:
    windows: dict[str, DueWindow] = {"30": "30d", "60": "60d", "90": "90d"}
    return windows[days]


def _demand_within(place: Place) -> None:
    """Pass a caller whose own region this is or lies in. Raises: Problem 403."""
    assert place.caller is not None, "only officials come here"
    demand_within(place.caller, place.region)
