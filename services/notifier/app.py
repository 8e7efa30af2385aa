"""Composition root. Only this module builds clients and starts tasks."""

from __future__ import annotations

from fastapi import FastAPI

from services.notifier.live.evaluator import JOB, Evaluator
from services.notifier.live.inputs import Inputs
from services.notifier.live.kafka import SnapshotTopic
from services.notifier.live.metrics import LiveMetrics
from services.notifier.live.mongo import WorldStore
from services.notifier.live.rules_file import WatchedRules
from services.notifier.settings import NotifierSettings
from shared.adapters.asyncapi import describe_read
from shared.adapters.mongo_leases import MongoLeases
from shared.adapters.service import Loops, Service
from shared.contracts import topics
from shared.contracts.snapshots import Snapshot
from shared.regions.catalogue import catalogue
from shared.runtime.clock import Clock


def build(settings: NotifierSettings, *, clock: Clock | None = None) -> FastAPI:
    """Return notifier as an application; its work starts when it is served."""
    service = Service("notifier", settings, clock)
    is_region = catalogue().__contains__
    snapshots = service.topic(topics.SNAPSHOTS)
    describe_read(
        service.broker, snapshots, Snapshot, "Snapshots to be evaluated, read from the position kept with the alerts.",
    )  # fmt: skip
    metrics = LiveMetrics(service.prometheus, snapshots.name)
    inputs, leases = Inputs(service.mongo), MongoLeases(service.mongo)
    store = WorldStore(service.mongo, inputs)
    topic = SnapshotTopic(
        settings.kafka, snapshots.name, f"{settings.namespace}notifier", service.instance,
        service.dead_letters(topics.SNAPSHOTS_DEAD), is_region, metrics,
    )  # fmt: skip
    evaluator = Evaluator(
        store, inputs, leases, topic, WatchedRules(settings.rules, is_region, metrics), is_region, service.instance,
        service.clock, metrics, on_told=lambda: None,
    )  # fmt: skip
    service.checks |= {"evaluator": evaluator.trouble, "rules": evaluator.rules_trouble}
    service.liveness["evaluator"] = evaluator.stuck

    async def start() -> Loops:
        await store.prepare()
        await inputs.prepare()
        await leases.prepare_leases([JOB])
        return [evaluator.run()]

    return service.application("Decides which officials are alerted about a region, and delivers the messages.", start)
