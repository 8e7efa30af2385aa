"""Rules over HTTP: those in force, and all versions with their time and text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter, Response

from services.notifier.engine.directory import Role
from services.notifier.engine.rules import Language, Rule, Severity
from services.notifier.http.access import ADMIN_SCOPE, READ_SCOPE
from services.notifier.http.records import Records
from shared.adapters.http_api import Bearer
from shared.adapters.http_problem import Problem
from shared.adapters.openapi import problem
from shared.regions.codes import Level
from shared.runtime.auth import Caller


@dataclass(frozen=True, slots=True)
class RuleView:
    """A rule in force, in short; its version's text has every field."""

    id: str
    title: Mapping[Language, str]
    kind: str
    severity: Severity
    levels: list[Level]
    regions: list[str]
    hears: list[Role]


@dataclass(frozen=True, slots=True)
class RuleList:
    """The rules in force, by id, and the number of their version; 0 before the first."""

    version: int
    items: list[RuleView]
    next: None = None


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """A version of the rules, in force from `given_at` until the next."""

    version: int
    given_at: datetime


@dataclass(frozen=True, slots=True)
class RuleVersionList:
    """All versions, the newest first."""

    items: list[RuleVersion]
    next: None = None


def create_router(*, records: Records, bearer: Bearer) -> APIRouter:
    """Return the routes under /v1/rules."""
    router = APIRouter(prefix="/v1/rules", tags=["rules"])

    @router.get("")
    async def get_rules(_caller: Caller = bearer.requires(READ_SCOPE)) -> RuleList:
        """Return the rules in force."""
        version, rules = await records.rules()
        return RuleList(version, [_view(rule) for _, rule in sorted(rules.items())])

    @router.get("/versions")
    async def get_versions(_caller: Caller = bearer.requires(ADMIN_SCOPE)) -> RuleVersionList:
        """Return all versions of the rules."""
        return RuleVersionList([RuleVersion(each["_id"], each["given_at"]) for each in await records.rule_versions()])

    @router.get(
        "/versions/{version}", response_class=Response,
        responses={
            200: {"description": "The file", "content": {"application/yaml": {"schema": {"type": "string"}}}},
            404: problem("There is no such version"),
        },
    )  # fmt: skip
    async def get_version(version: int, _caller: Caller = bearer.requires(ADMIN_SCOPE)) -> Response:
        """Return the text of a version, as its file was."""
        text = await records.rules_text(version)
        if text is None:
            raise Problem(404, "unknown_version", "there is no such version; /v1/rules/versions lists them")
        return Response(text, media_type="application/yaml")

    return router


def _view(rule: Rule) -> RuleView:
    kind = type(rule.kind).__name__
    return RuleView(
        rule.id, rule.title, _KINDS.get(kind, kind.lower()), rule.severity, sorted(rule.levels), sorted(rule.regions),
        list(rule.hears),
    )  # fmt: skip


_KINDS = {"Designated": "designation", "Silent": "silence", "LapseAhead": "lapse_ahead"}
"""Kinds whose class has another name than the file."""
