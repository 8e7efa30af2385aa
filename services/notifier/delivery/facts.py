"""Reads what a message is written from: the alerts, their regions and those below, rules, who hears next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from services.notifier.delivery.deliveries import Delivery
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import Directory, post_of
from services.notifier.engine.due import step_due
from services.notifier.engine.instants import to_ms
from services.notifier.engine.rules import Rule
from services.notifier.engine.states import MoveReason
from services.notifier.files.snapshots import unpack
from services.notifier.files.versions import Versions
from services.notifier.messages.message import AlertFacts, MessageFacts, Step
from shared.adapters.mongo import Document, Mongo, translating
from shared.contracts.snapshots import Snapshot
from shared.runtime.errors import PermanentError

LinkTo = Callable[[str, str, datetime], str]
"""Gives the link with which an official acknowledges an alert, until an instant: (alert, official, until)."""


class FactsReader:
    """Reads the collections `evaluator`, `alerts`, `regions`, `rules`, `directories` and `deliveries`."""

    def __init__(self, mongo: Mongo, pages_url: str, acknowledge: LinkTo, links_last: timedelta) -> None:
        """`pages_url`: base of the links to a region's page. `links_last`: how long one may acknowledge by link."""
        self._mongo = mongo
        self._pages_url = pages_url.rstrip("/")
        self._acknowledge = acknowledge
        self._links_last = links_last
        self._versions = Versions(mongo)

    async def read(self, delivery: Delivery) -> MessageFacts:
        """Return what the message says. Raises: PermanentError where one of the alerts is not known."""
        with translating("read the facts of a message"):
            alerts = {each["_id"]: each async for each in self._mongo["alerts"].find(_any(delivery.alerts))}
            if missing := [alert for alert in delivery.alerts if alert not in alerts]:
                raise PermanentError(f"the alert {missing[0]} is not known any more")
            newest, below = await self._snapshots(delivery)
            in_force = await self._mongo["evaluator"].find_one({}, {"rules": 1, "directory": 1})
            rules = await self._versions.rules(in_force["rules"])
            directory = await self._versions.directory(in_force["directory"])
            facts = [
                await self._alert(delivery, alerts[alert], rules, directory, newest, below) for alert in delivery.alerts
            ]
        return MessageFacts(
            delivery.id, delivery.official, delivery.channel.kind, delivery.occasion, delivery.told_at, tuple(facts)
        )

    async def _alert(
        self,
        delivery: Delivery,
        alert: Document,
        rules: Mapping[str, Rule],
        directory: Directory,
        newest: Mapping[str, Snapshot],
        below: Mapping[str, tuple[Snapshot, ...]],
    ) -> AlertFacts:
        raised_by, region = unpack(alert["raised_by"]), alert["region"]
        rule = rules.get(alert["rule"])
        if rule is None or delivery.occasion is Occasion.RAISED:
            rule = (await self._versions.rules(alert["rules_version"]))[alert["rule"]]
        may_acknowledge = delivery.occasion is not Occasion.RECOVERED and not alert["acknowledged"]
        until = delivery.told_at + self._links_last
        return AlertFacts(
            id=alert["_id"],
            episode=alert["episode"],
            rule=rule,
            raised_by=raised_by,
            newest=newest.get(region, raised_by),
            below=below.get(region, ()),
            since=alert["raised_at"],
            because_potential=alert["because_potential"],
            next_step=await self._next_step(alert, rule, directory) if may_acknowledge else None,
            acknowledge_url=self._acknowledge(alert["_id"], delivery.official.id, until) if may_acknowledge else None,
            page_url=f"{self._pages_url}/wilayah/{region}",
            ended_at=alert["ended_at"],
            closed_as_unknown=alert["end_reason"] == MoveReason.UNKNOWN.value,
        )

    async def _snapshots(self, delivery: Delivery) -> tuple[dict[str, Snapshot], dict[str, tuple[Snapshot, ...]]]:
        """Return the newest snapshots of the alerts' regions, and of those right below each, by code."""
        wanted = list(delivery.regions)
        newest: dict[str, Snapshot] = {}
        below: dict[str, tuple[Snapshot, ...]] = {}
        either = {"$or": [{"_id": {"$in": wanted}}, {"parent": {"$in": wanted}}]}
        found = self._mongo["regions"].find(either, {"snapshot": 1, "parent": 1}, sort=[("_id", 1)])
        async for region in found:
            snapshot = unpack(region["snapshot"])
            if region["_id"] in wanted:
                newest[region["_id"]] = snapshot
            if region["parent"] in wanted:
                below[region["parent"]] = (*below.get(region["parent"], ()), snapshot)
        return newest, below

    async def _next_step(self, alert: Document, rule: Rule, directory: Directory) -> Step | None:
        """Return the escalation that is due at the alert's `next_at`, and who then hears for the first time."""
        at: datetime | None = alert["next_at"]
        if at is None:
            return None
        step = step_due(rule, alert["raised_at"], at)
        if step is None:
            return None
        told = set(await self._mongo["deliveries"].distinct("official.id", {"alerts": alert["_id"]}))
        names: list[str] = []
        for role in step.hears:
            post = post_of(role, alert["region"])
            if post is None:
                continue
            holders = directory.holders(role, post, to_ms(at))
            names += [holder.name for holder in holders if holder.id not in told] if holders else [role.value]
        return Step(at, tuple(dict.fromkeys(names))) if names else None


def _any(ids: tuple[str, ...]) -> dict[str, Any]:
    return {"_id": {"$in": list(ids)}}
