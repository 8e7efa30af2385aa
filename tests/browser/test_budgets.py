"""Bytes, requests and widths of the longest pages, whose other checks `test_access` makes on shorter ones."""

from __future__ import annotations

from typing import Final

import pytest

from tests.browser import nation
from tests.browser.costs import Costs
from tests.browser.site import Site
from tests.browser.widths import running_over

_KB: Final = 1024
_HEADLINE_WITHIN: Final = 14 * _KB
"""What a server sends before it waits for the reader's first answer."""
_R: Final = f"/wilayah/{nation.REGENCY}"
LONGEST: Final = [
    (f"{_R}/monev", None), (f"{_R}/kuota", None), (f"{_R}/desa-sadar", None),
    (f"{_R}/monev", "operator"), (f"{_R}/kuota", "operator"), (f"{_R}/desa-sadar", "operator"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "who"), LONGEST)
async def test_a_long_page_is_small_and_fits(site: Site, path: str, who: str | None) -> None:
    """Bytes as they travel, requests, that all of them are ours; and nothing runs off the side."""
    async with site.visitor(who) as context:
        page, costs = await context.new_page(), Costs(site.base)
        await costs.watch(page)
        found = [*await costs.visit(page, path), *await running_over(page)]
    assert found == []


@pytest.mark.parametrize(("path", "who"), [("/", None), (_R, None), ("/", "operator"), (_R, "operator")])
async def test_the_headline_comes_first(site: Site, path: str, who: str | None) -> None:
    """The number that a reader came for is in the first 14 KB of the page, unpacked."""
    async with site.visitor(who) as context:
        html = await (await context.request.get(path)).body()
    assert 0 < html.index(b'class="big"') < _HEADLINE_WITHIN


async def test_scripts_are_few_and_late(site: Site) -> None:
    """One script, deferred, of at most 22 KB as it travels."""
    async with site.page("/", "operator") as page:
        scripts = await page.locator("script").evaluate_all("all => all.map(one => [one.src, one.defer])")
        ((address, is_deferred),) = scripts
        taken = await page.evaluate("src => performance.getEntriesByName(src)[0].encodedBodySize", address)
    assert is_deferred
    assert 0 < taken <= 22 * _KB
