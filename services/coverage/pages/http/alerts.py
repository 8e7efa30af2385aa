"""Alerts of the notifier, and acknowledging one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from uuid import UUID

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import Response
from starlette.responses import RedirectResponse

from services.coverage.pages.http.frame import PRIVATE, Frame, demand_official, page_route
from services.coverage.pages.http.session import token_of
from services.coverage.pages.http.sign_in import own_form
from services.coverage.pages.notifier import Notifier
from services.coverage.pages.view import View

_WHY: Final = "alerts are shown to officials"
_ACK_SCOPE: Final = "alerts:ack"
_NOTE_AT_MOST: Final = 500
"""Characters, as many as the field on the page takes."""


def create_router(frame: Frame, notifier: Notifier) -> APIRouter:
    """Return the routes; with the application they close the connections to the notifier."""

    @asynccontextmanager
    async def serving(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await notifier.close()

    router = APIRouter(route_class=page_route(frame), include_in_schema=False, lifespan=serving)

    @router.get("/peringatan")
    async def show_alerts(request: Request, view: View = Depends(frame.view)) -> Response:
        """Show the alerts of the reader's region and below: those that fire and wait for an answer first."""
        demand_official(view.caller, _WHY)
        found = await notifier.alerts(token_of(request) or "")
        waiting = [alert for alert in found or () if alert.waits]
        others = [alert for alert in found or () if not alert.waits]
        return frame.answer(
            request, "alerts.html", view, cache=PRIVATE, is_away=found is None, waiting=waiting, others=others
        )

    @router.get("/peringatan/{alert}")
    async def show_alert(request: Request, alert: UUID, view: View = Depends(frame.view)) -> Response:
        """Show an alert with its history; looking at it changes nothing."""
        caller = demand_official(view.caller, _WHY)
        report = await notifier.report(token_of(request) or "", str(alert))
        return frame.answer(
            request, "alert.html", view, cache=PRIVATE, alert=report.alert, report=report,
            may_answer=caller.may(_ACK_SCOPE),
        )  # fmt: skip

    @router.post("/peringatan/{alert}")
    async def acknowledge(request: Request, alert: UUID, view: View = Depends(frame.view)) -> Response:
        """Acknowledge an alert with a note, and show it."""
        demand_official(view.caller, _WHY)
        form = await own_form(frame, request)
        await notifier.acknowledge(token_of(request) or "", str(alert), form.get("catatan", "")[:_NOTE_AT_MOST])
        return RedirectResponse(view.to(f"/peringatan/{alert}"), 303, headers={"Cache-Control": PRIVATE})

    return router
