"""What officials and citizens come for: on a phone, on one without JavaScript, and at a desk."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator
from io import BytesIO, StringIO
from typing import Any

import openpyxl
import pytest
from playwright.async_api import Page, expect

from tests.browser import nation
from tests.browser.site import DESKTOP, PHONE, Site, without_complaints
from tests.unit.coverage.pages.test_alerts import ALERT

READERS: dict[str, dict[str, Any]] = {
    "phone": {"viewport": PHONE},
    "phone without JavaScript": {"viewport": PHONE, "java_script_enabled": False},
    "desk": {"viewport": DESKTOP},
}


@pytest.fixture(scope="module", params=READERS)
async def device(request: pytest.FixtureRequest, site: Site) -> AsyncIterator[Page]:
    """A browser on each kind of device."""
    async with site.visitor(**READERS[request.param]) as context:
        yield await context.new_page()


@pytest.fixture
async def reader(device: Page) -> AsyncIterator[Page]:
    """Somebody on the first page, who has not signed in, and whose browser remembers nobody."""
    await device.context.clear_cookies()
    async with without_complaints(device.context):
        await device.goto("/")
        yield device


async def sign_in(page: Page, who: str) -> None:
    """Sign in as an official, and come back to the page."""
    await page.get_by_role("link", name="Masuk", exact=True).click()
    await page.get_by_role("button", name=who, exact=True).click()
    await expect(page.locator(".who")).to_contain_text(who)


async def find(page: Page, wanted: str) -> None:
    """Look a region up and open the first that fits."""
    await page.get_by_role("link", name="Cari", exact=True).click()
    await page.get_by_role("searchbox").fill(wanted)
    await page.get_by_role("main").get_by_role("button", name="Cari").click()
    await page.locator(".found a").first.click()


async def open_tab(page: Page, name: str) -> None:
    """Open another page of the region."""
    await page.get_by_role("navigation", name="Halaman wilayah ini").get_by_role("link", name=name).click()


async def test_a_region_is_found_by_any_of_its_names(site: Site) -> None:
    """Short names, codes, and each sign that phones write for an apostrophe."""
    async with site.page("/", "operator") as page:
        for wanted, found in {
            "DKI Jakarta": "Daerah Khusus Ibukota Jakarta", "Sulsel": "Sulawesi Selatan", "Ma’rang": "Marang",
            "Ma'rang": "Marang", "Maʼrang": "Marang", "63.10": "Kabupaten Tanah Bumbu",
        }.items():  # fmt: skip
            await find(page, wanted)
            await expect(page.get_by_role("heading", level=1)).to_contain_text(found)


async def test_a_regent_sees_who_lapses_and_whose_money_it_is(reader: Page) -> None:
    """From the first page to the payer of those who lapse within 30 days."""
    await sign_in(reader, "bupati")
    await find(reader, "tanah bumbu")
    await reader.get_by_role("heading", name="Akan nonaktif").get_by_role("link").click()
    await expect(reader.locator(".big")).to_contain_text("3.000 orang sampai 21 Des 2026")
    total = reader.get_by_role("table", name="Per pembayar dan wilayah").locator("tfoot td")
    await expect(total.first).to_have_text("3.000")
    await expect(reader.get_by_role("table", name="Per pembayar dan wilayah")).to_contain_text("APBD kabupaten/kota")


async def test_a_regent_sees_the_villages_at_zero_first(reader: Page) -> None:
    """The board says how many, and begins with them."""
    await sign_in(reader, "bupati")
    await find(reader, "tanah bumbu")
    await open_tab(reader, "Kuota")
    await expect(reader.locator("main > .big")).to_contain_text("1 dari 152 desa tercapai")
    first = reader.locator("table.rows tbody tr").first
    await expect(first).to_contain_text("○ Nol")
    await expect(reader.get_by_role("main")).to_contain_text("nol: 150")
    await reader.get_by_role("link", name="Cetak semua baris").click()
    last = reader.locator("table.rows tbody tr").last
    await expect(last).to_contain_text("✓ Tercapai")
    await expect(last).to_contain_text("131")


async def test_a_regent_takes_the_monev_sheet_as_it_was_known(reader: Page) -> None:
    """The sheet of 30 September as known on 25 October leaves out what was learnt in November; so do its files."""
    await sign_in(reader, "bupati")
    await find(reader, "tanah bumbu")
    await open_tab(reader, "Monev")
    await reader.get_by_label("Keadaan per").fill("2026-09-30")
    await reader.get_by_label("Diketahui per").fill("2026-10-25")
    await reader.get_by_role("button", name="Tampilkan").click()
    await expect(reader.locator(".when").first).to_contain_text("Keadaan per 30 Sep 2026, diketahui per 25 Okt 2026")
    # 108 and 48 in two villages, 12 in a district, 57 in another of whom 17 were reported in October.
    own = reader.locator("table.rows tbody tr").first
    await expect(own.locator("[data-l='Aktif']")).to_have_text("225")
    for name in ("CSV", "XLSX"):
        link = await reader.get_by_role("link", name=name, exact=True).get_attribute("href")
        taken = await reader.context.request.get(str(link))
        assert taken.ok
        assert _active(await taken.body(), name) == 225


def _active(file: bytes, kind: str) -> int:
    """Return the active people of the first region of a sheet."""
    if kind == "CSV":
        names, *rows = csv.reader(StringIO(file.decode("utf-8-sig")))
    else:
        sheet = openpyxl.load_workbook(BytesIO(file)).worksheets[0]
        names, *rows = ([str(cell) for cell in row] for row in sheet.iter_rows(values_only=True))
    return int(rows[0][names.index("aktif" if "aktif" in names else "Aktif")])


async def test_an_official_signs_in_and_out(reader: Page) -> None:
    """Signing in leads back to the page, in full and live; signing out leads to the release."""
    await find(reader, "tanah bumbu")
    await expect(reader.locator(".who")).to_have_text("Tampilan publik")
    await expect(reader.locator(".when").first).to_contain_text("Angka rilis 31 Oktober 2026, dibuat")
    await sign_in(reader, "bupati")
    await expect(reader.get_by_role("heading", level=1)).to_contain_text("Kabupaten Tanah Bumbu")
    await expect(reader.locator(".when").first).to_contain_text("Keadaan per")
    await expect(reader.get_by_role("heading", name="Akan nonaktif")).to_be_visible()
    await reader.get_by_role("button", name="Keluar").click()
    await expect(reader.locator(".who")).to_have_text("Tampilan publik")
    assert [one["name"] for one in await reader.context.cookies() if one["name"] == "__Host-cakupan"] == []


async def test_the_public_reads_releases(reader: Page) -> None:
    """Another release is one link away; nothing live, and nobody's due date."""
    await find(reader, "tanah bumbu")
    await expect(reader.locator(".lead .big")).to_have_text("3.353")
    await expect(reader.get_by_text("Akan nonaktif")).to_have_count(0)
    await reader.get_by_role("link", name="rilis lain").click()
    await reader.get_by_role("main").get_by_role("link", name="30 Sep").first.click()
    await expect(reader.locator(".when").first).to_contain_text("Angka rilis 30 September 2026")
    await expect(reader.locator(".lead .big")).to_have_text("325")


