"""Pages that everybody can read: axe finds nothing, nothing runs off the side, and a keyboard is enough."""

from __future__ import annotations

import asyncio
from importlib import resources
from itertools import chain
from typing import Any, Final

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.browser import nation
from tests.browser.site import Site
from tests.unit.coverage.pages.test_alerts import ALERT

AXE: Final = (resources.files("axe_playwright_python") / "axe.min.js").read_text()
_FIND: Final = """async () => {
  const found = await axe.run(document, {
    resultTypes: ["violations"], preload: false,
    rules: {"target-size": {enabled: true}, "color-contrast": {enabled: document.documentElement.lang === "id"}},
  });
  return found.violations.map(one => `${one.id}: ${one.help}: ${one.nodes[0].html.slice(0, 200)}`);
}"""
"""Every rule but experimental ones; that of targets of 24 px is off unless asked for.

Contrast takes axe half of its time, and both languages have the same colours: it is judged in one.
"""
_WIDTHS: Final = (360, 1280)
_NARROWEST: Final = 320
_ZOOMED: Final = 640
"""CSS pixels across a desktop's 1,280 at 200 % zoom."""
_R, _E = f"/wilayah/{nation.REGENCY}", f"/wilayah/{nation.EMPTY}"
_D: Final = f"/wilayah/{nation.DISTRICT}"
EVERYBODY: Final = (
    "/", f"/wilayah/{nation.PROVINCE}", _R, _D, f"/wilayah/{nation.PASSING}", f"{_R}/riwayat", f"{_R}/asal-angka",
    f"{_R}/monev?as_of=2026-10-31", f"{_D}/kuota", f"{_D}/desa-sadar", "/cari?q=tanah", _E, f"{_E}/riwayat",
    f"{_E}/monev?as_of=2026-10-31",
)  # fmt: skip
PUBLIC: Final = (*EVERYBODY, "/cari?q=xyzzy", "/masuk", "/istilah", "/aksesibilitas", "/wilayah/99.99")
OFFICIAL: Final = (
    *EVERYBODY, f"{_R}?as_of=2026-09-30", f"{_R}/akan-nonaktif", "/peringatan",
    f"/peringatan/{ALERT}", f"/wilayah/{nation.WITHOUT_POTENTIAL}", f"{_E}/asal-angka", f"{_E}/kuota",
    f"{_E}/desa-sadar", f"{_E}/akan-nonaktif",
)  # fmt: skip
VIEWS: Final = [*((path, None) for path in PUBLIC), *((path, "operator") for path in OFFICIAL)]


def in_english(path: str) -> str:
    """Return the path of the English page."""
    return f"{path}{'&' if '?' in path else '?'}lang=en"


async def sideways(page: Page) -> int:
    """Return by how many pixels the page can be scrolled sideways."""
    found: Any = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return int(found)


@pytest.mark.parametrize(("path", "who"), VIEWS)
async def test_axe_finds_nothing_and_nothing_runs_off_the_side(site: Site, path: str, who: str | None) -> None:
    """In both languages, on a phone and at a desk; down to 320 px and at 200 % zoom."""
    async with site.visitor(who) as context:
        found = await asyncio.gather(*(barriers(context, one) for one in (path, in_english(path))))
    assert [*chain.from_iterable(found)] == []


async def barriers(context: BrowserContext, path: str) -> list[str]:
    """Return what keeps somebody from reading a page, at each width."""
    page = await context.new_page()
    await page.goto(path)
    await page.evaluate(AXE)
    found = list[str]()
    for width in (*_WIDTHS, _NARROWEST, _ZOOMED):
        await page.set_viewport_size({"width": width, "height": 800})
        if over := await sideways(page):
            found.append(f"{path} at {width} px runs {over} px off the side")
        if width in _WIDTHS:
            found += [f"{path} at {width} px: {one}" for one in await page.evaluate(_FIND)]
    return found


async def test_text_of_twice_the_size_stays_on_the_page(site: Site) -> None:
    """Text of 200 % loses nothing at the side, even where the layout does not yet restack."""
    for path in ("/", _R, f"{_R}/kuota", f"{_R}/monev?as_of=2026-10-31"):
        async with site.page(path, "operator", viewport={"width": 1280, "height": 800}) as page:
            await page.evaluate("document.documentElement.style.fontSize = '200%'")
            assert await sideways(page) == 0, path


async def test_a_keyboard_is_enough(site: Site) -> None:
    """Skip to the content, find a region, open it: no step needs a pointer."""
    async with site.page("/", "operator") as page:
        keys = page.keyboard
        await keys.press("Tab")
        await expect(page.get_by_role("link", name="Langsung ke isi")).to_be_focused()
        await keys.press("Enter")
        await keys.press("Tab")
        assert await page.evaluate("document.querySelector('main').contains(document.activeElement)")
        await page.goto("/cari")
        await page.get_by_role("searchbox").focus()
        await keys.type("tanah bumbu")
        await keys.press("Enter")
        await expect(page.locator(".found a")).to_have_count(1)
        await page.locator(".found a").focus()
        await keys.press("Enter")
        await expect(page.get_by_role("heading", level=1)).to_contain_text("Kabupaten Tanah Bumbu")


@pytest.mark.parametrize("path", ["/", f"/wilayah/{nation.PROVINCE}", _R, f"{_R}/kuota"])
async def test_the_focus_reaches_everything_and_is_seen(site: Site, path: str) -> None:
    """Each link, button and field is reached by Tab, in the order of the page, and shows that it has the focus."""
    async with site.page(path, "operator") as page:
        wanted = await page.evaluate(_CONTROLS)
        reached: list[int] = []
        for _ in range(wanted):
            await page.keyboard.press("Tab")
            nth, is_seen = await page.evaluate(_FOCUSED)
            assert is_seen, f"nothing shows that control {nth} of {path} has the focus"
            reached.append(nth)
        assert reached == list(range(wanted))


_CONTROLS: Final = """() => {
  const kinds = "a[href], button, summary, input:not([type=hidden]), select, textarea";
  window.controls = [...document.querySelectorAll(kinds)]
    .filter(one => one.checkVisibility());
  return window.controls.length;
}"""
_FOCUSED: Final = """() => {
  const one = document.activeElement;
  const drawn = one.querySelector("path, circle");
  const seen = getComputedStyle(one).outlineStyle !== "none"
    || (drawn && getComputedStyle(drawn).strokeWidth === "3px");
  return [window.controls.indexOf(one), Boolean(seen)];
}"""


async def test_a_phone_offers_a_way_past_the_map(site: Site) -> None:
    """The skip link in front of the map leads to the table that says the same."""
    async with site.page("/", "operator") as page:
        link = page.get_by_role("link", name="Lewati peta")
        await link.focus()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.querySelector('#anak').contains(document.activeElement)")


async def test_print_is_the_page_without_controls(site: Site) -> None:
    """The address stands on the sheet, the forms and menus do not."""
    async with site.page(f"{_R}/kuota?semua=1", "operator") as page:
        await page.emulate_media(media="print")
        for gone in (".top nav", ".tabs", ".noprint"):
            await expect(page.locator(gone).first).to_be_hidden()
        await expect(page.locator("footer .print")).to_have_text(f"{site.base}{_R}/kuota?semua=1")
        assert await page.locator("table.rows tbody tr").count() == 152
