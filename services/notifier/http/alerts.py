"""Alerts over HTTP: listed, in detail with their history in words, acknowledged."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from services.notifier.delivery.deliveries import Delivery, DeliveryState
from services.notifier.delivery.mongo import MongoDeliveries, PageStart, Wanted
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import ChannelKind, Directory, Role, post_of
from services.notifier.engine.due import step_due
from services.notifier.engine.instants import from_ms, to_ms
from services.notifier.engine.rules import Language, Rule, Severity
from services.notifier.files.snapshots import unpack
from services.notifier.http.access import ACK_SCOPE, READ_SCOPE, acting_official
from services.notifier.http.given import WAITING_ANSWER, Giver, waiting
from services.notifier.http.records import Records
from services.notifier.http.words import in_words
from services.notifier.live.inputs import Outcome
from services.notifier.messages.contributors import contributors
from services.notifier.messages.figures import figures
from shared.adapters.http_api import Bearer
from shared.adapters.http_problem import Problem
from shared.adapters.http_regions import region_in_force
from shared.adapters.mongo import Document
from shared.adapters.openapi import problem
from shared.adapters.paging import Cursor, Limit, cursor_in, place_in
from shared.adapters.territory import demand_within, home_of
from shared.contracts.snapshots import Snapshot
from shared.regions.codes import Level
from shared.regions.successors import Homes
from shared.runtime.auth import Caller
from shared.runtime.clock import Clock

_DELIVERIES_SHOWN: Final = 200
_UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {404: problem("No alert has this id")}

Milliseconds = Annotated[int, msgspec.Meta(ge=0, lt=10**13)]
"""Since 1970, until the year 2286. It is MongoDB's precision, so a cursor loses nothing."""
AlertState = Literal["firing", "recovering", "recovered", "closed"]
OfRegion = Annotated[str | None, Query(description="Of it and all below; by default of all that the token may see")]
OfState = Annotated[
    Sequence[AlertState], Query(alias="state", description="In one of these states; several: repeat it. Default: all")
]
OfQuiet = Annotated[bool | None, Query(description="false: without those that were there at first sight")]
OfAcknowledged = Annotated[bool | None, Query(description="Only alerts that are acknowledged, or that are not")]


class Acknowledgement(BaseModel):
    """What an official says who has taken note."""

    model_config = ConfigDict(extra="forbid")

    note: str = Field("", max_length=1000, description="What is being done; shown in the alert's history")
    official: str | None = Field(
        None, max_length=128,
        description="Id in the directory of who takes note: for a token that is no official's; and where several hold "
        "the token's role and region",
    )  # fmt: skip


_EXAMPLE: Final = {"note": "Rapat dengan BPJS hari Senin"}
AckBody = Annotated[Acknowledgement, Body(openapi_examples={"note": {"value": _EXAMPLE}})]


@dataclass(frozen=True, slots=True)
class AcknowledgedView:
    """Who took note, when, and with which words."""

    by: str
    at: datetime
    note: str


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert. `because_potential`: the potential raised it, not the people. `quiet`: nobody is ever told of it."""

    id: str
    rule: str
    title: Mapping[Language, str] | None
    severity: Severity
    region: str
    name: str
    level: Level
    episode: int
    state: AlertState
    raised_at: datetime
    ended_at: datetime | None
    end_reason: str | None
    because_potential: bool
    quiet: bool
    acknowledged: AcknowledgedView | None


@dataclass(frozen=True, slots=True)
class AlertPage:
    """Alerts, newest first."""

    items: list[AlertView]
    next: str | None


@dataclass(frozen=True, slots=True)
class DecisionView:
    """A decision: `line` as `rules trace` prints it, without addresses; `words` in both languages."""

    at: datetime
    words: Mapping[Language, str]
    line: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ChildView:
    """A region right below, and its part: of what `reason` names, in people, villages or milliseconds."""

    region: str
    name: str
    number: int


@dataclass(frozen=True, slots=True)
class ChildrenView:
    """The regions right below that contributed most, as of now, and what their number means."""

    reason: str
    items: list[ChildView]


@dataclass(frozen=True, slots=True)
class NextStepView:
    """The next escalation, unless somebody acknowledges: when, to which roles, and who holds them now."""

    at: datetime
    roles: list[Role]
    officials: list[str]


@dataclass(frozen=True, slots=True)
class ToldView:
    """A message about the alert, without its address."""

    id: str
    official: str
    occasion: Occasion
    channel: ChannelKind
    state: DeliveryState
    told_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class AlertReport:
    """An alert with everything that happened to it. `raised_by`: the snapshot that raised it."""

    alert: AlertView
    raised_by: Snapshot
    history: list[DecisionView]
    children: ChildrenView | None
    next_escalation: NextStepView | None
    deliveries: list[ToldView]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The acknowledgement is in force: escalation and repeats of the alert have ended."""

    alert: str
    by: str
    note: str


