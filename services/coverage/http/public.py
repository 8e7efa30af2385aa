"""What a caller without a token gets: releases, by a lookup and stored bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.coverage.http.visibility import needs_token
from services.coverage.public.domain.release import FULL_LEVELS, Month, PublicPlace, PublicRegion, Shown
from services.coverage.public.monev import sheet
from services.coverage.public.ports import Release, Releases
from services.coverage.reading.sorting import Filter, Sort, ordered_by
from services.coverage.reading.tables import Table
from services.coverage.reference.domain.reference import AsOf
from shared.adapters.http_answers import answer
from shared.adapters.http_problem import Problem
from shared.adapters.openapi import problem
from shared.adapters.paging import Cursor, Limit, codes_in, cursor_in, following_codes, place_in
from shared.regions.codes import level_of
from shared.runtime.auth import Caller

NO_RELEASE: Final[dict[int | str, dict[str, Any]]] = {
    404: problem("No region has this code; or, without a token, no release is of this month (`no_release`)"),
}
_FOR_GOOD: Final = "public, max-age=31536000, immutable"
"""Of a named month: a release never changes."""
_NEWEST: Final = "public, max-age=300"
"""Without a month: five minutes after a new release everybody sees it."""
_TO_ONE_READER: Final = "private, no-store"
"""Where a token came, nothing between may keep the answer."""
_KEPT_BYTES: Final = 8 * 1024 * 1024
"""Some 700 sheets, as many as there are for all regions down to the regencies in one month."""
_OFFICIAL_SORTS: Final = frozenset({"short", "due"})
_OFFICIAL_FILTERS: Final = frozenset({"below_target"})


@dataclass(frozen=True, slots=True)
class Listed:
    """A release: its month, the day that `as_of` names it by, and the day (WIB) on which it was made."""

    month: str
    as_of: date
    made_on: date


@dataclass(frozen=True, slots=True)
class ReleasesPage:
    """Releases, the newest month first."""

    items: list[Listed]
    next: str | None


class ReleasePage(NamedTuple):
    """A release, one of its regions, and a page of those directly below; `next` is the cursor of the next page."""

    release: Release
    region: Shown
    items: list[Shown]
    next: str | None


class _Sheets:
    """Monev sheets of releases, which never change: those asked for last, up to some megabytes."""

    def __init__(self) -> None:
        self._files: dict[tuple[Month, str, str], bytes] = {}

    async def get(self, key: tuple[Month, str, str], write: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the file of this month, region and ending; write it if it is not kept."""
        self._files[key] = file = self._files.pop(key, b"") or await write()
        while sum(map(len, self._files.values())) > _KEPT_BYTES:
            del self._files[next(iter(self._files))]
        return file


