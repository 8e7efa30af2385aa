"""The relay while its replicas are killed, and while Kafka does not answer."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from deploy.local.jars import kafka_jars
from deploy.local.kafka import Kafka
from deploy.local.ports import free_ports
from services.registry.app import build
from services.registry.settings import RegistrySettings
from shared.contracts.topics import CHANGES, PARTITIONS
from tests.chaos.judge import applied
from tests.chaos.replicas import Replica, started
from tests.factories_registry import NIK, event
from tests.integration.registry.serving import CLOUDEVENT, make_topics
from tests.serving import OPERATORS, served
from tests.stream import places
from tests.tokens import Issuer
from tests.topic_records import read_topic
from tests.waiting import eventually

REGENCIES = [place for place in places() if len(place) == 5]


class Sender:
    """Enrols one person after another, each in the next regency, so that all partitions get some."""

    def __init__(self, http: httpx.AsyncClient, issuer: Issuer) -> None:
        self._http = http
        self._headers = CLOUDEVENT | {"authorization": f"Bearer {issuer.token()}"}
        self.accepted = 0

    async def enrol(self, people: int, url: str = "") -> None:
        """Return once that many more are accepted."""
        for n in range(self.accepted, self.accepted + people):
            who = {
                "identity": {"scheme": "nik", "value": f"{NIK[:12]}{n:04d}"},
                "region": REGENCIES[n % len(REGENCIES)],
            }
            answer = await self._http.post(f"{url}/v1/facts", json=event(id=f"f-{n}", data=who), headers=self._headers)
            assert answer.status_code == 202, answer.text
            self.accepted += 1


async def test_a_killed_replicas_partitions_are_taken_over(
    settings: RegistrySettings, issuer: Issuer, tmp_path: Path
) -> None:
    """Two share them; one is killed: the other leads all, intake goes on, and no number is missing or given twice."""
    changes = CHANGES.under(settings.namespace)
    await make_topics(settings)
    async with httpx.AsyncClient(timeout=30) as http, started(settings, 2, tmp_path) as (killed, left):
        sender = Sender(http, issuer)
        for replica in (killed, left):
            await replica.answers(http)
            await eventually(partial(leads, http, replica, PARTITIONS // 2))
            await sender.enrol(20, replica.url)
        await killed.kill()
        await sender.enrol(20, left.url)
        await eventually(partial(leads, http, left, PARTITIONS))

        async def all_there() -> bool:
            return len(applied(await read_topic(settings.kafka_bootstrap, changes.name))) == sender.accepted

        await eventually(all_there)


async def leads(http: httpx.AsyncClient, replica: Replica, partitions: int) -> bool:
    return await replica.gauge(http, "registry_relay_partitions") == partitions


@pytest.fixture
async def kafka(tmp_path: Path) -> AsyncIterator[Kafka]:
    """A Kafka of this test's own, to be frozen."""
    jars = await kafka_jars(tmp_path / "maven.log")
    port, controller_port = free_ports(2)
    own = Kafka(tmp_path / "kafka", jars, tmp_path / "kafka.log", (port, controller_port))
    await own.start()
    yield own
    signal_to(own, signal.SIGCONT)
    await own.stop()


def signal_to(kafka: Kafka, what: signal.Signals) -> None:
    assert kafka.pid is not None
    os.kill(kafka.pid, what)


async def test_while_kafka_is_frozen_facts_are_taken_and_the_backlog_shows(
    settings: RegistrySettings, issuer: Issuer, kafka: Kafka
) -> None:
    """How many changes wait, and since when; once Kafka answers again all of it drains, each number once."""
    settings = settings.model_copy(update={"kafka_bootstrap": kafka.bootstrap})
    changes = CHANGES.under(settings.namespace)
    await make_topics(settings)
    async with served(build(settings)) as http:
        sender = Sender(http, issuer)
        await sender.enrol(10)
        await eventually(partial(shown, http, waiting=0))
        signal_to(kafka, signal.SIGSTOP)
        await sender.enrol(10)
        await eventually(partial(shown, http, waiting=10, for_s=2))
        await sender.enrol(10)
        await eventually(partial(shown, http, waiting=20, for_s=4))
        signal_to(kafka, signal.SIGCONT)
        await eventually(partial(shown, http, waiting=0), within_s=60)
    assert len(applied(await read_topic(kafka.bootstrap, changes.name))) == sender.accepted


async def shown(http: httpx.AsyncClient, waiting: int, for_s: float = 0) -> bool:
    """Say whether the metrics show so many changes waiting, the oldest for at least so long."""
    lines = (await http.get(f"http://{OPERATORS}/metrics")).text.splitlines()
    values = {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines) if name[:1] != "#"}
    oldest = values["registry_ledger_oldest_unpublished_seconds"]
    return values["registry_ledger_unpublished"] == waiting and (oldest >= for_s if waiting else oldest == 0)
