"""Composition root. Only this module builds clients and starts tasks."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

from fastapi import FastAPI

from services.notifier.delivery.addresses import Gate, networks
from services.notifier.delivery.channels.chat import ChatChannel
from services.notifier.delivery.channels.email import MailServer, SmtpChannel
from services.notifier.delivery.channels.webhook import WebhookChannel
from services.notifier.delivery.deliverer import Deliverer, Lane, Policy
from services.notifier.delivery.facts import FactsReader
from services.notifier.delivery.metrics import DeliveryMetrics
from services.notifier.delivery.mongo import MongoDeliveries
from services.notifier.http.ack_links import AckLinks
from services.notifier.http.officials import SCHEMAS
from services.notifier.http.records import Records
from services.notifier.http.routes import Needs, add_routes
from services.notifier.live.evaluator import JOB, Evaluator
from services.notifier.live.inputs import Inputs
from services.notifier.live.kafka import SnapshotTopic
from services.notifier.live.metrics import LiveMetrics
from services.notifier.live.mongo import WorldStore
from services.notifier.live.rules_file import WatchedRules
from services.notifier.messages.compose import Composer
from services.notifier.settings import NotifierSettings
from shared.adapters.asyncapi import describe_read
from shared.adapters.mongo_leases import MongoLeases
from shared.adapters.service import Loops, Service
from shared.contracts import topics
from shared.contracts.snapshots import Snapshot
from shared.regions.catalogue import Catalogue, catalogue
from shared.regions.successors import Homes, table
from shared.runtime.clock import Clock
from shared.runtime.tasks import repeat

_SHOW_EVERY: Final = timedelta(seconds=1)
"""How old the gauges of deliveries may be."""
_FORGET_EVERY: Final = timedelta(hours=1)
"""How much longer than was set a message may be kept."""
_LINKS_LAST: Final = timedelta(days=14)
"""How long an official may acknowledge by the link in a message: they may be on leave."""


def build(settings: NotifierSettings, *, clock: Clock | None = None, regions: Catalogue | None = None) -> FastAPI:
    """Return notifier as an application; its work starts when it is served. `regions`: by default those in force today.

    Raises: PermanentError when a key or a template is wrong.
    """
    service = Service("notifier", settings, clock)
    mongo, clock = service.mongo, service.clock
    regions = regions or catalogue()
    is_region = regions.__contains__
    snapshots = service.topic(topics.SNAPSHOTS)
    describe_read(
        service.broker, snapshots, Snapshot, "Snapshots to be evaluated, read from the position kept with the alerts.",
    )  # fmt: skip

    links = AckLinks.from_file(settings.ack_key_file, settings.public_url)
    facts = FactsReader(mongo, settings.pages_url, links.url, _LINKS_LAST)
    deliveries, told = MongoDeliveries(mongo), DeliveryMetrics(service.prometheus)
    compose = Composer().compose
    channels = _Channels(settings, clock)
    deliverer = Deliverer(deliveries, facts, compose, channels.lanes, service.instance, _policy(settings), clock, told)

    metrics = LiveMetrics(service.prometheus, snapshots.name)
    inputs, leases = Inputs(mongo), MongoLeases(mongo)
    store, records = WorldStore(mongo), Records(mongo)
    topic = SnapshotTopic(
        settings.kafka, snapshots.name, f"{settings.namespace}notifier", service.instance,
        service.dead_letters(topics.SNAPSHOTS_DEAD, topics.SNAPSHOTS), is_region, metrics,
    )  # fmt: skip
    evaluator = Evaluator(
        store, inputs, leases, topic, WatchedRules(settings.rules, is_region, metrics), is_region, service.instance,
        clock, metrics, on_told=deliverer.wake,
    )  # fmt: skip
    service.checks |= {"evaluator": evaluator.trouble, "rules": evaluator.rules_trouble}
    service.liveness["evaluator"] = evaluator.stuck

    async def show() -> None:
        told.show(await deliveries.backlog(), clock.now())

    async def forget() -> None:
        await deliveries.forget_messages(clock.now() - settings.keep_messages)

    async def start() -> Loops:
        await store.prepare()
        await inputs.prepare()
        await deliveries.prepare()
        await records.prepare()
        await leases.prepare_leases([JOB])
        await deliveries.release(service.instance, clock.now())
        return [
            evaluator.run(), deliverer.run(), repeat(show, _SHOW_EVERY, "counting deliveries"),
            repeat(forget, _FORGET_EVERY, "forgetting old messages"), channels.kept_open(),
        ]  # fmt: skip

    api = service.application(
        "Decides which officials are alerted about a region, and delivers the messages.", start, SCHEMAS
    )
    add_routes(
        api,
        Needs(
            mongo, records, inputs, deliveries, compose, links, settings.pages_url, regions, Homes(regions, table()),
            service.bearer, clock,
        ),
    )  # fmt: skip
    return api


class _Channels:
    """The channels, each in a lane of its own."""

    def __init__(self, settings: NotifierSettings, clock: Clock) -> None:
        gate = Gate(networks(settings.private_networks))
        authorities = settings.channels_ca_file
        self._email = SmtpChannel(_mail_server(settings), settings.smtp_sender, settings.unsubscribe)
        self._webhook = WebhookChannel(settings.webhook_keys_file, settings.webhook_source, gate, clock, authorities)
        self._chat = ChatChannel(settings.chat_schemas.split(","), gate, settings.chat_connections)
        lanes = (
            Lane("email", self._email, settings.email_connections, settings.email_per_s),
            Lane("webhook", self._webhook, settings.webhook_connections, settings.webhook_per_s, per_address=1),
            Lane("chat", self._chat, settings.chat_connections, settings.chat_per_s, per_address=1),
        )
        self.lanes = {lane.kind: lane for lane in lanes}

    async def kept_open(self) -> None:
        """Close them when this is cancelled."""
        try:
            await asyncio.Event().wait()
        finally:
            self._email.close()
            self._chat.close()
            await self._webhook.close()


def _mail_server(settings: NotifierSettings) -> MailServer:
    return MailServer(
        settings.smtp_host, settings.smtp_port, settings.smtp_tls, settings.smtp_user, settings.smtp_password_file,
        settings.channels_ca_file,
    )  # fmt: skip


def _policy(settings: NotifierSettings) -> Policy:
    return Policy(
        first=timedelta(seconds=settings.retry_first_s),
        longest=timedelta(seconds=settings.retry_longest_s),
        give_up_after=settings.give_up_after,
    )
