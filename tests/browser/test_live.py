"""A page that stays open: its numbers change in place, it can be paused, and it says when the line was cut."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect

from services.coverage.pages.http import live
from tests.browser import nation
from tests.browser.nation import joined
from tests.browser.site import Site
from tests.e2e.severing import line_to
from tests.waiting import eventually

_NOTE_EVENTS: Final = """document.addEventListener("htmx:sse:after:message", () => {
  document.documentElement.dataset.streamed = "";
})"""
VILLAGE: Final = f"/wilayah/{nation.SHORT}"
_ONE_MORE: Final = joined(nation.SHORT, nation.NOW.date())


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have panels sent after a fifth of a second and said at once: nothing else about them changes."""
    monkeypatch.setattr(live, "EVERY", timedelta(seconds=0.2))
    monkeypatch.setattr(live, "_SPOKEN_EVERY", timedelta())


async def number(page: Page) -> int:
    """Return the number of active people on the page."""
    return int(await page.locator(".lead .big").inner_text())


async def test_a_number_changes_in_place_and_a_pause_holds_it(site: Site) -> None:
    """The same element shows the new number, and it is said once; a paused page keeps what it shows."""
    async with site.visitor("operator") as context:
        await context.add_init_script(_NOTE_EVENTS)
        page = await context.new_page()
        await page.goto(VILLAGE)
        # What is told as a change is one from the stream's first event on.
        await expect(page.locator("html[data-streamed]")).to_be_attached()
        shown, status = page.locator(".lead .big"), page.get_by_role("status")
        await expect(status).to_be_empty()
        before, element = await number(page), await shown.element_handle()
        await page.get_by_role("button", name="Jeda").focus()
        await site.publish(_ONE_MORE)
        await expect(shown).to_have_text(str(before + 1))
        assert await element.inner_text() == str(before + 1)
        await expect(page.get_by_role("button", name="Jeda")).to_be_focused()
        await expect(status).to_have_text(f"Peserta aktif {before + 1}, naik 1")
        await page.get_by_role("button", name="Jeda").click()
        await site.publish(_ONE_MORE)

        async def is_counted() -> bool:
            answer = await page.context.request.get(VILLAGE)
            return f'<p class="big">{before + 2}</p>' in await answer.text()

        await eventually(is_counted)
        assert await number(page) == before + 1
        await page.get_by_role("button", name="Lanjut").click()
        await expect(shown).to_have_text(str(before + 2))


async def test_a_cut_line_is_said_with_its_time(site: Site) -> None:
    """The page stands, and says since when its numbers are old."""
    address = urlsplit(site.base)
    async with (
        line_to(address.hostname or "", address.port or 0) as (line, port),
        site.page(VILLAGE, "operator", base=f"http://127.0.0.1:{port}", forgiven="net::ERR_|network error") as page,
    ):
        before = await number(page)
        await site.publish(_ONE_MORE)
        await expect(page.locator(".lead .big")).to_have_text(str(before + 1))
        line.cut()
        await expect(page.locator("#sambungan")).to_have_text(re.compile(r"Terputus sejak \d\d\.\d\d WITA"))
        assert await number(page) == before + 1
        line.mend()
        await expect(page.locator("#sambungan")).to_be_empty()


@pytest.mark.parametrize(
    ("path", "who", "headers"),
    [(VILLAGE, None, {}), (f"{VILLAGE}?as_of=2026-10-31", "operator", {}), (VILLAGE, "operator", {"Save-Data": "on"})],
)
async def test_only_a_present_page_of_an_official_is_live(
    site: Site, path: str, who: str | None, headers: dict[str, str]
) -> None:
    """No stream for the public, of the past, or where the reader saves data."""
    async with site.page(path, who, extra_http_headers=headers) as page:
        await expect(page.locator(".lead")).to_be_visible()
        await expect(page.locator("#siaran")).to_have_count(0)
