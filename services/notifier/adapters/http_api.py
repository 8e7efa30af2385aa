"""Notifier's HTTP side: alerts with their history, deliveries, rules."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter

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
from shared.adapters.http_api import Bearer
from shared.adapters.http_problem import Problem
from shared.adapters.http_regions import region_in_force
from shared.adapters.openapi import problem
from shared.adapters.paging import Cursor, Limit, cursor_in, place_in
from shared.adapters.territory import demand_within, home_of
from shared.regions.successors import Homes
from shared.runtime.auth import Caller

READ_SCOPE: Final = "coverage:read"
ADMIN_SCOPE: Final = "notifier:admin"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
"""MongoDB's precision, so a cursor loses nothing."""
Milliseconds = Annotated[int, msgspec.Meta(ge=0, lt=10**13)]
"""Since 1970, until the year 2286."""


def create_router(*, store: MongoDeliveries, rules: Mapping[str, Rule], homes: Homes, bearer: Bearer) -> APIRouter:
    """Return the routes under /v1."""
    router = APIRouter(prefix="/v1", tags=["alerts"])
    may_read, may_administer = bearer.requires(READ_SCOPE), bearer.requires(ADMIN_SCOPE)

    @router.get("/alerts", responses={404: problem("No region has this code, or several")})
    async def get_alerts(
        region: str | None = None, state: AlertState | None = None, limit: Limit = 100, cursor: Cursor = None,
        caller: Caller = may_read,
    ) -> AlertPage:  # fmt: skip
        """Return the alerts of the region and all below it, newest first; by default of all that the token may see."""
        order, region = "alerts", region_in_force(homes, home_of(caller) if region is None else region)
        demand_within(caller, region)
        found = await store.alerts(region, state, page_start(order, cursor), limit + 1)
        items = [AlertView.of(alert) for alert in found[:limit]]
        last = items[-1] if len(found) > limit else None
        return AlertPage(items, next_cursor(order, last.raised_at, last.id) if last else None)

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
        order = "deliveries"
        found = await store.deliveries(page_start(order, cursor), limit + 1)
        items = [DeliveryReport(DeliveryView.of(delivery), delivery.reason) for delivery in found[:limit]]
        last = items[-1].delivery if len(found) > limit else None
        return DeliveryPage(items, next_cursor(order, last.created_at, last.id) if last else None)

    @router.get("/rules")
    async def get_rules(_caller: Caller = may_read) -> RuleList:
        """Return the rules in force."""
        return RuleList([RuleView.of(rule) for rule in rules.values()])

    return router


def next_cursor(order: str, at: datetime, id_: str) -> str:
    """Return the cursor of the page after the item with this time and id."""
    return cursor_in(order, ((at - _EPOCH) // _MILLISECOND, id_))


def page_start(order: str, cursor: str | None) -> PageStart | None:
    """Return where the page begins. Raises: Problem 422 for a cursor that no page gave."""
    place = place_in(order, cursor, tuple[Milliseconds, str])
    return PageStart(_EPOCH + place[0] * _MILLISECOND, place[1]) if place else None
