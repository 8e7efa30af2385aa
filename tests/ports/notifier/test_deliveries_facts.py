"""What a message is written from, read as the evaluator writes it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.notifier.delivery.deliveries import delivery_document, document_of
from services.notifier.delivery.facts import FactsReader
from services.notifier.delivery.mongo import MongoDeliveries
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import Channel, Official, Role
from services.notifier.files.snapshots import pack
from services.notifier.messages.message import AlertFacts, Step
from shared.adapters.mongo import Mongo
from shared.contracts.snapshots import Count, Coverage, Snapshot
from shared.regions.codes import level_of, parent_of, zone_name
from shared.runtime.errors import PermanentError
from tests.fakes_deliveries import GOVERNOR, TOLD_AT, delivery

RULES = """
rules:
  - {{id: people-few, kind: people, title: {{id: Sedikit, en: Few}}, levels: [province], direction: below,
     measure: active, raise_below: {line}, clear_at: {line}, hears: [gubernur],
     escalate: [{{after: 2h, hears: [gubernur, kemnaker]}}, {{after: 1d, hears: [kemendagri, camat]}}]}}
"""
MINISTER = Official("kemnaker", "Menteri Ketenagakerjaan", Role.KEMNAKER, "ID", (Channel("email", "m@example.id"),))


def shot(region: str, active: int) -> Snapshot:
    """Return a region with so many active."""
    return Snapshot(
        region, region, level_of(region), zone_name(region), parent_of(region), active, active, Count(), {}, Coverage(),
        {}, TOLD_AT, None, active,
    )  # fmt: skip


class World:
    """An alert in Aceh, with the regions right below, two versions of the rules, and a directory."""

    def __init__(self, mongo: Mongo) -> None:
        self.mongo = mongo
        links = timedelta(days=7)
        self.reader = FactsReader(mongo, "https://pages.example.id/", self.link, links)

    @staticmethod
    def link(alert: str, official: str, until: datetime) -> str:
        """Return a link that says what it is for."""
        return f"https://ack/{alert}/{official}/{until:%Y-%m-%d}"

    async def prepare(self) -> None:
        """Write as the evaluator does."""
        await MongoDeliveries(self.mongo).prepare()
        for region, active in {"ID": 900, "11": 90, "11.01": 40, "11.02": 50, "12": 70}.items():
            packed = {"_id": region, "parent": parent_of(region), "snapshot": pack(shot(region, active))}
            await self.mongo["regions"].insert_one(packed)
        for version, line in ((1, 100), (2, 95)):
            await self.mongo["rules"].insert_one({"_id": version, "text": RULES.format(line=line)})
        officials = [document_of(each) for each in (GOVERNOR, MINISTER)]
        await self.mongo["directories"].insert_one({"_id": 1, "officials": officials})
        await self.mongo["evaluator"].insert_one({"_id": "evaluator", "rules": 2, "directory": 1})
        await self.mongo["alerts"].insert_one(
            {
                "_id": "alert-1", "rule": "people-few", "rules_version": 1, "region": "11", "level": "province",
                "episode": 3, "severity": "warning", "state": "firing", "raised_at": TOLD_AT, "ended_at": None,
                "end_reason": None, "because_potential": False, "quiet": False, "acknowledged": None,
                "raised_by": pack(shot("11", 99)), "next_at": TOLD_AT + timedelta(hours=2),
            }
        )  # fmt: skip
        await self.mongo["deliveries"].insert_one(delivery_document(delivery()))

    async def change(self, **fields: Any) -> None:
        """Change the alert."""
        await self.mongo["alerts"].update_one({"_id": "alert-1"}, {"$set": fields})

    async def read(self, occasion: Occasion = Occasion.RAISED) -> AlertFacts:
        """Return what is known of the alert for a message of the occasion."""
        asked = delivery(occasion=occasion)
        facts = (await self.reader.read([asked]))(asked)
        assert (facts.delivery, facts.official, facts.channel) == ("d-1", GOVERNOR, "email")
        (alert,) = facts.alerts
        return alert


@pytest.fixture
async def world(mongodb_uri: str, namespace: str) -> AsyncIterator[World]:
    """A database of the test's own."""
    mongo = Mongo(mongodb_uri, f"{namespace.replace('.', '_')}notifier", "notifier-0")
    made = World(mongo)
    await made.prepare()
    yield made
    mongo.close()


async def test_a_message_is_written_from_the_alert_and_its_regions(world: World) -> None:
    """The snapshot that raised it, the newest, those right below, the rule as it was, what comes next, both links."""
    alert = await world.read()
    assert (alert.id, alert.episode, alert.since, alert.because_potential) == ("alert-1", 3, TOLD_AT, False)
    assert (alert.raised_by.active, alert.newest.active) == (99, 90)
    assert [each.region for each in alert.below] == ["11.01", "11.02"]
    assert alert.rule.kind.lines.raised == 100  # type: ignore[union-attr]
    assert alert.page_url == "https://pages.example.id/wilayah/11"
    assert alert.acknowledge_url == "https://ack/alert-1/gubernur-11/2026-11-28"
    assert (alert.ended_at, alert.closed_as_unknown) == (None, False)


async def test_the_next_step_names_those_who_hear_then_for_the_first_time(world: World) -> None:
    """The governor was told; where nobody is in office the role stands, and a role below the alert hears nothing."""
    assert (await world.read()).next_step == Step(TOLD_AT + timedelta(hours=2), (MINISTER.name,))
    await world.change(next_at=TOLD_AT + timedelta(days=1))
    assert (await world.read(Occasion.ESCALATED)).next_step == Step(TOLD_AT + timedelta(days=1), ("kemendagri",))
    await world.change(next_at=None)
    assert (await world.read()).next_step is None


async def test_a_recovery_says_when_and_asks_for_nothing(world: World) -> None:
    """By the rule in force; neither a next step nor a link to acknowledge."""
    ended_at = TOLD_AT + timedelta(days=8)
    await world.change(state="closed", ended_at=ended_at, end_reason="unknown", next_at=None)
    alert = await world.read(Occasion.RECOVERED)
    assert (alert.ended_at, alert.closed_as_unknown) == (ended_at, True)
    assert (alert.next_step, alert.acknowledge_url) == (None, None)
    assert alert.rule.kind.lines.raised == 95  # type: ignore[union-attr]


async def test_what_was_acknowledged_is_not_to_be_again(world: World) -> None:
    """By someone else, while the message waited."""
    await world.change(acknowledged={"by": "kemnaker", "at": TOLD_AT, "note": ""})
    alert = await world.read()
    assert (alert.next_step, alert.acknowledge_url) == (None, None)


async def test_a_digest_has_each_alert_in_the_deliverys_order(world: World) -> None:
    """An alert that is not known is an error that no later try can mend."""
    second = {"_id": "alert-0", "region": "12", "raised_by": pack(shot("12", 80))}
    alert = await world.mongo["alerts"].find_one({"_id": "alert-1"})
    await world.mongo["alerts"].insert_one(alert | second)
    both = replace(delivery(), alerts=("alert-1", "alert-0"), rules=("people-few",) * 2, regions=("11", "12"))
    unknown = replace(both, alerts=("alert-1", "alert-9"))
    facts_of = await world.reader.read([both, unknown])
    facts = facts_of(both)
    assert [(each.id, each.newest.region) for each in facts.alerts] == [("alert-1", "11"), ("alert-0", "12")]
    assert facts.page_url == "https://pages.example.id/wilayah/ID"
    with pytest.raises(PermanentError, match="alert-9"):
        facts_of(unknown)
