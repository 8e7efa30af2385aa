"""The runbook "a lost topic", step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import httpx
from aiokafka.admin import AIOKafkaAdminClient

from services.registry.app import build
from services.registry.settings import RegistrySettings
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics, partitions
from shared.adapters.mongo import Mongo
from shared.contracts.topics import CHANGES
from tests.factories_registry import NIK, event
from tests.integration.coverage.commands import cakupan_coverage
from tests.integration.coverage.stack import Stack, prepared
from tests.integration.registry.commands import command
from tests.integration.registry.serving import CLOUDEVENT
from tests.serving import served
from tests.tokens import AUDIENCE, ISSUER
from tests.topic_records import read_topic
from tests.waiting import eventually

REGENCY = "11.01"


def settings_of(stack: Stack, folder: Path) -> RegistrySettings:
    """Return the settings of the registry beside that coverage."""
    secret = folder / "identity.key"
    secret.write_text("5e" * 32)
    return RegistrySettings(
        kafka_bootstrap=stack.kafka, mongodb_uri=stack.mongodb, namespace=stack.namespace, jwks=stack.jwks,
        token_issuer=ISSUER, token_audience=AUDIENCE, instance="registry-0", identity_key_file=secret,
    )  # fmt: skip


@asynccontextmanager
async def registry(settings: RegistrySettings, stack: Stack) -> AsyncIterator[httpx.AsyncClient]:
    """Serve the registry for the block."""
    async with served(build(settings)) as http:
        http.headers.update(CLOUDEVENT | stack.headers("facts:write"))
        yield http


async def enrol(http: httpx.AsyncClient, numbers: range) -> None:
    """Enrol one person for each number."""
    for number in numbers:
        who = {"identity": {"scheme": "nik", "value": f"{NIK[:12]}{number:04d}"}}
        assert (await http.post("/v1/facts", json=event(id=f"f-{number}", data=who))).status_code == 202


async def test_a_lost_topic_is_replayed_and_coverage_counts_on(
    kafka_bootstrap: str, mongodb_uri: str, namespace: str, tmp_path: Path
) -> None:
    """Each person is counted once, though the old topic held records twice, and so had other offsets."""
    stack = await prepared(kafka_bootstrap, mongodb_uri, namespace, tmp_path)
    settings, changes = settings_of(stack, tmp_path), CHANGES.under(namespace)
    async with registry(settings, stack) as http, stack.replica() as coverage:
        await enrol(http, range(10))
        await eventually(partial(coverage.counts, REGENCY, 10))
        first = next(records[0] for records in (await read_topic(kafka_bootstrap, changes.name)).values() if records)
        await stack.put([(first.key.decode(), first.value)])
        await enrol(http, range(10, 20))
        await eventually(partial(coverage.counts, REGENCY, 20))
    await stack.producer.stop()

    await lose(kafka_bootstrap, changes.name)
    code, out, error = await command(settings, "verify")
    assert (code, "no difference" in out) == (0, True), error
    await ensure_topics(KafkaAccess(kafka_bootstrap), [changes])
    code, out, error = await command(settings, "replay-ledger", "--to", changes.name)
    assert (code, out.split(" ")[0]) == (0, "20"), error
    await point_coverage_at_the_new_offsets(stack)

    async with registry(settings, stack) as http, stack.replica() as coverage:
        await enrol(http, range(20, 25))
        await eventually(partial(coverage.counts, REGENCY, 25))
        assert await coverage.is_ready()
        code, out, error = await command(settings, "dump-ledger", str(tmp_path / "ledger"))
        assert (code, out.split(" ")[0]) == (0, "25"), error
        await enrol(http, range(25, 30))
        await eventually(partial(coverage.counts, REGENCY, 30))
        ran = await cakupan_coverage(stack, "verify", "--ledger", str(tmp_path / "ledger"))
        assert (ran.code, "60 changes" in ran.said) == (0, True), ran.said


async def lose(bootstrap: str, topic: str) -> None:
    """Delete a topic."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_topics([topic])
    await admin.close()

    async def gone() -> bool:
        return topic not in await partitions(KafkaAccess(bootstrap))

    await eventually(gone)


async def point_coverage_at_the_new_offsets(stack: Stack) -> None:
    """Do what the runbook has an operator do in mongosh."""
    mongo = Mongo(stack.mongodb, stack.settings().database("coverage"), "an operator")
    await mongo["checkpoints"].update_many({}, [{"$set": {"next_offset": "$next_seq"}}])
    mongo.close()
