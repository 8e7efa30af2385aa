"""Plays a timeline of events on a real notifier: records with timestamps of their own, a clock moved by hand.

The events are those of `rules trace` (tests/alerts_trace.py), so that both can be compared.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import yaml
from aiokafka import AIOKafkaProducer

from services.notifier.app import build
from services.notifier.delivery.deliveries import document_of
from services.notifier.engine.documents import silence_document
from services.notifier.engine.events import SilenceGiven
from services.notifier.engine.instants import to_ms
from services.notifier.files.official_files import officials_of
from services.notifier.files.yaml_lines import Document
from services.notifier.live.inputs import Inputs
from services.notifier.settings import NotifierSettings
from services.notifier.trial.trace import command
from shared.adapters.kafka_admin import ensure_topics
from shared.adapters.kafka_producer import partition_for
from shared.adapters.mongo import Mongo
from shared.contracts import topics
from shared.regions.catalogue import Catalogue
from tests.alerts_scenarios import START, Dict
from tests.fakes import ManualClock
from tests.integration.notifier.mail_server import MailServer
from tests.serving import OPERATORS, served
from tests.waiting import eventually

STEP = timedelta(milliseconds=100)
"""The clock is moved on so far after each event: an instant is decided once it is surely over."""


@dataclass(frozen=True)
class Received:
    """A mail: minutes after START at which it came, to whom, why, and of how many alerts."""

    minutes: float
    to: str
    occasion: str
    alerts: int


@dataclass
class Stage:
    """`played`: the events with the instants at which they were given."""

    settings: NotifierSettings
    mongo: Mongo
    mail_server: MailServer
    producer: AIOKafkaProducer
    clock: ManualClock = field(default_factory=lambda: ManualClock(START - timedelta(seconds=10)))
    played: list[Dict] = field(default_factory=list)

    @classmethod
    @asynccontextmanager
    async def of(cls, settings: NotifierSettings, mongo: Mongo, mail_server: MailServer) -> AsyncIterator[Stage]:
        """Yield a stage whose topic keeps the timestamps that records come with."""
        of_records = topics.Topic(topics.SNAPSHOTS.name, topics.SNAPSHOTS.key)
        await ensure_topics(
            settings.kafka, [topic.under(settings.namespace) for topic in (of_records, topics.SNAPSHOTS_DEAD)]
        )
        producer = AIOKafkaProducer(**settings.kafka.client_options())
        await producer.start()
        stage = cls(settings, mongo, mail_server, producer)
        mail_server.now = stage.clock.now
        yield stage
        await producer.stop()

    @asynccontextmanager
    async def notifier(self, rules: Sequence[Dict], officials: Sequence[Dict]) -> AsyncIterator[httpx.AsyncClient]:
        """Serve a notifier that has these rules and officials."""
        self.write_rules(rules)
        async with served(build(self.settings, clock=self.clock)) as http:
            await self._until_given("rules", self.mongo["rules"])
            if officials:
                await self._give_officials(officials)
                await self.reached(http)
            yield http

    @asynccontextmanager
    async def again(self, *retired: str) -> AsyncIterator[httpx.AsyncClient]:
        """Serve a notifier on what is stored, with a list of regions that has these no more."""
        async with served(build(self.settings, clock=self.clock, regions=_Without(retired))) as http:
            yield http

    def write_rules(self, rules: Sequence[Dict]) -> None:
        """Write the file of rules."""
        self.settings.rules.write_text(yaml.safe_dump({"rules": list(rules)}, allow_unicode=True))

    async def play(self, http: httpx.AsyncClient, *events: Dict) -> None:
        """Play the events in order, each at its instant or, where the clock is there already, now."""
        for event in events:
            await self.move_to(http, datetime.fromisoformat(event["at"]))
            given = await self._give(http, event)
            self.played.append({**event, "at": _text(given)})
            await self.move_to(http, self.clock.now() + STEP)

    async def move_to(self, http: httpx.AsyncClient, to: datetime) -> None:
        """Move the clock; return once all until shortly before is decided and all that is due was sent."""
        self.clock.set(max(to, self.clock.now()))
        await self.reached(http)

    async def reached(self, http: httpx.AsyncClient) -> None:
        """Return once all until shortly before the present is decided, and all that is due was sent."""
        wanted = to_ms(self.clock.now() - STEP) / 1000

        async def probe() -> bool:
            until = await metric(http, "notifier_decided_until_timestamp_seconds")
            due = [{"due_at": {"$lte": self.clock.now()}}, {"claimed_by": {"$ne": None}}]
            waits = await self.mongo["deliveries"].count_documents({"state": "waiting", "$or": due})
            return until >= wanted and not waits

        await eventually(probe)

    async def lines(self) -> list[Dict]:
        """Return the decisions as lines of the trace."""
        found = self.mongo["decisions"].find({}, sort=[("_id", 1)])
        return [document["line"] async for document in found]

    def received(self) -> list[Received]:
        """Return the mails in the order in which they came."""
        return [
            Received(
                (at - START) / timedelta(minutes=1), mail["To"], mail["X-Cakupan-Occasion"],
                len(mail["X-Cakupan-Alerts"].split()),
            )
            for at, mail in self.mail_server.mails
        ]  # fmt: skip

    def now(self) -> str:
        """Return the instant as events have it."""
        return _text(self.clock.now())

    async def counted(self, http: httpx.AsyncClient, at_least: float, name: str) -> None:
        """Move the clock on until the metric has this value or a higher one."""

        async def probe() -> bool:
            self.clock.advance(STEP)
            return await metric(http, name) >= at_least

        await eventually(probe)

    async def _give(self, http: httpx.AsyncClient, event: Dict) -> datetime:
        """Give the event; return at which instant it counts."""
        inputs, now = Inputs(self.mongo), self.clock.now()
        if "snapshot" in event:
            await self.publish(event["snapshot"])
        elif "officials" in event:
            await self._give_officials(event["officials"]["officials"])
        elif "rules" in event:
            known, before = await self.mongo["rules"].count_documents({}), self.settings.rules.read_text()
            self.write_rules(event["rules"]["rules"])
            if self.settings.rules.read_text() != before:
                return await self._until_given("rules", self.mongo["rules"], known)
        elif "silence" in event:
            given = command("silence", event["silence"], "event")
            assert isinstance(given, SilenceGiven)
            await inputs.give("silence", {"silence": silence_document(given.silence)}, "test", now)
        elif "unsilence" in event:
            await inputs.give("unsilence", {"silence_id": event["unsilence"]["id"]}, "test", now)
        elif "ack" in event:
            await inputs.give("ack", event["ack"], "test", now)
        return now

    async def publish(self, snapshot: Dict) -> None:
        """Write a snapshot, now."""
        await self.put(str(snapshot["region"]).encode(), json.dumps(snapshot).encode())

    async def put(self, key: bytes, value: bytes | None) -> None:
        """Write a record, now."""
        topic, partition = (
            topics.SNAPSHOTS.under(self.settings.namespace),
            partition_for(key.decode(), topics.PARTITIONS),
        )
        await self.producer.send_and_wait(topic.name, value, key, partition, to_ms(self.clock.now()))

    async def _give_officials(self, officials: Sequence[Dict]) -> None:
        read = officials_of(Document({"officials": list(officials)}), "officials", lambda _: True)
        await Inputs(self.mongo).give_officials([document_of(each) for each in read], "test", self.clock.now())

    async def _until_given(self, what: str, collection: Any, known: int = 0) -> datetime:
        """Move the clock on until there is another version; return when it was given."""

        async def probe() -> datetime:
            self.clock.advance(STEP)
            assert await collection.count_documents({}) > known, f"no new {what} yet"
            found = await collection.find_one({}, sort=[("_id", -1)])
            given: datetime = found["given_at"]
            return given

        return await eventually(probe)


class _Without(Catalogue):
    """The regions in force, without some."""

    def __init__(self, retired: Collection[str]) -> None:
        super().__init__()
        self._retired = retired

    def name(self, code: str) -> str | None:
        """See the catalogue."""
        return None if code in self._retired else super().name(code)


async def metric(http: httpx.AsyncClient, name: str) -> float:
    """Return the value of a metric, 0 if there is none."""
    lines = (await http.get(f"http://{OPERATORS}/metrics")).text.splitlines()
    return next((float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)), 0.0)


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
