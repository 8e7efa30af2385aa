"""The directory of officials over HTTP: replaced as a whole, read with its versions, tried with a test message."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from functools import partial
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Query, Request

from services.notifier.delivery.deliveries import document_of
from services.notifier.engine.directory import Official, Role
from services.notifier.engine.instants import to_ms
from services.notifier.engine.rules import Language
from services.notifier.files.entries import IsRegion, Refused, documented, unreadable
from services.notifier.files.official_files import OfficialFile, directory_of
from services.notifier.files.official_rows import csv_document, json_document
from services.notifier.files.yaml_lines import Document
from services.notifier.http.access import ADMIN_SCOPE, READ_SCOPE
from services.notifier.http.given import WAITING_ANSWER, Giver, waiting
from services.notifier.http.records import Records
from services.notifier.http.trial_messages import Tester
from shared.adapters.body_limits import LineLimit, ObjectLimit
from shared.adapters.http_api import Bearer, read_body
from shared.adapters.http_problem import Problem
from shared.adapters.http_regions import region_in_force
from shared.adapters.openapi import Json, problem
from shared.adapters.paging import Cursor, Limit, cursor_in, place_in
from shared.adapters.territory import demand_within, home_of
from shared.regions.codes import NATION, holds
from shared.regions.successors import Homes
from shared.runtime.auth import Caller
from shared.runtime.clock import Clock

MAX_BYTES: Final = 32 * 1024 * 1024
"""A village head for every village, with room."""
_MAX_OFFICIALS: Final = 150_000
"""More than one for every region, and their successors."""
_MAX_LINES: Final = 20 * _MAX_OFFICIALS
"""Of YAML, which has a line for each field."""
_ERRORS_SHOWN: Final = 200
"""Enough to correct a file by. `wrong` gives the number of all."""
_FILE: Final = "officials"
_READERS: Final[dict[str, tuple[Callable[[bytes, str], Document], Callable[[], Callable[[bytes], None]]]]] = {
    "text/csv": (csv_document, partial(LineLimit, _MAX_OFFICIALS, header=True)),
    "application/json": (json_document, partial(ObjectLimit, 4 * _MAX_OFFICIALS)),
    "application/yaml": (lambda body, file: documented(_text(body), file), partial(LineLimit, _MAX_LINES)),
}
"""Media type → how a body is read, and what limits it while it comes."""
_SCHEMA: Final = OfficialFile.model_json_schema(ref_template="#/components/schemas/{model}")
SCHEMAS: Final[Json] = _SCHEMA.pop("$defs")
"""Schemas that the body's schema refers to, for the OpenAPI document."""
_EXAMPLE: Final = {
    "id": "gubernur-aceh", "name": "Gubernur Aceh", "role": "gubernur", "region": "11",
    "channels": [{"kind": "email", "address": "gubernur@aceh.example.id"}],
}  # fmt: skip
_YAML: Final = """officials:
  - id: gubernur-aceh
    name: Gubernur Aceh
    role: gubernur
    region: "11"
    channels: [{kind: email, address: gubernur@aceh.example.id}]
"""
_CSV: Final = "id,name,role,region,email\ngubernur-aceh,Gubernur Aceh,gubernur,11,gubernur@aceh.example.id\n"
_BODY: Final[Json] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/yaml": {"schema": {"type": "string"}, "example": _YAML},
            "application/json": {"schema": _SCHEMA, "example": {"officials": [_EXAMPLE]}},
            "text/csv": {"schema": {"type": "string"}, "example": _CSV},
        },
    }
}
OfRegion = Annotated[str | None, Query(description="In office for it or below; by default all that the token may see")]
DryRun = Annotated[bool, Query(description="Check the file; put nothing in force")]


@dataclass(frozen=True, slots=True)
class ChannelView:
    """A way to reach an official; the address only for `notifier:admin`."""

    kind: str
    address: str | None


