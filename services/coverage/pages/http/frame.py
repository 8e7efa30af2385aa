"""What every route of a page shares: its request read, its answer's headers, and errors as pages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from fastapi import Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic import BeforeValidator
from starlette.types import Scope

from services.coverage.http.dependencies import Dependencies
from services.coverage.http.public import cache_control
from services.coverage.http.visibility import demand_all, needs_token, sees_all
from services.coverage.pages.formats import Formats, Language
from services.coverage.pages.http.session import COOKIE, form_token, sign_out, token_of
from services.coverage.pages.rendering import Renderer
from services.coverage.pages.tables import about, say
from services.coverage.pages.view import DEFAULT_LANGUAGE, View
from services.coverage.public.ports import Release
from services.coverage.reading.sheet_files import CSV, XLSX, as_csv, as_xlsx
from services.coverage.reading.tables import Table
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_answers import answer
from shared.adapters.http_api import invalid_request
from shared.adapters.http_problem import Problem, retry_after
from shared.adapters.http_query import Day
from shared.adapters.territory import demand_readable
from shared.regions.codes import NATION, holds, level_of, lineage_of
from shared.runtime.auth import Caller
from shared.runtime.errors import TransientError

PRIVATE: Final = "private, no-store"
SHORT: Final = "public, max-age=300"
"""Public pages of no release: five minutes after a change everybody sees it."""
_HEADERS: Final[dict[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    # An address names a region and a day; another site need not learn them.
    "Referrer-Policy": "same-origin",
    "Vary": "Accept-Encoding, Authorization, Cookie",
}
Handler = Callable[[Request], Coroutine[Any, Any, Response]]
File = Literal["html", "xlsx", "csv"]
InFormat = Annotated[File, Query(alias="format", description="The page, or its table as a file")]
OptionalDay = Annotated[Day | None, BeforeValidator(lambda value: value or None), Query()]
"""A field of a form that is left empty is sent all the same."""
InLanguage = Annotated[Language, Query(alias="lang", description="Indonesian or English")]


@dataclass(frozen=True, slots=True)
class Place:
    """The region that a page is about, the day asked about, and the view."""

    region: str
    at: AsOf | None
    view: View

    @property
    def caller(self) -> Caller | None:
        """Who asks; None: the public."""
        return self.view.caller


class Frame:
    """Reads the requests of pages and answers them."""

    def __init__(self, depends: Dependencies, public_url: str) -> None:
        self.depends = depends
        self.base = public_url
        self._renderer = Renderer()

    async def view(self, request: Request, language: InLanguage = DEFAULT_LANGUAGE) -> View:
        """Return the view of a request. Raises: Problem 401 for a token that does not hold."""
        return self._view(request, language, await self.depends.bearer.caller(request))

    async def place(
        self, request: Request, as_of: OptionalDay = None, known_at: OptionalDay = None,
        language: InLanguage = DEFAULT_LANGUAGE,
    ) -> Place:  # fmt: skip
        """Return what a page of a region is about; `/` is the nation's. Raises: Problem, as routes of the API do."""
        view = await self.view(request, language)
        region = await self.depends.region(request, request.path_params.get("code", NATION))
        return Place(region, await self.depends.asked(request, region, as_of, known_at), view)

    async def official(
        self, request: Request, as_of: OptionalDay = None, known_at: OptionalDay = None,
        language: InLanguage = DEFAULT_LANGUAGE,
    ) -> Place:  # fmt: skip
        """Return the same for a page that only the region's officials may see. Raises: Problem 401 or 403, too."""
        place = await self.place(request, as_of, known_at, language)
        demand_all(place.caller, [place.region])
        return place

    def _view(self, request: Request, language: Language, caller: Caller | None) -> View:
        given = request.query_params
        lists = {name: given.getlist(name) for name in given if name != "lang" and given[name]}
        query = {name: found[0] if len(found) == 1 else found for name, found in lists.items()}
        token = token_of(request) if caller else None
        return View(language, request.url.path, query, caller, form_token(token) if token else None, self.base)

    def answer(
        self, request: Request, template: str, view: View, *, at: AsOf | None = None, status: int = 200,
        cache: str | None = None, headers: Mapping[str, str] | None = None, **context: Any,
    ) -> Response:  # fmt: skip
        """Answer with a page. Without `cache` it is kept as an answer of the API is: by its release, or not at all."""
        body = self._renderer.page(template, view.language, view=view, at=at, named=self.named, **context)
        kept = cache or cache_control(view.caller, at)
        kept_as = {**_HEADERS, "Cache-Control": kept, **(headers or {})}
        response = answer(request, body, media_type="text/html; charset=utf-8", headers=kept_as)
        if status != 200:
            response.status_code = status
        return response

    def answer_about(self, request: Request, template: str, place: Place, shown: object, **context: Any) -> Response:
        """Answer with a page of a region, which names its level and the regions above it."""
        return self.answer(
            request, template, place.view, at=place.at, shown=shown, crumbs=self.crumbs(place.region),
            level=level_of(place.region), **context,
        )  # fmt: skip

    def file(
        self, request: Request, view: View, table: Table, file: File, name: str, at: AsOf | None = None
    ) -> Response:
        """Answer with the table of a page as a file, kept as long as the page is."""
        written, media_type = (as_xlsx, XLSX) if file == "xlsx" else (as_csv, CSV)
        attachment = f'attachment; filename="{name}.{file}"'
        kept = {"Cache-Control": cache_control(view.caller, at), "Content-Disposition": attachment}
        return answer(request, written(table), media_type=media_type, headers=_HEADERS | kept)

    def answer_released(
        self, request: Request, place: Place, shown: object, release: Release, sheet: Table, file: File, *, part: str,
        title: str, boards: Sequence[object] = (), groups: Sequence[str] = (), group: str | None = None,
    ) -> Response:  # fmt: skip
        """Answer with a board of a release, as a page or as a file; `part` is the end of the page's address."""
        if file != "html":
            name = f"{part}-{place.region}-{release.month.last_day}"
            return self.file(request, place.view, sheet, file, name, place.at)
        return self.answer_about(
            request, "board_public.html", place, shown, release=release, title=title, part=part, sheet=sheet,
            boards=boards, groups=groups, group=group,
        )  # fmt: skip

    def notes(self, place: Place, shown: Any, release: Release | None = None) -> list[tuple[str, str]]:
        """Return the notes about a file: its region, its days, and the address of its page."""
        language = place.view.language
        formats = Formats(language)
        if release:
            when = say("release_of", language, day=release.month.last_day, made=release.made_on)
        elif place.at:
            when = say("as_of", language, when=place.at.day)
            when += f", {say('known_at', language, when=place.at.known_at)}" if place.at.known_at else ""
        else:
            when = say("as_of", language, when=formats.moment(shown.as_of, place.region))
        return about(shown, when, self.base + place.view.same(format=None), language)

    def fragment(self, template: str, view: View, **context: Any) -> bytes:
        """Return a part of a page, for a stream."""
        return self._renderer.page(template, view.language, view=view, at=None, named=self.named, **context)

    def named(self, code: str) -> str:
        """Return the name of a region."""
        return self.depends.catalogue.name(code) or code

    def crumbs(self, region: str) -> Sequence[str]:
        """Return the regions above, the nation first."""
        return lineage_of(region)[:0:-1]

    def refusal(self, request: Request, problem: Problem) -> Response:
        """Answer with the page of a refusal, or go where a retired code leads."""
        if problem.status in (301, 303):
            return Response(status_code=problem.status, headers=problem.headers)
        language: Language = "en" if request.query_params.get("lang") == "en" else DEFAULT_LANGUAGE
        view = self._view(request, language, None)
        response = self.answer(
            request, "error.html", view, status=problem.status, cache="no-store", headers=problem.headers,
            problem=problem, candidates=problem.members.get("candidates", ()), retry=problem.headers.get("Retry-After"),
        )  # fmt: skip
        if problem.status == 401 and COOKIE in request.cookies:
            # The token has expired: without it the reader has at least what the public has.
            sign_out(response)
        return response


