"""Test messages: what a rule would write to an official now, sent through the real channels."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from services.notifier.delivery.deliveries import Delivery, delivery_document, document_of
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import Official
from services.notifier.engine.instants import to_ms
from services.notifier.engine.kinds import compiled
from services.notifier.engine.rules import Rule
from services.notifier.files.snapshots import unpack
from services.notifier.http.records import Records
from services.notifier.messages.message import AlertFacts, Message, MessageFacts
from shared.adapters.http_problem import Problem
from shared.adapters.mongo import Document, Mongo, translating
from shared.contracts.snapshots import Snapshot
from shared.runtime.clock import Clock

_MARK: Final = {"id": "[UJI COBA] ", "en": "[TEST] "}
"""Begins the subject and the texts, so that nobody acts on it."""
_BODY: Final = re.compile(r"<body[^>]*>")
_LOOKED_AT: Final = 500
"""Regions at or below the official's that are tried until the rule knows a figure there."""


class Tester:
    """Writes test messages as deliveries, which the deliverer sends like any other."""

    def __init__(
        self, records: Records, mongo: Mongo, compose: Callable[[MessageFacts], Message], pages_url: str,
        clock: Clock,
    ) -> None:  # fmt: skip
        self._records = records
        self._deliveries = mongo["deliveries"]
        self._compose = compose
        self._pages_url = pages_url.rstrip("/")
        self._clock = clock

    async def send(self, official: Official, rule_id: str) -> tuple[str, list[str]]:
        """Return the region that the message is about, and the ids of the deliveries.

        Raises: Problem 404 for an unknown rule, 409 where it knows a figure nowhere at or below the official's region.
        """
        _, rules = await self._records.rules()
        rule = rules.get(rule_id)
        if rule is None:
            raise Problem(404, "unknown_rule", "no rule in force has this id; GET /v1/rules lists them")
        found = await self._example(official, rule)
        documents = [self._delivery(official, rule, *found, number) for number in range(len(official.channels))]
        with translating("add test messages"):
            await self._deliveries.insert_many(documents)
        return found[0].region, [document["_id"] for document in documents]

    async def _example(self, official: Official, rule: Rule) -> tuple[Snapshot, tuple[Snapshot, ...]]:
        """Return the newest snapshot of a region where the rule knows a figure, and those right below it."""
        reading, now = compiled(rule.kind), to_ms(self._clock.now())
        for document in await self._records.regions_in(official.region, _LOOKED_AT):
            snapshot = unpack(document["snapshot"])
            if rule.covers(snapshot.region) and reading.side(snapshot, now) is not None:
                below = await self._records.below(snapshot.region)
                return snapshot, tuple(unpack(each["snapshot"]) for each in below)
        detail = f"the rule knows no figure of {official.region} or below yet; name another rule, or wait for snapshots"
        raise Problem(409, "no_example", detail)

    def _delivery(
        self, official: Official, rule: Rule, snapshot: Snapshot, below: tuple[Snapshot, ...], number: int
    ) -> Document:
        """Return the document of a delivery whose message is written already, so that no alert is looked for.

        It names an alert that does not exist, by its own id.
        """
        now, id_, channel = self._clock.now(), str(uuid.uuid4()), official.channels[number]
        alert = AlertFacts(
            id=id_, episode=1, rule=rule, raised_by=snapshot, newest=snapshot, below=below, since=now,
            because_potential=False, next_step=None, acknowledge_url=None,
            page_url=f"{self._pages_url}/wilayah/{snapshot.region}",
        )  # fmt: skip
        facts = MessageFacts(id_, official, channel.kind, Occasion.RAISED, now, (alert,), alert.page_url)
        message = _marked(self._compose(facts), _MARK[official.language])
        delivery = Delivery(
            id_, official, channel, Occasion.RAISED, told_at=now, alerts=(id_,), rules=(rule.id,),
            regions=(snapshot.region,), due_at=now, first_try_at=now,
        )  # fmt: skip
        return {**delivery_document(delivery), "message": document_of(message)}


def _marked(message: Message, mark: str) -> Message:
    """Return the message with the mark in its subject and at the beginning of each text."""
    html = _BODY.sub(rf"\g<0><p><strong>{mark.strip()}</strong></p>", message.html, count=1)
    return replace(
        message, subject=mark + message.subject, text=f"{mark}\n\n{message.text}", html=html, short=mark + message.short
    )