def create_router(
    *, records: Records, deliveries: MongoDeliveries, giver: Giver, homes: Homes, name_of: Callable[[str], str | None],
    bearer: Bearer, clock: Clock,
) -> APIRouter:  # fmt: skip
    """Return the routes under /v1/alerts."""
    router = APIRouter(prefix="/v1/alerts", tags=["alerts"])
    may_read = bearer.requires(READ_SCOPE)
    reports = _Reports(records, deliveries, name_of, clock)

    @router.get("", responses={404: problem("No region has this code, or several")})
    async def get_alerts(
        region: OfRegion = None, states: OfState = (), acknowledged: OfAcknowledged = None, quiet: OfQuiet = None,
        limit: Limit = 100, cursor: Cursor = None, caller: Caller = may_read,
    ) -> AlertPage:  # fmt: skip
        """Return the alerts of the region and all below it, newest first."""
        region = region_in_force(homes, home_of(caller) if region is None else region)
        demand_within(caller, region)
        found = await records.alerts(region, states, acknowledged, quiet, page_start("alerts", cursor), limit + 1)
        items = [await reports.view(alert) for alert in found[:limit]]
        last = items[-1] if len(found) > limit else None
        return AlertPage(items, next_cursor("alerts", last.raised_at, last.id) if last else None)

    @router.get("/{id}", responses=_UNKNOWN)
    async def get_alert(id: str, caller: Caller = may_read) -> AlertReport:
        """Return an alert with its history in words, the regions below that matter most, and who hears next."""
        alert = await known(records, id)
        demand_within(caller, alert["region"])
        return await reports.report(alert)

    @router.post("/{id}/ack", response_model=Acknowledged, responses=WAITING_ANSWER | _UNKNOWN | {
        409: problem("The alert does not fire any more"),
    })  # fmt: skip
    async def acknowledge(
        request: Request, id: str, body: AckBody, caller: Caller = bearer.requires(ACK_SCOPE)
    ) -> Response | Acknowledged:
        """Acknowledge an alert that fires: nobody is reminded any more, and it goes no higher.

        An official's token acknowledges as that official. Another token names the official who takes note. The end of
        the alert is told all the same. Acknowledging twice keeps the first.
        """
        alert = await known(records, id)
        _, directory = await records.directory()
        official = acting_official(caller, body.official, alert["region"], directory, clock)
        number, outcome = await give_ack(giver, alert, official.id, body.note, caller.subject)
        if outcome is None:
            return waiting(number, request.url.path.removesuffix("/ack"))
        return _answer(await known(records, id))

    return router


async def known(records: Records, id_: str) -> Document:
    """Return the alert. Raises: Problem 404."""
    alert = await records.alert(id_)
    if alert is None:
        raise Problem(404, "unknown_alert", "no alert has this id; take one from /v1/alerts or from a message")
    return alert


async def give_ack(
    giver: Giver, alert: Document, official: str, note: str, by: str, **more: str
) -> tuple[int, Outcome | None]:
    """Give the acknowledgement. Raises: Problem 409 where the alert does not fire."""
    if alert["ended_at"] is None:
        fields = {"rule": alert["rule"], "region": alert["region"], "official": official, "note": note, **more}
        number, outcome = await giver.give("ack", fields, by)
        if outcome is not Outcome.NO_ALERT:
            return number, outcome
    raise Problem(409, "alert_ended", "the alert does not fire any more, so there is nothing to acknowledge")