@dataclass(frozen=True, slots=True)
class OfficialView:
    """An official of the directory. Null days: ever. `in_office`: today, in the region's zone."""

    id: str
    name: str
    role: Role
    region: str
    language: Language
    channels: list[ChannelView]
    valid_from: date | None
    valid_until: date | None
    deputy: str | None
    in_office: bool


@dataclass(frozen=True, slots=True)
class OfficialPage:
    """Officials by id, and the number of the directory's version; 0 before the first."""

    version: int
    items: list[OfficialView]
    next: str | None


@dataclass(frozen=True, slots=True)
class DirectoryVersion:
    """A version of the directory: from when, by whom, and how many officials it has."""

    version: int
    given_at: datetime
    by: str
    officials: int


@dataclass(frozen=True, slots=True)
class DirectoryVersionList:
    """All versions, the newest first."""

    items: list[DirectoryVersion]
    next: None = None


@dataclass(frozen=True, slots=True)
class DirectoryTaken:
    """The file was taken: the number of its version (null: a dry run), and how it differs from the one before."""

    version: int | None
    officials: int
    added: int
    changed: int
    removed: int


@dataclass(frozen=True, slots=True)
class TestSent:
    """Ids of the deliveries that carry the test message, one a channel; /v1/deliveries says what became of them."""

    rule: str
    region: str
    deliveries: list[str]


def create_router(
    *, records: Records, giver: Giver, tester: Tester, is_region: IsRegion, homes: Homes, bearer: Bearer, clock: Clock
) -> APIRouter:
    """Return the routes under /v1/officials."""
    router = APIRouter(prefix="/v1/officials", tags=["officials"])
    may_administer = bearer.requires(ADMIN_SCOPE)

    @router.put(
        "", response_model=DirectoryTaken, openapi_extra=_BODY,
        responses={
            **WAITING_ANSWER,
            413: problem("Over 32 MiB, unpacked, or over 150,000 officials"),
            422: problem("Refused; `errors` names each line and row, its id and field, what is wrong and what to do"),
        },
    )  # fmt: skip
    async def put(request: Request, dry_run: DryRun = False, caller: Caller = may_administer) -> Any:
        """Replace the directory by a file in YAML, JSON or CSV: all of it, or nothing and a report of what is wrong.

        It is in force at once, and every version is kept.
        """
        demand_within(caller, NATION)
        officials = await _read(request, is_region, homes)
        _, before = await records.directory()
        known = {official.id: official for official in before.all()}
        added = sum(official.id not in known for official in officials)
        changed = sum(known.get(official.id) not in (None, official) for official in officials)
        removed = len(known) + added - len(officials)
        if dry_run:
            return DirectoryTaken(None, len(officials), added, changed, removed)
        documents = await asyncio.to_thread(lambda: [document_of(official) for official in officials])
        version, number, outcome = await giver.give_officials(documents, caller.subject)
        if outcome is None:
            return waiting(number, f"{request.url.path}/versions/{version}")
        return DirectoryTaken(version, len(officials), added, changed, removed)

    @router.get("", responses={404: problem("No region has this code, or several")})
    async def get_officials(
        region: OfRegion = None, limit: Limit = 100, cursor: Cursor = None, caller: Caller = bearer.requires(READ_SCOPE)
    ) -> OfficialPage:
        """Return the directory in force, by id; addresses only for `notifier:admin`."""
        region = region_in_force(homes, home_of(caller) if region is None else region)
        demand_within(caller, region)
        after = place_in("officials", cursor, str) or ""
        version, directory = await records.directory()
        shown = [one for one in directory.all() if one.id > after and holds(region, one.region)][: limit + 1]
        items = [view_of(one, clock, addresses=caller.may(ADMIN_SCOPE)) for one in shown[:limit]]
        return OfficialPage(version, items, cursor_in("officials", items[-1].id) if len(shown) > limit else None)

    @router.get("/versions")
    async def get_versions(_caller: Caller = may_administer) -> DirectoryVersionList:
        """Return all versions of the directory."""
        found = await records.directory_versions()
        return DirectoryVersionList([
            DirectoryVersion(each["_id"], each["given_at"], each["by"], each["officials"]) for each in found
        ])  # fmt: skip

    @router.get("/versions/{version}", responses={404: problem("There is no such version")})
    async def get_version(
        version: int, limit: Limit = 100, cursor: Cursor = None, caller: Caller = may_administer
    ) -> OfficialPage:
        """Return the officials of a version, by id."""
        demand_within(caller, NATION)
        after = place_in("officials", cursor, str) or ""
        found = await records.directory_version(version)
        if found is None:
            raise Problem(404, "unknown_version", "there is no such version; /v1/officials/versions lists them")
        officials = sorted(msgspec.convert(found["officials"], list[Official]), key=lambda one: one.id)
        shown = [one for one in officials if one.id > after][: limit + 1]
        items = [view_of(one, clock, addresses=True) for one in shown[:limit]]
        return OfficialPage(version, items, cursor_in("officials", items[-1].id) if len(shown) > limit else None)

    @router.post(
        "/{id}/test", status_code=202, response_model=TestSent,
        responses={404: problem("No official, or no rule in force, has this id"),
                   409: problem("No region is known yet from which the rule's message could be written")},
    )  # fmt: skip
    async def test(
        id: str, rule: Annotated[str, Query(max_length=64, description="Id of the rule whose message is tried")],
        caller: Caller = may_administer,
    ) -> TestSent:  # fmt: skip
        """Send the official a test message, as the rule would write it now, through every channel of theirs."""
        _, directory = await records.directory()
        official = directory.get(id)
        if official is None:
            raise Problem(404, "unknown_official", "nobody in the directory has this id; GET /v1/officials lists them")
        demand_within(caller, official.region)
        return TestSent(rule, *await tester.send(official, rule))

    return router


