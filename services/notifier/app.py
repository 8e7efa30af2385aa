"""Composition root. Only this module builds clients and starts tasks."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

from fastapi import FastAPI

from services.notifier.adapters import email, http_api
from services.notifier.adapters.config_files import read_officials, read_rules
from services.notifier.adapters.email import SmtpChannel
from services.notifier.adapters.kafka_snapshots import SnapshotSink
from services.notifier.adapters.mongo_deliveries import MongoDeliveries
from services.notifier.adapters.mongo_store import MongoStore
from services.notifier.application.compose import Composer
from services.notifier.application.deliver import Deliverer, Policy
from services.notifier.application.evaluate import Evaluator
from services.notifier.application.judge import Judge
from services.notifier.application.metrics import NotifierMetrics
from services.notifier.application.ports import Channel
from services.notifier.settings import NotifierSettings
from shared.adapters.asyncapi import describe_read
from shared.adapters.kafka_batches import ONE_AT_A_TIME, Buffered
from shared.adapters.kafka_producer import partition_for
from shared.adapters.service import Loops, Service
from shared.contracts import topics
from shared.contracts.snapshots import Snapshot
from shared.regions.catalogue import catalogue
from shared.regions.successors import Homes, table
from shared.runtime.clock import Clock
from shared.runtime.tasks import repeat

_POLL_EVERY: Final = timedelta(seconds=1)
"""How late the end of a hold time may be noticed, and how old the gauges may be."""


def build(settings: NotifierSettings, *, clock: Clock | None = None) -> FastAPI:
    """Return notifier as an application; its work starts when it is served.

    Raises: PermanentError when the file of rules or officials has errors.
    """
    service = Service("notifier", settings, clock)
    mongo, clock = service.mongo, service.clock
    regions = catalogue()
    rules = read_rules(settings.rules, regions.__contains__)
    officials = read_officials(settings.officials, regions.__contains__)
    metrics = NotifierMetrics(service.prometheus, rules)
    store, deliveries = MongoStore(mongo), MongoDeliveries(mongo)
    describe_read(
        service.broker, service.topic(topics.SNAPSHOTS), Snapshot,
        "Snapshots to be evaluated, read from the position kept with the alerts.",
    )  # fmt: skip

    channels: dict[str, Channel] = {
        email.CHANNEL: SmtpChannel(settings.smtp_host, settings.smtp_port, settings.smtp_sender)
    }
    deliverer = Deliverer(
        deliveries, Composer(settings.pages_url), channels, officials, service.instance, _policy(settings), clock,
        metrics,
    )  # fmt: skip
    new_judge = partial(Judge, list(officials.values()), list(channels), clock)
    evaluator = Evaluator(store, rules, new_judge, clock, metrics, on_raised=deliverer.wake)
    sink = SnapshotSink(evaluator, store, service.dead_letters(topics.SNAPSHOTS_DEAD), regions.__contains__, metrics)
    owned = service.owned(topics.SNAPSHOTS)
    reader = service.reader(owned, Buffered(sink), limits=ONE_AT_A_TIME, reset="earliest")
    service.checks["snapshots"] = reader.trouble

    def is_caught_up(region: str) -> bool:
        return partition_for(region, topics.PARTITIONS) in owned.caught_up

    async def start() -> Loops:
        await store.prepare()
        await deliveries.release(service.instance, clock.now())
        return [
            reader.run(),
            repeat(lambda: evaluator.end_holds(is_caught_up), _POLL_EVERY, "ending hold times"),
            repeat(lambda: deliveries.show(metrics), _POLL_EVERY, "counting alerts"),
            *(deliverer.run() for _ in range(settings.workers)),
        ]

    api = service.application("Decides which officials are alerted about a region, and delivers the messages.", start)
    api.include_router(
        http_api.create_router(store=deliveries, rules=rules, homes=Homes(regions, table()), bearer=service.bearer)
    )
    return api


def _policy(settings: NotifierSettings) -> Policy:
    return Policy(
        children_wait=timedelta(seconds=settings.settle_s),
        lease=2 * timedelta(seconds=email.TIMEOUT_S),
        first=timedelta(seconds=settings.retry_first_s),
        longest=timedelta(seconds=settings.retry_longest_s),
        tries=settings.tries,
    )