def reads(caller: Caller | None, regions: Sequence[str]) -> bool:
    """Say whether the caller sees every figure of these regions."""
    try:
        if caller is None or not sees_all(caller):
            return False
        demand_readable(caller, regions)
    except Problem:
        return False
    return True


def reads_within(place: Place) -> bool:
    """Say whether the caller sees every figure of the place and of each village in it."""
    caller = place.caller
    return caller is not None and reads(caller, [place.region]) and holds(caller.region or NATION, place.region)


def demand_official(caller: Caller | None, why: str) -> Caller:
    """Return the caller, who may see every figure. Raises: Problem 401 or 403."""
    if caller is None or not sees_all(caller):
        raise needs_token(caller, why)
    return caller


def page_route(frame: Frame) -> type[APIRoute]:
    """Return the class of routes whose refusals are pages."""

    class PageRoute(APIRoute):
        def get_route_handler(self) -> Handler:
            return refusing(frame, super().get_route_handler())

    return PageRoute


def refusing(frame: Frame, handle: Handler) -> Handler:
    """Return a handler whose refusals are pages."""

    async def handle_or_refuse(request: Request) -> Response:
        try:
            return await handle(request)
        except Problem as problem:
            return frame.refusal(request, problem)
        except RequestValidationError as error:
            return frame.refusal(request, invalid_request(error))
        except TransientError as error:
            return frame.refusal(request, Problem(503, "unavailable", str(error), headers=retry_after()))

    return handle_or_refuse


def not_found(frame: Frame) -> Callable[[Request, Exception], Coroutine[Any, Any, Response]]:
    """Return what answers a path that does not exist: a page to a browser, a problem to a program."""

    async def handle(request: Request, _error: Exception) -> Response:
        problem = Problem(404, "not_found", "this path does not exist; /docs lists all paths")
        return frame.refusal(request, problem) if _wants_page(request) else problem.response()

    return handle


def refusal_at_the_door(frame: Frame) -> Callable[[Scope, Problem], Response]:
    """Return what refuses a request before the application sees it, where too many come at once."""

    def refuse(scope: Scope, problem: Problem) -> Response:
        request = Request(scope)
        return frame.refusal(request, problem) if _wants_page(request) else problem.response()

    return refuse


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")
