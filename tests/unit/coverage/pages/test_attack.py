"""Public pages, files and sort orders tell no more than the releases, of which the attacker can work nothing out."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator, Iterator
from io import StringIO
from itertools import count, islice, product
from typing import Any, Final

import msgspec
import pytest

from services.coverage.public.domain.attack import Attacker
from services.coverage.public.domain.release import Month, Shown
from services.coverage.public.ports import Encoded, Release
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION, parent_of
from tests.countries import Country, draw, plain
from tests.fakes_coverage import MemoryReleases
from tests.pages_world import DISTRICT, NOW, OCTOBER, PASSING, REGENCY, PagesWorld, pages_world

SORTS: Final = ("code", "name", "-active", "active", "-ratio", "ratio", "-potential")
ORDERS: Final = tuple(f"sort={sort}" for sort in (*SORTS, "-short", "-due"))
PARTS: Final = ("/kuota", "/desa-sadar", "/akan-nonaktif", "/riwayat", "/monev", "/asal-angka")
FORMATS: Final = ("html", "csv", "xlsx")
MONTHS: Final = (Month(2026, 8), Month(2026, 9), Month(2026, 10))
COUNTRIES: Final = 3
"""Each has three releases, and each region of each some 20 pages and files."""


def addresses(region: str, day: str) -> Iterator[str]:
    """Yield every page and file of a region in a release, in both languages, in every order."""
    page = f"/wilayah/{region}"
    for asked, form in product(("filter=at_zero", "filter=quota_missed", "filter=below_target", *ORDERS), FORMATS):
        yield f"{page}?as_of={day}&{asked}&format={form}"
    for part, form in product(("", *PARTS), FORMATS):
        yield f"{page}{part}?as_of={day}&format={form}"
    for part in ("", *PARTS):
        yield f"{page}{part}?as_of={day}&lang=en"
        yield f"{page}{part}"


async def test_public_pages_depend_on_the_release_alone() -> None:
    """With the same release and nobody counted today, each page and file is the same to the last byte."""
    async with (
        pages_world() as then,
        pages_world(happened=(), releases=then.releases) as now,
    ):
        assert await then.page(f"/wilayah/{REGENCY}", then.token()) != await now.page(
            f"/wilayah/{REGENCY}", now.token()
        )
        seen = 0
        for region in (NATION, "63", REGENCY, DISTRICT, PASSING):
            for address in addresses(region, OCTOBER):
                first, second = await then.get(address), await now.get(address)
                seen += first.status_code == 200
                assert first.status_code in (200, 401, 404, 422), address
                assert (first.status_code, first.content) == (second.status_code, second.content), address
                assert first.headers.get("etag") == second.headers.get("etag"), address
        assert seen > 200


def countries() -> Iterator[tuple[int, Country]]:
    """Yield drawn countries whose regions are ones of the catalogue, with their seeds."""
    for seed in count():
        country = draw(seed)
        if all(region in catalogue() for region in country.regions):
            yield seed, country


@pytest.fixture(params=[pytest.param(country, id=str(seed)) for seed, country in islice(countries(), COUNTRIES)])
async def country(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Country, list[dict[str, Shown]], PagesWorld]]:
    """A country, its releases, and its public pages."""
    drawn: Country = request.param
    made, kept = drawn.releases(), MemoryReleases()
    for month, release in zip(MONTHS, made, strict=True):
        await kept.write(month, [_encoded(one) for one in release.values()])
        await kept.publish(Release(month, NOW, NOW.date()))
    async with pages_world(releases=kept) as world:
        yield drawn, made, world


async def test_the_attacker_works_nothing_out_of_pages_and_files(
    country: tuple[Country, list[dict[str, Shown]], PagesWorld],
) -> None:
    """What tables, files and headlines show of people is what the release shows; hidden numbers come last by code."""
    drawn, made, world = country
    releases = [plain(release) for release in made]
    for month, release in zip(MONTHS, releases, strict=True):
        for region, document in release.items():
            day = month.last_day.isoformat()
            page = await world.page(f"/wilayah/{region}?as_of={day}")
            headline = re.search(r'class="big">(.*?)</p>', page, re.S)
            assert headline is not None
            assert number(headline[1]) == document["active"]
            for sort in SORTS:
                address = f"/wilayah/{region}?as_of={day}&sort={sort}"
                files = (await world.page(f"{address}&format=csv"), rows_of(await world.page(address)))
                for rows in (list(csv.DictReader(StringIO(files[0].removeprefix("\ufeff")))), files[1]):
                    read = {row["Kode"]: row for row in rows if row["Kode"]}
                    assert set(drawn.children(region)) <= set(read) <= {region, *drawn.children(region)}
                    for code, row in read.items():
                        release[code] |= {"active": _read(row, "Peserta aktif"), "registered": _read(row, "Terdaftar")}
                    hidden = [code for code in read if sort.endswith("active") and release[code]["active"] is None]
                    assert hidden == sorted(hidden)
                    assert list(read)[len(read) - len(hidden) :] == hidden
    assert releases == [plain(release) for release in made]
    assert Attacker(releases, drawn.children).findings() == []


def rows_of(page: str) -> list[dict[str, str]]:
    """Return the rows of the children's table as a reader sees them."""
    found = re.findall(r'<tr>\s*<th scope="row"><a[^>]*>.*?</a> <small>(.*?)</small></th>(.*?)</tr>', page, re.S)
    return [{"Kode": code, **dict(re.findall(r'data-l="(.*?)"[^>]*>(.*?)</td>', cells, re.S))} for code, cells in found]


def number(cell: str) -> int | None:
    """Return the number of a cell of a page or file; None where there is none."""
    text = cell.replace(".", "").strip()
    return int(text) if text.isdigit() else None


def _read(row: dict[str, Any], name: str) -> int | None:
    return number(row[name])


def _encoded(one: Shown) -> Encoded:
    return Encoded(one.region, parent_of(one.region), msgspec.json.encode(one))
