"""Reads what a message is written from: the alerts, their regions and those below, rules, who hears next."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notifier.delivery.deliveries import Delivery
from services.notifier.delivery.ports import FactsOf
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
from shared.regions.codes import lineage_of
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

    async def read(self, deliveries: Sequence[Delivery]) -> FactsOf:
        """See the port. All are read with a few calls, since each call takes a good part of a message's time."""
        regions = {region for delivery in deliveries for region in delivery.regions}
        # The rows of a digest say nothing of the regions below.
        parents = {delivery.regions[0] for delivery in deliveries if len(delivery.regions) == 1}
        with translating("read the facts of messages"):
            wanted = {"_id": {"$in": list({alert for delivery in deliveries for alert in delivery.alerts})}}
            alerts = await self._mongo["alerts"].find(wanted).to_list(None)
            in_force = await self._mongo["evaluator"].find_one({}, {"rules": 1, "directory": 1})
            either = {"$or": [{"_id": {"$in": list(regions)}}, {"parent": {"$in": list(parents)}}]}
            found = self._mongo["regions"].find(either, {"snapshot": 1, "parent": 1}, sort=[("_id", 1)])
            snapshots = await found.to_list(None)
            versions = {in_force["rules"], *(alert["rules_version"] for alert in alerts)}
            rules = {version: await self._versions.rules(version) for version in versions}
            directory = await self._versions.directory(in_force["directory"])
            told = await self._told([alert["_id"] for alert in alerts if alert["next_at"] is not None])
        newest, below = dict[str, bytes](), defaultdict[str, list[bytes]](list)
        for region in snapshots:
            newest[region["_id"]] = region["snapshot"]
            below[region["parent"]].append(region["snapshot"])
        known = _Known({each["_id"]: each for each in alerts}, newest, below, rules, in_force["rules"], directory, told)
        return lambda delivery: self._facts(known, delivery)

    async def _told(self, alerts: Sequence[str]) -> dict[str, set[str]]:
        """Return by alert the ids of those who were told of it."""
        told = defaultdict[str, set[str]](set)
        if alerts:
            query, fields = {"alerts": {"$in": list(alerts)}}, {"alerts": 1, "official.id": 1}
            for each in await self._mongo["deliveries"].find(query, fields).to_list(None):
                for alert in each["alerts"]:
                    told[alert].add(each["official"]["id"])
        return told

    def _facts(self, known: _Known, delivery: Delivery) -> MessageFacts:
        """Raises: PermanentError where one of the alerts is not known."""
        if missing := [alert for alert in delivery.alerts if alert not in known.alerts]:
            raise PermanentError(f"the alert {missing[0]} is not known any more")
        return MessageFacts(
            delivery.id, delivery.official, delivery.channel.kind, delivery.occasion, delivery.told_at,
            tuple(self._alert(known, delivery, known.alerts[alert]) for alert in delivery.alerts),
            self._page(region_holding(delivery.regions)),
        )  # fmt: skip

    def _alert(self, known: _Known, delivery: Delivery, alert: Document) -> AlertFacts:
        region = alert["region"]
        rule = known.rules[known.rules_in_force].get(alert["rule"])
        if rule is None or delivery.occasion is Occasion.RAISED:
            rule = known.rules[alert["rules_version"]][alert["rule"]]
        may_acknowledge = delivery.occasion is not Occasion.RECOVERED and not alert["acknowledged"]
        until = delivery.told_at + self._links_last
        below = known.below.get(region, ()) if len(delivery.alerts) == 1 else ()
        return AlertFacts(
            id=alert["_id"],
            episode=alert["episode"],
            rule=rule,
            raised_by=unpack(alert["raised_by"]),
            newest=unpack(known.newest.get(region, alert["raised_by"])),
            below=tuple(map(unpack, below)),
            since=alert["raised_at"],
            because_potential=alert["because_potential"],
            next_step=_next_step(known, alert, rule) if may_acknowledge else None,
            acknowledge_url=self._acknowledge(alert["_id"], delivery.official.id, until) if may_acknowledge else None,
            page_url=self._page(region),
            ended_at=alert["ended_at"],
            closed_as_unknown=alert["end_reason"] == MoveReason.UNKNOWN.value,
        )

    def _page(self, region: str) -> str:
        return f"{self._pages_url}/wilayah/{region}"


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read for some deliveries. Snapshots are packed. `told`: by alert the ids of those who were told."""

    alerts: Mapping[str, Document]
    newest: Mapping[str, bytes]
    below: Mapping[str, Sequence[bytes]]
    rules: Mapping[int, Mapping[str, Rule]]
    rules_in_force: int
    directory: Directory
    told: Mapping[str, set[str]]


def _next_step(known: _Known, alert: Document, rule: Rule) -> Step | None:
    """Return the escalation that is due at the alert's `next_at`, and who then hears for the first time."""
    at: datetime | None = alert["next_at"]
    step = step_due(rule, alert["raised_at"], at)
    if at is None or step is None:
        return None
    told, names = known.told.get(alert["_id"], ()), list[str]()
    for role in step.hears:
        post = post_of(role, alert["region"])
        if post is None:
            continue
        holders = known.directory.holders(role, post, to_ms(at))
        names += [holder.name for holder in holders if holder.id not in told] if holders else [role.value]
    return Step(at, tuple(dict.fromkeys(names))) if names else None


def region_holding(regions: Sequence[str]) -> str:
    """Return the smallest region that all of these are, or lie below."""
    lineages = [lineage_of(region)[::-1] for region in regions]
    same = [places[0] for places in zip(*lineages, strict=False) if len(set(places)) == 1]
    return same[-1]