class PublicRoutes:
    """Answers from releases. Everything in an answer, and its ETag, depends on the release alone."""

    def __init__(self, releases: Releases, public_url: str) -> None:
        """`public_url` is where readers of a sheet find this service."""
        self._releases = releases
        self._public_url = public_url
        self._sheets = _Sheets()

    async def region(self, request: Request, caller: Caller | None, region: str, at: AsOf | None) -> Response:
        """Answer with a region's document."""
        release = await self.release(caller, at)
        return answer(request, await self._body(release, region), headers=_headers(caller, at))

    async def children(
        self, request: Request, caller: Caller | None, region: str, at: AsOf | None, sort: Sort,
        filters: Sequence[Filter], limit: int, cursor: str | None,
    ) -> Response:  # fmt: skip
        """Answer with a page of the regions directly below. The cursor names the month that its list began with."""
        page = await self.page(caller, region, at, sort, filters, limit, cursor)
        shown = {"region": region, "unplaced": page.region.unplaced, "items": page.items, "next": page.next}
        return answer(request, shown, headers=_headers(caller, at))

    async def page(
        self, caller: Caller | None, region: str, at: AsOf | None, sort: Sort, filters: Sequence[Filter], limit: int,
        cursor: str | None,
    ) -> ReleasePage:  # fmt: skip
        """Return a region of a release and a page of those directly below. Raises: as `release`; 401 or 403."""
        name = sort.removeprefix("-")
        if name in _OFFICIAL_SORTS or not _OFFICIAL_FILTERS.isdisjoint(filters):
            raise needs_token(caller, "releases hold no targets and nobody who is due: sort and filter by neither")
        release = await self.release(caller, at)
        order = " ".join([region, str(release.month), sort, *sorted(filters)])
        parent = await self.shown(release, region)
        below = {one.region: one for one in await self.below(release, region)}
        fitting = [one for one in below.values() if all(_FILTERS[name](one) for name in filters)]
        sorted_ = ordered_by(fitting, _VALUES[name], descending=sort.startswith("-"))
        codes = codes_in(order, cursor, below) or [one.region for one in sorted_]
        return ReleasePage(
            release, parent, [below[code] for code in codes[:limit]], following_codes(order, codes, limit)
        )

    async def region_and_below(
        self, caller: Caller | None, region: str, at: AsOf | None
    ) -> tuple[Release, Shown, list[Shown]]:
        """Return a release, one of its regions, and those directly below, by code. Raises: as `release`."""
        release = await self.release(caller, at)
        return release, await self.shown(release, region), await self.below(release, region)

    async def monev(
        self, request: Request, caller: Caller | None, region: str, at: AsOf | None,
        written: Callable[[Table], bytes], media_type: str, ending: str,
    ) -> Response:  # fmt: skip
        """Answer with the monev sheet of a release."""
        release = await self.release(caller, at)
        day = release.month.last_day
        link = f"{self._public_url}/v1/reports/monev?region={region}&as_of={day}&format={ending}"
        attachment = {"Content-Disposition": f'attachment; filename="monev-{region}-{day}.{ending}"'}

        async def write() -> bytes:
            table = sheet([await self.shown(release, region), *await self.below(release, region)], link)
            return await asyncio.to_thread(written, table)

        file = await self._sheets.get((release.month, region, ending), write)
        return answer(request, file, media_type=media_type, headers=_headers(caller, at) | attachment)

    async def releases(self) -> list[Release]:
        """Return every release, the newest month first."""
        return await self._releases.all()

    async def listed(self, request: Request, caller: Caller | None, limit: int, cursor: str | None) -> Response:
        """Answer with a page of the releases there are."""
        before = place_in("releases", cursor, str)
        found = [one for one in await self._releases.all() if not before or str(one.month) < before]
        items = [Listed(str(one.month), one.month.last_day, one.made_on) for one in found[:limit]]
        following = cursor_in("releases", items[-1].month) if len(found) > limit else None
        return answer(request, ReleasesPage(items, following), headers=_headers(caller, None))

    async def release(self, caller: Caller | None, at: AsOf | None) -> Release:
        """Return the release asked for. Raises: Problem 404 `no_release`; 401 or 403 for what needs a token."""
        if at is not None and at.known_at is not None:
            raise needs_token(caller, "a release is known as of the day it was made: leave known_at out")
        if at is not None and at.day != Month.of(at.day).last_day:
            raise _no_release(f"the last day of that month is {Month.of(at.day).last_day}")
        releases = await self._releases.all()
        found = next((one for one in releases if at is None or one.month.last_day == at.day), None)
        if found is None:
            raise _no_release(f"the newest is as_of={releases[0].month.last_day}" if releases else "there is none yet")
        return found

    async def _body(self, release: Release, region: str) -> bytes:
        body = await self._releases.region(release.month, region)
        if body is None:
            detail = f"the release of {release.month} has no such region: the list of regions was another one then"
            raise Problem(404, "no_release", detail)
        return body

    async def shown(self, release: Release, region: str) -> Shown:
        """Return a region of a release. Raises: Problem 404 where the release has none of this code."""
        return _decoded(await self._body(release, region), is_full=level_of(region) in FULL_LEVELS)

    async def below(self, release: Release, region: str) -> list[Shown]:
        """Return the regions of a release directly below one, by code."""
        is_full = level_of(region) in ("nation", "province")
        return [_decoded(body, is_full=is_full) for body in await self._releases.children(release.month, region)]


def create_router(*, public: PublicRoutes, bearer: Any) -> APIRouter:
    """Return the route that lists the releases."""
    router = APIRouter(prefix="/v1", tags=["regions"])

    @router.get("/releases", responses={200: {"model": ReleasesPage}})
    async def list_releases(
        request: Request, limit: Limit = 100, cursor: Cursor = None, caller: Caller | None = bearer.optional
    ) -> Response:
        """Return the releases, the newest month first. `as_of` names one to all routes that answer without a token."""
        return await public.listed(request, caller, limit, cursor)

    return router


def _no_release(hint: str) -> Problem:
    detail = f"without a token figures are shown of releases, by the last day of their month; {hint}"
    return Problem(404, "no_release", f"{detail}; /v1/releases lists them", field="as_of")


def _decoded(body: bytes, *, is_full: bool) -> Shown:
    if is_full:
        return msgspec.json.decode(body, type=PublicRegion)
    return msgspec.json.decode(body, type=PublicPlace)


def cache_control(caller: Caller | None, at: AsOf | None) -> str:
    """Return how long an answer may be kept."""
    return _TO_ONE_READER if caller else _NEWEST if at is None else _FOR_GOOD


def _headers(caller: Caller | None, at: AsOf | None) -> dict[str, str]:
    return {"Cache-Control": cache_control(caller, at)}


def _misses_quota(one: Shown) -> bool:
    if isinstance(one, PublicPlace):
        return any(quota.met is False for quota in one.quota)
    return any(board.passing is not None and board.passing < board.villages for board in one.quota)


def _ratio(one: Shown, measure: str) -> float | None:
    coverage = getattr(one.coverage, measure)
    return None if coverage is None else coverage.ratio


def _potential(one: Shown) -> int | None:
    return None if one.coverage.registered is None else one.coverage.registered.denominator


_VALUES: Final[dict[str, Callable[[Shown], str | float | None]]] = {
    "code": lambda one: one.region,
    "name": lambda one: one.name,
    "registered": lambda one: one.registered,
    "active": lambda one: one.active,
    "potential": _potential,
    "ratio": lambda one: _ratio(one, "active"),
    "registered_ratio": lambda one: _ratio(one, "registered"),
}
_FILTERS: Final[dict[Filter, Callable[[Shown], bool]]] = {
    "at_zero": lambda one: one.active == 0,
    "quota_missed": _misses_quota,
}
