"""Silences over HTTP: for a while no message of some rules from some regions."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Body, Path, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.notifier.engine.documents import silence_document
from services.notifier.engine.instants import from_ms, to_ms
from services.notifier.engine.world import Silence
from services.notifier.http.access import ADMIN_SCOPE
from services.notifier.http.given import WAITING_ANSWER, Giver, waiting
from services.notifier.http.records import Records
from shared.adapters.http_api import Bearer
from shared.adapters.http_problem import Problem
from shared.adapters.http_regions import region_in_force
from shared.adapters.mongo import Document
from shared.adapters.openapi import problem
from shared.regions.successors import Homes
from shared.runtime.auth import Caller
from shared.runtime.clock import Clock

_ID: Final = r"^[A-Za-z0-9._-]{1,64}$"
_AT_MOST: Final = 100
"""Rules or regions in one silence; who needs more silences the region above, or all rules."""
Id = Annotated[str, Field(pattern=_ID)]


class SilenceBody(BaseModel):
    """A silence to begin. The same id replaces the one there is."""

    model_config = ConfigDict(extra="forbid")

    id: Id | None = Field(None, description="By default a new one")
    rules: list[str] | None = Field(None, min_length=1, max_length=_AT_MOST, description="Ids of rules; null: all")
    regions: list[str] = Field(min_length=1, max_length=_AT_MOST, description="Codes; each means all below it, too")
    until: AwareDatetime = Field(description="The first instant at which messages go out again")
    comment: str = Field("", max_length=1000, description="Why, for whoever wonders where the messages are")


_EXAMPLE: Final = {
    "rules": ["behind-target"], "regions": ["11.06"], "until": "2026-12-31T17:00:00Z", "comment": "data being audited",
}  # fmt: skip
Given = Annotated[SilenceBody, Body(openapi_examples={"audit": {"value": _EXAMPLE}})]


@dataclass(frozen=True, slots=True)
class SilenceView:
    """A silence in force, and who began it, when and why."""

    id: str
    rules: list[str] | None
    regions: list[str]
    until: datetime
    by: str | None
    given_at: datetime | None
    comment: str


@dataclass(frozen=True, slots=True)
class SilenceList:
    """The silences in force; the one that ends next comes first."""

    items: list[SilenceView]
    next: None = None


def create_router(
    *, records: Records, giver: Giver, homes: Homes, bearer: Bearer, clock: Clock,
    new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
) -> APIRouter:  # fmt: skip
    """Return the routes under /v1/silences."""
    router = APIRouter(prefix="/v1/silences", tags=["silences"])
    may_administer = bearer.requires(ADMIN_SCOPE)

    @router.get("")
    async def get_silences(_caller: Caller = may_administer) -> SilenceList:
        """Return the silences in force."""
        return SilenceList([_view(found) for found in await records.silences()])

    @router.post("", status_code=201, response_model=SilenceView, responses=WAITING_ANSWER)
    async def begin(request: Request, body: Given, caller: Caller = may_administer) -> Response | SilenceView:
        """Begin a silence, in force from now on. A recovery is told all the same."""
        _, rules = await records.rules()
        unknown = next((rule for rule in body.rules or () if rule not in rules), None)
        if unknown is not None:
            detail = f"rules: {unknown[:64]!r} is no rule in force; /v1/rules lists them"
            raise Problem(422, "unknown_rule", detail, field="rules")
        if body.until <= clock.now():
            raise Problem(422, "until_has_passed", "until: write an instant that is to come", field="until")
        regions = frozenset(region_in_force(homes, region) for region in body.regions)
        silence = Silence(
            body.id or new_id(), None if body.rules is None else frozenset(body.rules), regions, to_ms(body.until)
        )
        document = silence_document(silence)
        number, outcome = await giver.give("silence", {"silence": document, "comment": body.comment}, caller.subject)
        if outcome is None:
            return waiting(number, request.url.path)
        return _view({**document, "_id": silence.id, "given": await records.input(number)})

    @router.delete(
        "/{id}", status_code=204, response_class=Response,
        responses=WAITING_ANSWER | {404: problem("No silence of this id is in force")},
    )  # fmt: skip
    async def end(request: Request, id: Annotated[str, Path(pattern=_ID)], caller: Caller = may_administer) -> Response:
        """End a silence before its time; what it held is judged again."""
        if await records.silence(id) is None:
            raise Problem(404, "unknown_silence", "no silence of this id is in force; GET /v1/silences lists them")
        number, outcome = await giver.give("unsilence", {"silence_id": id}, caller.subject)
        return Response(status_code=204) if outcome else waiting(number, request.url.path)

    return router


def _view(found: Document) -> SilenceView:
    given = found["given"] or {}
    return SilenceView(
        found["_id"], found["rules"], found["regions"], from_ms(found["until"]), given.get("by"), given.get("given_at"),
        given.get("comment", ""),
    )  # fmt: skip
