"""Deliveries over HTTP, for operators: what waits, what was sent, what is dead and may be sent again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from services.notifier.delivery.deliveries import Delivery, DeliveryState
from services.notifier.delivery.mongo import MongoDeliveries, Wanted
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import ChannelKind
from services.notifier.http.access import ADMIN_SCOPE
from services.notifier.http.alerts import next_cursor, page_start
from shared.adapters.http_api import Bearer
from shared.adapters.http_problem import Problem
from shared.adapters.http_regions import region_in_force
from shared.adapters.openapi import problem
from shared.adapters.paging import Cursor, Limit
from shared.adapters.territory import demand_within, home_of
from shared.regions.successors import Homes
from shared.runtime.auth import Caller
from shared.runtime.clock import Clock

OfRegion = Annotated[str | None, Query(description="Of alerts of it and all below; by default of all regions")]
OfKind = Annotated[ChannelKind | None, Query(description="Through this kind of channel")]
Subject = Annotated[str | None, Query(max_length=128, description="An id")]


@dataclass(frozen=True, slots=True)
class DeliveryView:
    """One message to one official through one channel. `tries`: failed ones; `next_try_at`: null unless it waits.

    `reason`: of the last failed try; it may quote the address.
    """

    id: str
    official: str
    name: str
    kind: ChannelKind
    address: str
    occasion: Occasion
    alerts: list[str]
    regions: list[str]
    state: DeliveryState
    told_at: datetime
    tries: int
    next_try_at: datetime | None
    sent_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class DeliveryPage:
    """Deliveries, newest first."""

    items: list[DeliveryView]
    next: str | None


def create_router(*, deliveries: MongoDeliveries, homes: Homes, bearer: Bearer, clock: Clock) -> APIRouter:
    """Return the routes under /v1/deliveries."""
    router = APIRouter(prefix="/v1/deliveries", tags=["deliveries"])
    may_administer = bearer.requires(ADMIN_SCOPE)

    @router.get("", responses={404: problem("No region has this code, or several")})
    async def get_deliveries(
        state: DeliveryState | None = None, kind: OfKind = None, official: Subject = None, alert: Subject = None,
        region: OfRegion = None, limit: Limit = 100, cursor: Cursor = None, caller: Caller = may_administer,
    ) -> DeliveryPage:  # fmt: skip
        """Return the deliveries, newest first, with their addresses and the reason of the last failed try."""
        region = region_in_force(homes, home_of(caller) if region is None else region)
        demand_within(caller, region)
        wanted = Wanted(state, kind, official, alert, region)
        found = await deliveries.page(wanted, page_start("deliveries", cursor), limit + 1)
        items = [_view(delivery) for delivery in found[:limit]]
        last = items[-1] if len(found) > limit else None
        return DeliveryPage(items, next_cursor("deliveries", last.told_at, last.id) if last else None)

    @router.post(
        "/{id}/resend",
        responses={404: problem("No delivery has this id"), 409: problem("It is not dead, so there is nothing to do")},
    )
    async def resend(id: str, caller: Caller = may_administer) -> DeliveryView:
        """Try a dead delivery again, with the same message and id, for as long as a new one."""
        found = await deliveries.get(id)
        if found is None:
            raise Problem(404, "unknown_delivery", "no delivery has this id; take one from /v1/deliveries")
        for region in found.regions:
            demand_within(caller, region)
        if not await deliveries.resend(id, clock.now()):
            raise Problem(409, "not_dead", f"the delivery is {found.state.value}; only a dead one can be sent again")
        return _view(await deliveries.get(id) or found)

    return router


def _view(delivery: Delivery) -> DeliveryView:
    waits = delivery.state is DeliveryState.WAITING
    return DeliveryView(
        delivery.id, delivery.official.id, delivery.official.name, delivery.channel.kind, delivery.channel.address,
        delivery.occasion, list(delivery.alerts), list(delivery.regions), delivery.state, delivery.told_at,
        delivery.tries, delivery.due_at if waits else None, delivery.sent_at, delivery.reason,
    )  # fmt: skip
