"""What a first visit costs (pages.md, "Budgets")."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

import pytest

from tests.browser import nation
from tests.browser.site import Site
from tests.waiting import eventually

_KB: Final = 1024
_HEADERS: Final = 1_000
"""More than the headers of an answer take."""
_HEADLINE_WITHIN: Final = 14 * _KB
"""What a server sends before it waits for the reader's first answer."""
_R: Final = f"/wilayah/{nation.REGENCY}"
PAGES: Final = [
    ("/", 90), (f"/wilayah/{nation.PROVINCE}", 90), (_R, 60), (f"/wilayah/{nation.DISTRICT}", 60), (f"{_R}/monev", 60),
    (f"{_R}/riwayat", 60), (f"{_R}/asal-angka", 60),
]  # fmt: skip
OFFICIAL: Final = [(f"{_R}/kuota", 60), (f"{_R}/akan-nonaktif", 60), (f"{_R}/desa-sadar", 60), ("/peringatan", 60)]
VISITS: Final = [*((*page, None) for page in PAGES), *((*page, "operator") for page in PAGES + OFFICIAL)]


@pytest.mark.parametrize(("path", "kb", "who"), VISITS)
async def test_a_first_visit_is_small_and_goes_nowhere_else(site: Site, path: str, kb: int, who: str | None) -> None:
    """Bytes as they travel, requests, and that all of them are ours."""
    async with site.visitor(who) as context:
        page = await context.new_page()
        devtools = await context.new_cdp_session(page)
        asked, received = dict[str, str](), Counter[str]()
        devtools.on("Network.requestWillBeSent", lambda one: asked.update({one["requestId"]: one["request"]["url"]}))
        devtools.on("Network.responseReceived", lambda one: count(received, one["requestId"], one["response"]))
        devtools.on("Network.dataReceived", lambda one: count(received, one["requestId"], one))
        await devtools.send("Network.enable")
        await page.goto(path)

        async def has_begun() -> bool:
            return any(received[nth] > _HEADERS for nth, url in asked.items() if "/langsung" in url)

        if await page.locator("#siaran").count():
            # The stream begins with all panels: they count, too.
            await eventually(has_begun)
    assert sum(received.values()) <= kb * _KB
    assert sum(not url.startswith("data:") for url in asked.values()) <= 6
    # A browser draws its own signs on fields of dates, from addresses that hold their data.
    assert [url for url in asked.values() if not url.startswith((site.base, "data:"))] == []


def count(received: Counter[str], request: str, event: Any) -> None:
    """Add the bytes of an event, as they travelled."""
    received[request] += event["encodedDataLength"]


@pytest.mark.parametrize(("path", "who"), [(path, who) for path, _, who in VISITS if path in ("/", _R)])
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
