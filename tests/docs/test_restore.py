"""The guides "back up and restore" and "disasters", step by step: a copy of MongoDB's files is put back.

One stack of all three services on a Kafka and a mongod of its own; first MongoDB is lost, then Kafka's topics as well.
"""

from __future__ import annotations

import shutil
import sys
import uuid
from collections.abc import AsyncIterator, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

from deploy.local.mongod import Mongod, client
from deploy.local.ports import free_ports
from deploy.local.process import Child, together
from deploy.local.settings import ANY_PORTS, StackConfig, StackSettings
from deploy.local.stack import LocalStack, Part
from shared.adapters.kafka_admin import ensure_topics, partitions
from shared.contracts import topics
from shared.regions.catalogue import catalogue
from tests.e2e.entrances import all_taken_from_kafka, through_kafka
from tests.e2e.severing import Line
from tests.e2e.world import World, databases_of, enrolled
from tests.factories_registry import NIK
from tests.reached import address_of, alerts, put_potentials, services_with_the_rule
from tests.waiting import eventually

BEFORE, AFTER, THROUGH_KAFKA = "52.01", "52.02", "52.03"
"""Regencies that reach 40 % before the backup, after it, and after it through Kafka."""
REGENCIES: Final = (BEFORE, AFTER, THROUGH_KAFKA)
LATER: Final = "52.04"
"""A regency that reaches it after the first restore."""
Fact = dict[str, Any]
POTENTIAL, ENOUGH = 20, 8


def parts(config: StackConfig) -> Sequence[Part]:
    """Return the services, with an official for each regency."""
    return services_with_the_rule(config, (*REGENCIES, LATER))


class Site:
    """A stack, its mongod, and what an operator does to them."""

    def __init__(self, world: World, mongod: Mongod, data: Path) -> None:
        self.world, self.stack, self.config = world, world.stack, world.config
        self._mongod, self._data = mongod, data
        self.parts = {part.name: part for part in parts(self.config)}

    async def command(self, service: str, *arguments: str) -> None:
        """Run a command of a service to its end. Raises: PermanentError with its last words where it fails."""
        log = self.config.home.log(f"{service}-{arguments[0]}-{uuid.uuid4().hex[:6]}")
        program = str(Path(sys.executable).parent / f"cakupan-{service}")
        await Child(arguments[0], (program, *arguments), log, self.parts[service].environment).run()

    async def back_up(self, to: Path) -> None:
        """Copy MongoDB's files while writes are held back."""
        async with client(self._mongod.uri) as admin:
            await admin.admin.command("fsync", lock=True)
            try:
                shutil.copytree(self._data, to)
            finally:
                await admin.admin.command("fsyncUnlock")

    async def lose_mongodb(self) -> None:
        """End the three services and mongod at once, and remove all of its files."""
        await together(*(self.stack.kill(name) for name in ("registry", "coverage", "notifier")))
        await self._mongod.kill()
        shutil.rmtree(self._data)

    async def put_back(self, copy: Path) -> None:
        """Start mongod on the copy."""
        shutil.copytree(copy, self._data)
        (self._data / "mongod.lock").write_text("")
        await self._mongod.start()

    async def make_anew(self, *lost: topics.Topic) -> None:
        """Delete topics with their records and make them again, empty."""
        access, names = self.config.kafka, [topic.under(self.config.namespace) for topic in lost]
        admin = AIOKafkaAdminClient(bootstrap_servers=access.bootstrap)
        await admin.start()
        await admin.delete_topics([topic.name for topic in names])
        await admin.close()

        async def gone() -> bool:
            return not {topic.name for topic in names} & (await partitions(access)).keys()

        await eventually(gone)
        await ensure_topics(access, names)

    async def replay(self) -> None:
        """Make the topic of changes from the ledger, and have coverage go on in it where it stands."""
        await self.make_anew(topics.CHANGES)
        await self.command("registry", "replay-ledger", "--to", topics.CHANGES.under(self.config.namespace).name)
        async with client(self._mongod.uri) as admin:
            coverage = admin[databases_of(self.config.namespace)[1]]
            await coverage["checkpoints"].update_many({}, [{"$set": {"next_offset": "$next_seq"}}])

    async def read_facts_again(self) -> None:
        """Move the registry's group to the beginning of the topic of facts; what is known comes out as a duplicate.

        An operator waits until the group has forgotten its members. Here one comes back in the registry's name.
        """
        topic = topics.FACTS.under(self.config.namespace)
        consumer = AIOKafkaConsumer(
            topic.name, bootstrap_servers=self.config.kafka.bootstrap, enable_auto_commit=False,
            group_id=f"{self.config.namespace}registry", group_instance_id=f"{self.config.namespace}registry-0",
            partition_assignment_strategy=(StickyPartitionAssignor,),
        )  # fmt: skip
        await consumer.start()

        async def assigned() -> bool:
            return len(consumer.assignment()) == topic.partitions

        await eventually(assigned)
        await consumer.commit(await consumer.beginning_offsets(consumer.assignment()))
        await consumer.stop()

    async def new_snapshots(self) -> None:
        """Make the topic of snapshots anew, with each region as it is now; the notifier reads all of it."""
        await self.stack.kill("coverage")
        await self.make_anew(topics.SNAPSHOTS)
        async with client(self._mongod.uri) as admin:
            notifier = admin[databases_of(self.config.namespace)[2]]
            await notifier["evaluator"].update_many({}, {"$set": {"positions": {}}})
        await self.stack.restart("coverage")

    async def send(self, facts: Iterable[Fact]) -> None:
        """Send facts over HTTP, as a sender does who is not sure what arrived."""
        for fact in facts:
            answer = await self.world.post(fact)
            assert answer.status_code in (200, 202), answer.text

    async def counts(self, expected: dict[str, int]) -> bool:
        """Say whether coverage has counted so many in each regency."""
        return {code: (await self.world.region(code))["registered"] for code in expected} == expected

    async def told(self, *regencies: str) -> bool:
        """Say whether the official of each of these has been told."""
        return all(self.world.mails(address_of(code)) for code in regencies)

    def message_ids(self) -> set[str]:
        """Return the Message-IDs of all mails."""
        return {letter.name for letter in self.world.mails()}


