"""Notifier's HTTP side: alerts with their history, deliveries, rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from fastapi import APIRouter

from services.notifier.adapters.config_files import IsRegion
from services.notifier.adapters.mongo_deliveries import MongoDeliveries, PageStart
from services.notifier.adapters.views import (
    AlertPage,
    AlertReport,
    AlertView,
    DecisionView,
    DeliveryPage,
    DeliveryReport,
    DeliveryView,
    RuleList,
    RuleView,
)
from services.notifier.application.alerts import AlertState
from services.notifier.domain.rules import Rule
from shared.adapters.http_api import Bearer, Problem
from shared.adapters.openapi import problem
from shared.adapters.paging import Cursor, Limit, cursor_at, malformed_cursor, place_of
from shared.adapters.territory import demand_within, home_of
from shared.runtime.auth import Caller

READ_SCOPE: Final = "coverage:read"
ADMIN_SCOPE: Final = "notifier:admin"


def create_router(
    *, store: MongoDeliveries, rules: Mapping[str, Rule], is_region: IsRegion, bearer: Bearer
) -> APIRouter:
    """Return the routes under /v1."""
    router = APIRouter(prefix="/v1", tags=["alerts"])
    may_read, may_administer = bearer.requires(READ_SCOPE), bearer.requires(ADMIN_SCOPE)

    @router.get("/alerts", responses={404: problem("No region has this code")})
    async def get_alerts(
        region: str | None = None, state: AlertState | None = None, limit: Limit = 100, cursor: Cursor = None,
        caller: Caller = may_read,
    ) -> AlertPage:  # fmt: skip
        """Return the alerts of the region and all below it, newest first; by default of all that the token may see."""
        if region is None:
            region = home_of(caller)
        if not is_region(region):
            raise Problem(404, "unknown_region", "no region has this code; write a Kemendagri code (11, 11.01) or ID")
        demand_within(caller, region)
        found = await store.alerts(region, state, _page_start(cursor), limit + 1)
        items = [AlertView.of(alert) for alert in found[:limit]]
        last = items[-1] if len(found) > limit else None
        return AlertPage(items, _next(last.raised_at, last.id) if last else None)

    @router.get("/alerts/{id}", responses={404: problem("No alert has this id")})
    async def get_alert(id: str, caller: Caller = may_read) -> AlertReport:
        """Return an alert with all decisions of its episode and its deliveries."""
        alert = await store.alert(id)
        if alert is None:
            raise Problem(404, "unknown_alert", "no alert has this id; take one from /v1/alerts or from a message")
        demand_within(caller, alert.snapshot.region)
        decisions = [DecisionView.of(transition) for transition in await store.transitions(alert)]
        deliveries = [DeliveryView.of(delivery) for delivery in await store.deliveries_of(id)]
        return AlertReport(AlertView.of(alert), decisions, deliveries)

    @router.get("/deliveries")
    async def get_deliveries(
        limit: Limit = 100, cursor: Cursor = None, _caller: Caller = may_administer
    ) -> DeliveryPage:
        """Return the deliveries, newest first, each with the reason of its last failed attempt."""
        found = await store.deliveries(_page_start(cursor), limit + 1)
        items = [DeliveryReport(DeliveryView.of(delivery), delivery.reason) for delivery in found[:limit]]
        last = items[-1].delivery if len(found) > limit else None
        return DeliveryPage(items, _next(last.created_at, last.id) if last else None)

    @router.get("/rules")
    async def get_rules(_caller: Caller = may_read) -> RuleList:
        """Return the rules in force."""
        return RuleList([RuleView.of(rule) for rule in rules.values()])

    return router


def _next(at: datetime, id_: str) -> str:
    return cursor_at(f"{at.isoformat()} {id_}")


def _page_start(cursor: str | None) -> PageStart | None:
    """Return where the page begins. Raises: Problem 422 for a cursor that no page gave."""
    if cursor is None:
        return None
    at, _, id_ = place_of(cursor).partition(" ")
    try:
        instant = datetime.fromisoformat(at)
    except ValueError as error:
        raise malformed_cursor() from error
    if instant.tzinfo is None:
        raise malformed_cursor()
    return PageStart(instant, id_)