async def test_an_alert_is_acknowledged_from_the_link_in_a_message(reader: Page, site: Site) -> None:
    """Opening the link changes nothing; who signs in and presses the button has acknowledged."""
    site.notifier.alerts[0]["acknowledged"] = None
    site.notifier.notes.clear()
    await reader.goto(f"/peringatan/{ALERT}")
    await reader.get_by_role("main").get_by_role("link", name="Masuk").click()
    await reader.get_by_role("button", name="bupati", exact=True).click()
    await expect(reader.get_by_role("heading", level=1)).to_contain_text("Banyak yang akan nonaktif")
    assert site.notifier.alerts[0]["acknowledged"] is None
    await reader.get_by_label("Catatan").fill("Dibahas Senin")
    await reader.get_by_role("button", name="Tanggapi").click()
    await expect(reader.get_by_role("main")).to_contain_text("Ditanggapi")
    assert site.notifier.notes == ["Dibahas Senin"]


async def test_an_empty_region_says_what_its_page_means(reader: Page) -> None:
    """Nobody is 0, and a region without a potential has no ratio; the page says who supplies it."""
    await sign_in(reader, "operator")
    await reader.goto(f"/wilayah/{nation.EMPTY}")
    await expect(reader.locator(".lead .big")).to_have_text("0")
    await reader.goto(f"/wilayah/{nation.WITHOUT_POTENTIAL}")
    await expect(reader.locator(".lead")).to_contain_text("Belum ada data potensi")
