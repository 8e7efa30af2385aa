"""A storm of crossings on two replicas, one of which is killed in the middle of it."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import msgspec
import yaml
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from deploy.local.ports import LOOPBACK, free_ports
from deploy.local.process import Child
from services.notifier.delivery.deliveries import document_of
from services.notifier.files.official_files import officials_of
from services.notifier.files.yaml_lines import Document
from services.notifier.live.inputs import Inputs
from services.notifier.settings import NotifierSettings
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_producer import Producer, Record, partition_for
from shared.adapters.mongo import Mongo
from shared.contracts import topics
from shared.regions.catalogue import catalogue
from tests.alerts_scenarios import Dict
from tests.alerts_trace import official, rule, traced
from tests.factories_notifier import snapshot
from tests.integration.notifier.mail_server import MailServer
from tests.waiting import eventually

CROSSINGS = int(os.environ.get("CAKUPAN_CHAOS_CROSSINGS", "300"))
RULES = [rule(levels=["village"], hears=["gubernur"])]
OFFICIALS = [official("g")]
PROGRAM = (sys.executable, "-c", "from services.notifier.cli import app; app()")
"""The console script, also where this tree is not the one that is installed."""


@dataclass
class Replica:
    """One notifier process."""

    child: Child
    operators: str

    async def evaluates(self, http: httpx.AsyncClient) -> bool:
        """Say whether it has the lease."""
        try:
            text = (await http.get(f"{self.operators}/metrics")).text
        except httpx.TransportError:
            return False
        return "notifier_evaluates 1.0" in text


async def test_a_kill_in_a_storm_loses_no_alert_and_changes_no_decision(
    settings: NotifierSettings, mongo: Mongo, mail_server: MailServer, tmp_path: Path
) -> None:
    """Every alert is delivered, at most those in flight twice, under the same ids; decisions are those of the trace."""
    await ensure_topics(settings.kafka, [topic.under(settings.namespace) for topic in topics.ALL])
    settings.rules.write_text(yaml.safe_dump({"rules": RULES}))
    async with httpx.AsyncClient(timeout=30) as http, started(settings, 2, tmp_path) as replicas:
        first = await eventually(lambda: evaluating(http, replicas), within_s=60)
        assert first is not None
        await give_officials(mongo)
        storm = asyncio.create_task(publish_storm(settings))
        await eventually(lambda: received(mail_server, CROSSINGS // 5), within_s=120)
        await first.child.kill()
        await storm
        await eventually(lambda: received(mail_server, CROSSINGS), within_s=180)
        await eventually(lambda: nothing_waits(mongo), within_s=90)
        second = await evaluating(http, replicas)
        assert second is not None
        assert second is not first

    times = Counter(str(mail["Message-ID"]) for _, mail in mail_server.mails)
    stored = [each["_id"] async for each in mongo["deliveries"].find({})]
    assert times.keys() == {f"<{id_}@example.id>" for id_ in stored}
    assert len(times) == CROSSINGS
    assert sum(times.values()) - CROSSINGS <= settings.email_connections
    live = [each["line"] async for each in mongo["decisions"].find({}, sort=[("_id", 1)])]
    assert live == traced([], [], await events_of(settings, mongo))


async def publish_storm(settings: NotifierSettings) -> None:
    """Write for each village a snapshot over the line, then one below it."""
    producer = Producer(settings.kafka, "storm")
    topic = topics.SNAPSHOTS.under(settings.namespace).name
    for position, active in ((1, 450), (2, 350)):
        for village in villages(CROSSINGS):
            shot = snapshot(active, position, datetime.now(UTC), region=village, potential_workers=1_000)
            record = Record(partition_for(village, topics.PARTITIONS), village.encode(), msgspec.json.encode(shot))
            await producer.publish(topic, [record])
    await producer.stop()


def villages(count: int) -> list[str]:
    """Return the codes of so many villages of Aceh."""
    regions = catalogue()
    districts = (district for regency in regions.children("11") for district in regions.children(regency))
    return list(islice((village for district in districts for village in regions.children(district)), count))


async def give_officials(mongo: Mongo) -> None:
    """Put the officials in force, and return once they are."""
    inputs = Inputs(mongo)
    read = officials_of(Document({"officials": OFFICIALS}), "officials", lambda _: True)
    _, number = await inputs.give_officials([document_of(each) for each in read], "test", datetime.now(UTC))
    await eventually(lambda: inputs.outcome(number))


async def evaluating(http: httpx.AsyncClient, replicas: Sequence[Replica]) -> Replica | None:
    """Return the replica that evaluates, if one does."""
    for replica in replicas:
        if await replica.evaluates(http):
            return replica
    return None


async def received(mail_server: MailServer, count: int) -> bool:
    """Say whether so many different mails have come."""
    return len({mail["Message-ID"] for _, mail in mail_server.mails}) >= count


async def nothing_waits(mongo: Mongo) -> bool:
    """Say whether every delivery is recorded as sent."""
    return not await mongo["deliveries"].count_documents({"state": {"$ne": "sent"}})


async def events_of(settings: NotifierSettings, mongo: Mongo) -> list[Dict]:
    """Return what the notifier was given, as `rules trace` reads it: rules, officials, then records by their time."""
    rules = await mongo["rules"].find_one({"_id": 1})
    given = await mongo["inputs"].find_one({"_id": 1})
    topic = topics.SNAPSHOTS.under(settings.namespace).name
    records = sorted(await all_records(settings, topic), key=lambda each: (each.timestamp, each.partition, each.offset))
    return [
        {"at": text(rules["given_at"]), "rules": {"rules": RULES}},
        {"at": text(given["applied_at"]), "officials": {"officials": OFFICIALS}},
        *({"at": text(moment(each)), "snapshot": json.loads(each.value)} for each in records),
    ]


async def all_records(settings: NotifierSettings, topic: str) -> list[ConsumerRecord]:
    """Return the records of all partitions up to their present ends."""
    consumer = AIOKafkaConsumer(**settings.kafka.client_options(), enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(topic, partition) for partition in range(topics.PARTITIONS)]
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found: list[Any] = []
        while len(found) < sum(ends.values()):
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
        return found
    finally:
        await consumer.stop()


def moment(record: ConsumerRecord) -> datetime:
    """Return when Kafka wrote the record."""
    assert record.timestamp_type == 1, "the broker stamps this topic"
    return datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=record.timestamp)


def text(instant: datetime) -> str:
    """Return the instant as events have it."""
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@asynccontextmanager
async def started(settings: NotifierSettings, count: int, folder: Path) -> AsyncIterator[list[Replica]]:
    """Yield that many replicas of one notifier; stop them afterwards."""
    ports = free_ports(2 * count)
    replicas = [replica_of(settings, n, ports[2 * n], ports[2 * n + 1], folder) for n in range(count)]
    try:
        for replica in replicas:
            await replica.child.start()
        yield replicas
    finally:
        for replica in replicas:
            await replica.child.stop(10)


def replica_of(settings: NotifierSettings, number: int, port: int, operators_port: int, folder: Path) -> Replica:
    """Return a replica that is not started yet."""
    name = f"notifier-{number}"
    environment = {
        "CAKUPAN_KAFKA_BOOTSTRAP": settings.kafka_bootstrap, "CAKUPAN_MONGODB_URI": settings.mongodb_uri,
        "CAKUPAN_NAMESPACE": settings.namespace, "CAKUPAN_JWKS": settings.jwks, "CAKUPAN_INSTANCE": name,
        "CAKUPAN_TOKEN_ISSUER": settings.token_issuer, "CAKUPAN_TOKEN_AUDIENCE": settings.token_audience,
        "NOTIFIER_PORT": str(port), "NOTIFIER_OPERATORS_PORT": str(operators_port),
        "NOTIFIER_SMTP_PORT": str(settings.smtp_port), "NOTIFIER_SMTP_TLS": "none",
        "NOTIFIER_RULES": str(settings.rules), "NOTIFIER_ACK_KEY_FILE": str(settings.ack_key_file),
    }  # fmt: skip
    child = Child(name, (*PROGRAM, "serve"), folder / f"{name}.log", environment)
    return Replica(child, f"http://{LOOPBACK}:{operators_port}")