def people_of(regency: str, first: int, count: int) -> list[Fact]:
    """Return enrolments of so many people in the first village of the regency."""
    children = catalogue().children
    village = children(children(regency)[0])[0]
    return [enrolled(f"{NIK[:12]}{n:04d}", region=village) for n in range(first, first + count)]


@pytest.fixture
async def site(kafka_bootstrap: str, tmp_path: Path) -> AsyncIterator[Site]:
    """The stack, running."""
    keys, data, (port,) = tmp_path / "mongodb-keys", tmp_path / "mongodb", free_ports(1)
    keys.mkdir()
    mongod = Mongod(data, tmp_path / "mongod.log", port, 0.25, keys)
    await mongod.start()
    settings = StackSettings(
        folder=tmp_path / "stack", kafka_bootstrap=kafka_bootstrap, mongodb_uri=mongod.uri,
        namespace=f"r{uuid.uuid4().hex[:6]}.", **ANY_PORTS,
    )  # fmt: skip
    stack = LocalStack(settings, parts)
    try:
        await stack.start()
        # The operators' listener, which says that a service is ready, is open a moment before the other.
        async with httpx.AsyncClient(timeout=30, transport=httpx.AsyncHTTPTransport(retries=5)) as http:
            yield Site(World(stack, http, Line("127.0.0.1", port), mongod.uri), mongod, data)
    finally:
        await stack.stop()
        await mongod.kill()


async def test_what_was_backed_up_is_there_again_and_nobody_hears_twice(site: Site, tmp_path: Path) -> None:
    """Facts that came after the backup are sent again, or read again from Kafka; then all proofs hold.

    MongoDB alone is lost first: no mail is new to its receiver. Then Kafka's topics are lost with it: only who was told
    after the backup hears once more, of the same alert. A fact that nobody sends again is gone everywhere.
    """
    await put_potentials(site.world, (*REGENCIES, LATER), POTENTIAL)
    saved, repeated, by_kafka = (people_of(code, 100 * n, ENOUGH) for n, code in enumerate(REGENCIES))
    await site.send(saved)
    await eventually(partial(site.told, BEFORE), within_s=60)
    await site.back_up(tmp_path / "backup")
    await site.send([*repeated, *people_of(BEFORE, 900, 1)])
    for fact in by_kafka:
        await through_kafka(site.world, fact)
    await eventually(partial(site.told, *REGENCIES), within_s=60)
    raised, mails = await alerts(site.world), site.message_ids()
    assert (len(raised), len(mails)) == (3, 3)

    await site.lose_mongodb()
    await site.put_back(tmp_path / "backup")
    await site.stack.restart("notifier")
    await eventually(partial(all_alerts_are, site, raised), within_s=60)
    await site.stack.kill("notifier")
    await site.replay()
    await site.read_facts_again()
    await site.stack.restart("registry")
    await site.send(repeated)
    await eventually(partial(all_taken_from_kafka, site.world), within_s=60)
    await resume_counting(site)
    assert (await alerts(site.world), site.message_ids()) == (raised, mails)
    await site.send(people_of(LATER, 500, ENOUGH))
    await eventually(partial(site.told, LATER), within_s=60)
    assert len(await alerts(site.world)) == len(site.message_ids()) == 4

    await site.lose_mongodb()
    await site.make_anew(*topics.ALL)
    await site.put_back(tmp_path / "backup")
    await site.replay()
    await site.stack.restart("registry")
    await site.send([*repeated, *by_kafka])
    await resume_counting(site)
    await eventually(partial(all_alerts_are, site, raised), within_s=60)
    await eventually(partial(told_again, site, mails, {AFTER, THROUGH_KAFKA, LATER}), within_s=60)


async def all_alerts_are(site: Site, expected: list[tuple[str, str]]) -> bool:
    return await alerts(site.world) == expected


async def told_again(site: Site, mails: set[str], regencies: set[str]) -> bool:
    """Say whether the officials of these regencies, and nobody else, have one mail more than these."""
    more = sorted(letter.to for letter in site.world.mails() if letter.name not in mails)
    return more == sorted(map(address_of, regencies))


async def resume_counting(site: Site) -> None:
    """Have coverage catch up, publish each region once more, and the notifier judge it; then prove all of it."""
    await site.stack.restart("coverage")
    await eventually(partial(site.counts, dict.fromkeys(REGENCIES, ENOUGH)), within_s=60)
    await site.new_snapshots()
    await site.stack.restart("notifier")
    await site.command("registry", "verify")
    await site.command("coverage", "verify")
