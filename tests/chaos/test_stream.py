"""The proof: whatever the order, whoever is killed, the published changes sum to the definition's counts.

`make chaos` runs it at full size. CAKUPAN_CHAOS_FACTS, _KILLS and _SEEDS set the sizes.
"""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import httpx
import pytest

from services.registry.app import auditor
from services.registry.intake.mongo.store import MongoStore
from services.registry.relay.mongo import MongoOutbox
from services.registry.settings import RegistrySettings
from shared.adapters.mongo import Mongo
from shared.contracts.topics import CHANGES
from tests import oracle, stream
from tests.chaos.judge import applied, standing
from tests.chaos.replicas import Replica, started
from tests.chaos.upstream import Upstream
from tests.fakes_audit import SilentProgress
from tests.integration.registry.serving import make_topics
from tests.tokens import Issuer
from tests.topic_records import read_topic
from tests.waiting import eventually

FACTS = int(os.environ.get("CAKUPAN_CHAOS_FACTS", "3000"))
KILLS = int(os.environ.get("CAKUPAN_CHAOS_KILLS", "2"))
SEEDS = [int(seed) for seed in os.environ.get("CAKUPAN_CHAOS_SEEDS", "1").split(",")]
SENDERS = 6
LEVEL_WITHIN_S = 120


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_published_changes_sum_to_the_definition(
    settings: RegistrySettings, issuer: Issuer, tmp_path: Path, seed: int
) -> None:
    """Late, shuffled, repeated, corrected, linked facts, to two replicas, one or the other killed again and again."""
    await make_topics(settings)
    facts = stream.written(seed, FACTS, datetime.now(UTC))
    arriving = stream.arriving(seed, facts)
    async with httpx.AsyncClient(timeout=60) as http, started(settings, 2, tmp_path) as replicas:
        upstream = Upstream(http, replicas, issuer.token(), seed)
        killing = asyncio.create_task(kill_along(upstream, replicas, len(arriving), seed))
        await upstream.send(arriving, SENDERS)
        await killing
        await level(settings, facts)
    taken = list(upstream.taken.values())
    assert len(taken) == len({(fact["source"], fact["id"]) for fact in facts})
    topic = await read_topic(settings.kafka_bootstrap, CHANGES.under(settings.namespace).name)
    expected = oracle.counts(taken, datetime.now(UTC))
    assert standing(applied(topic)) == expected
    assert len(expected) > FACTS, "the stream must say something"
    async with auditor(settings) as audit:
        counted = await audit.verify(SilentProgress())
    assert counted.changes == len(applied(topic))


async def kill_along(upstream: Upstream, replicas: list[Replica], arriving: int, seed: int) -> None:
    """Kill one replica or the other, and start it again, as often as is asked, spread over the stream."""
    chance = Random(f"kills {seed}")
    for n in range(KILLS):
        after = int(arriving * (n + chance.uniform(0.2, 0.8)) / KILLS)

        async def far_enough(after: int = after) -> bool:
            return upstream.answered >= after

        await eventually(far_enough, within_s=600)
        replica = chance.choice(replicas)
        await replica.kill()
        await replica.start()


async def level(settings: RegistrySettings, facts: list[stream.Event]) -> None:
    """Return once the clock has passed the facts of the next seconds, and all that is decided is on the topic."""
    now = datetime.now(UTC)
    soon = max(at for at in (oracle.instant(fact["time"]) for fact in facts) if (at - now).days < 1)
    mongo = Mongo(settings.mongodb_uri, settings.database("registry"), "judge")
    store, outbox = MongoStore(mongo), MongoOutbox(mongo)

    async def settled() -> bool:
        now = datetime.now(UTC)
        return now > soon and not await store.due(now, 1) and (await outbox.backlog()).changes == 0

    try:
        await eventually(settled, within_s=LEVEL_WITHIN_S)
    finally:
        mongo.close()
