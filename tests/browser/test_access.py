"""Pages that everybody can read: axe finds nothing, nothing runs off the side, and a keyboard is enough."""

from __future__ import annotations

from collections.abc import AsyncIterator
from importlib import resources
from typing import Final

import pytest
from playwright.async_api import Page, expect

from tests.browser import nation
from tests.browser.costs import Costs
from tests.browser.site import Site, without_complaints
from tests.browser.widths import DESK_WIDTH, PHONE_WIDTH, running_over, set_width
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


@pytest.fixture(scope="module")
async def reader(request: pytest.FixtureRequest, site: Site) -> AsyncIterator[tuple[Page, Costs]]:
    """One page for all views of an official or of the public: most of what a view costs is a browser's start."""
    async with site.visitor(request.param) as context:
        page, costs = await context.new_page(), Costs(site.base)
        await costs.watch(page)
        yield page, costs


@pytest.mark.parametrize(("path", "reader"), VIEWS, indirect=["reader"])
async def test_a_page_keeps_nobody_out(reader: tuple[Page, Costs], path: str) -> None:
    """A first visit is within its budget; in both languages axe finds nothing and nothing runs off the side.

    Axe reads the Indonesian page as on a phone and the English one as at a desk: both have the same structure.
    Nothing is said on the console, and nothing violates the content security policy.
    """
    page, costs = reader
    async with without_complaints(page.context):
        found = await costs.visit(page, path)
        found += [*await barriers(page, PHONE_WIDTH), *await running_over(page)]
        found += await costs.visit(page, in_english(path))
        found += [*await barriers(page, DESK_WIDTH), *await running_over(page)]
    assert found == []


async def barriers(page: Page, width: int) -> list[str]:
    """Return what axe finds that keeps somebody from reading a page in a window of this width."""
    await set_width(page, width)
    await page.evaluate(AXE)
    return [f"{page.url} at {width} px: {one}" for one in await page.evaluate(_FIND)]


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


_LOOKS: Final = """() => {
  const of = (kind, name) => [...document.querySelectorAll(kind)].map(one => getComputedStyle(one)[name]);
  return {
    forced: matchMedia("(forced-colors: active)").matches,
    map: [...new Set(of(".map a path, .map a circle", "fill"))].length,
    grounds: of(".bar-ground", "fill"), bars: of(".bar-plain, .bar-met, .bar-short", "fill"),
    targets: of(".bar-target", "stroke"), lines: of(".chart-line", "stroke"), charts: of(".chart", "backgroundColor"),
  };
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_with_forced_colours_maps_keep_theirs_and_drawings_take_the_readers(site: Site, scheme: str) -> None:
    """A map has as many colours as before, as they carry its values; bars and lines differ from what is behind them."""
    for path in ("/", f"/wilayah/{nation.PROVINCE}", _R, f"{_R}/kuota", f"{_R}/riwayat"):
        async with site.page(path, "operator", color_scheme=scheme) as page:
            usual = await page.evaluate(_LOOKS)
            await page.emulate_media(forced_colors="active")
            forced = await page.evaluate(_LOOKS)
            assert (usual["forced"], forced["forced"]) == (False, True)
            assert forced["map"] == usual["map"]
            readers = await page.evaluate(_READERS_COLOURS)
            assert set(forced["bars"]) <= {readers["CanvasText"]}, path
            assert set(forced["grounds"]) <= {readers["Canvas"]}, path
            assert set(forced["targets"]) <= {readers["Highlight"]}, path
            assert set(forced["lines"]) <= {readers["CanvasText"]}, path
            assert set(forced["charts"]) <= {readers["Canvas"]}, path
            assert len(forced["bars"]) == len(usual["bars"])
            assert len(readers.values()) == len(set(readers.values())), "the colours of the reader differ"


_READERS_COLOURS: Final = """() => {
  const one = document.body.appendChild(document.createElement("p"));
  return Object.fromEntries(["Canvas", "CanvasText", "Highlight"].map(name => {
    one.style.forcedColorAdjust = "none";
    one.style.color = name;
    return [name, getComputedStyle(one).color];
  }));
}"""


async def test_print_is_the_page_without_controls(site: Site) -> None:
    """The address stands on the sheet, the forms and menus do not."""
    async with site.page(f"{_R}/kuota?semua=1", "operator") as page:
        await page.emulate_media(media="print")
        for gone in (".top nav", ".tabs", ".noprint"):
            await expect(page.locator(gone).first).to_be_hidden()
        await expect(page.locator("footer .print")).to_have_text(f"{site.base}{_R}/kuota?semua=1")
        assert await page.locator("table.rows tbody tr").count() == 152