def next_cursor(order: str, at: datetime, id_: str) -> str:
    """Return the cursor of the page after the item with this time and id."""
    return cursor_in(order, (to_ms(at), id_))


def page_start(order: str, cursor: str | None) -> PageStart | None:
    """Return where the page begins. Raises: Problem 422 for a cursor that no page gave."""
    place = place_in(order, cursor, tuple[Milliseconds, str])
    return PageStart(from_ms(place[0]), place[1]) if place else None


def _answer(alert: Document) -> Acknowledged:
    """Return what is in force: where two acknowledge, the first counts."""
    return Acknowledged(alert["_id"], alert["acknowledged"]["by"], alert["acknowledged"]["note"])


class _Reports:
    """Makes views of stored alerts."""

    def __init__(
        self, records: Records, deliveries: MongoDeliveries, name_of: Callable[[str], str | None], clock: Clock
    ) -> None:
        self._records = records
        self._deliveries = deliveries
        self._name_of = name_of
        self._clock = clock

    async def view(self, alert: Document) -> AlertView:
        rule = await self._rule(alert)
        taken = alert["acknowledged"]
        return AlertView(
            alert["_id"], alert["rule"], None if rule is None else rule.title, Severity(alert["severity"]),
            alert["region"], self._name_of(alert["region"]) or alert["region"], alert["level"], alert["episode"],
            alert["state"], alert["raised_at"], alert["ended_at"], alert["end_reason"], alert["because_potential"],
            alert["quiet"], None if taken is None else AcknowledgedView(taken["by"], taken["at"], taken["note"]),
        )  # fmt: skip

    async def report(self, alert: Document) -> AlertReport:
        rule, (_, directory) = await self._rule(alert), await self._records.directory()
        lines = await self._records.decisions(alert["_id"])
        told = await self._deliveries.page(Wanted(alert=alert["_id"]), None, _DELIVERIES_SHOWN)
        names = {delivery.official.id: delivery.official.name for delivery in told}
        return AlertReport(
            await self.view(alert),
            unpack(alert["raised_by"]),
            [_decision(each, names) for each in lines],
            None if rule is None else await self._children(alert, rule),
            None if rule is None else _next_step(alert, rule, directory),
            [_told(delivery) for delivery in told],
        )

    async def _rule(self, alert: Document) -> Rule | None:
        """Return the rule as it was when the alert was raised."""
        return (await self._records.rules_of_version(alert["rules_version"])).get(alert["rule"])

    async def _children(self, alert: Document, rule: Rule) -> ChildrenView | None:
        newest = await self._records.newest(alert["region"])
        if newest is None:
            return None
        whole = figures(rule.kind, unpack(newest["snapshot"]), self._clock.now())
        below = [unpack(each["snapshot"]) for each in await self._records.below(alert["region"])]
        most = contributors(whole, below)
        return ChildrenView(most.reason, [ChildView(row.region, row.name, row.number) for row in most.rows])


def _decision(stored: Document, names: Mapping[str, str]) -> DecisionView:
    line = dict(stored["line"])
    words = in_words(line, names)
    if "channel" in line:
        line["channel"] = line["channel"].partition(":")[0]
    return DecisionView(stored["at"], words, line)


def _next_step(alert: Document, rule: Rule, directory: Directory) -> NextStepView | None:
    """Return the escalation that is due at the alert's `next_at`."""
    at: datetime | None = alert["next_at"]
    step = step_due(rule, alert["raised_at"], at)
    if at is None or step is None:
        return None
    posts = ((role, post_of(role, alert["region"])) for role in step.hears)
    holders = [
        official.id for role, post in posts if post is not None for official in directory.holders(role, post, to_ms(at))
    ]
    return NextStepView(at, list(step.hears), holders)


def _told(delivery: Delivery) -> ToldView:
    return ToldView(
        delivery.id, delivery.official.id, delivery.occasion, delivery.channel.kind, delivery.state, delivery.told_at,
        delivery.sent_at,
    )  # fmt: skip
