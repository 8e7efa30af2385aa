"""All routes of the notifier."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fastapi import FastAPI

from services.notifier.delivery.mongo import MongoDeliveries
from services.notifier.http import ack_page, alerts, deliveries, officials, rules, silences
from services.notifier.http.ack_links import AckLinks
from services.notifier.http.given import Giver
from services.notifier.http.records import Records
from services.notifier.http.trial_messages import Tester
from services.notifier.live.inputs import Inputs
from services.notifier.messages.message import Message, MessageFacts
from shared.adapters.http_api import Bearer
from shared.adapters.mongo import Mongo
from shared.regions.catalogue import Catalogue
from shared.regions.successors import Homes
from shared.runtime.clock import Clock


@dataclass(frozen=True, slots=True)
class Needs:
    """What the routes are made of. `pages_url`: base of the links to a region's page."""

    mongo: Mongo
    records: Records
    inputs: Inputs
    deliveries: MongoDeliveries
    compose: Callable[[MessageFacts], Message]
    links: AckLinks
    pages_url: str
    regions: Catalogue
    homes: Homes
    bearer: Bearer
    clock: Clock


def add_routes(api: FastAPI, needs: Needs) -> None:
    """Add everything under /v1 and /ack."""
    records, giver = needs.records, Giver(needs.inputs, needs.clock)
    regions, homes, bearer, clock = needs.regions, needs.homes, needs.bearer, needs.clock
    tester = Tester(records, needs.mongo, needs.compose, needs.pages_url, clock)
    for router in (
        alerts.create_router(
            records=records, deliveries=needs.deliveries, giver=giver, homes=homes, name_of=regions.name,
            bearer=bearer, clock=clock,
        ),
        silences.create_router(records=records, giver=giver, homes=homes, bearer=bearer, clock=clock),
        officials.create_router(
            records=records, giver=giver, tester=tester, is_region=regions.__contains__, homes=homes, bearer=bearer,
            clock=clock,
        ),
        rules.create_router(records=records, bearer=bearer),
        deliveries.create_router(deliveries=needs.deliveries, homes=homes, bearer=bearer, clock=clock),
        ack_page.create_router(links=needs.links, records=records, giver=giver, name_of=regions.name, clock=clock),
    ):  # fmt: skip
        api.include_router(router)