def view_of(official: Official, clock: Clock, *, addresses: bool) -> OfficialView:
    """Return the view of an official."""
    return OfficialView(
        official.id, official.name, official.role, official.region, official.language,
        [ChannelView(channel.kind, channel.address if addresses else None) for channel in official.channels],
        None if official.valid_from == date.min else official.valid_from,
        None if official.valid_until == date.max else official.valid_until,
        official.deputy, official.in_office(to_ms(clock.now())),
    )  # fmt: skip


async def _read(request: Request, is_region: IsRegion, homes: Homes) -> Sequence[Official]:
    """Return the officials of the body. Raises: Problem 415 or 422."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in _READERS:
        raise Problem(415, "unsupported_media_type", f"send {' or '.join(_READERS)}, named in Content-Type")
    read, new_limit = _READERS[media_type]
    body = await read_body(request, MAX_BYTES, new_limit())

    def checked() -> Sequence[Official]:
        return directory_of(_rehomed(read(body, _FILE), homes), _FILE, is_region)

    try:
        # A file of all villages takes seconds to check. The event loop must serve others meanwhile.
        return await asyncio.to_thread(checked)
    except Refused as refused:
        raise _refusal(refused) from refused


def _refusal(refused: Refused) -> Problem:
    errors = [
        {name: value for name, value in asdict(wrong).items() if name != "list_name"}
        for wrong in refused.wrong[:_ERRORS_SHOWN]
    ]
    detail = f"{len(refused.wrong)} places are wrong and nothing was taken; correct them and send the whole file again"
    return Problem(422, "officials_refused", detail, wrong=len(refused.wrong), errors=errors)


def _rehomed(document: Document, homes: Homes) -> Document:
    """Return the document with each retired region code that has one successor replaced by it."""
    listed = document.value.get("officials") if isinstance(document.value, dict) else None
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("region"), str):
            home = homes.home_of(entry["region"])
            if isinstance(home, str):
                entry["region"] = home
    return document


def _text(body: bytes) -> str:
    """Return the text of a YAML body. Raises: Refused."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise unreadable(_FILE, f"byte {error.start} is not UTF-8; save the file as UTF-8") from error
