"""Each page in both languages and both views: its first figures, what it says of them, and its refusals."""

from __future__ import annotations

import csv
import re
from datetime import timedelta
from html import unescape
from io import BytesIO, StringIO

import pytest
from openpyxl import load_workbook

from services.coverage.proof.ports import Passed, Proof
from services.coverage.reference.domain.reference import Statement
from services.coverage.reference.domain.sources import SOURCES, Feed
from tests.pages_world import (
    ACEH,
    DISTRICT,
    EMPTY,
    NOW,
    OCTOBER,
    PASSING,
    REGENCY,
    SHORT,
    SINCE,
    PagesWorld,
    pages_world,
)

PARTS = ["", "/kuota", "/desa-sadar", "/akan-nonaktif", "/riwayat", "/asal-angka"]
OTHERS = ["/cari?q=bumbu", "/istilah", "/aksesibilitas", "/masuk"]


def words(page: str) -> str:
    """Return what a reader reads of the main part, with single blanks."""
    main = page[page.index("<main") : page.index("</main>")]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", main)).split())


def headings(page: str) -> list[str]:
    """Return the headings of the panels in their order."""
    panels = page[page.index('class="panels"') : page.index("<footer>")]
    return [words(f"<main>{one}</main>") for one in re.findall(r"<h2[^>]*>(.*?)</h2>", panels, re.S)]


async def test_a_regency_tells_an_official_its_five_answers_in_order(world: PagesWorld) -> None:
    """People and how many are missing, who lapses and whose money, the quota, what moved; then the rest."""
    page = await world.page(f"/wilayah/{REGENCY}", world.token(REGENCY, "bupati"))
    text = words(page)
    assert "Keadaan per 21 Nov 2026 14.02 WITA" in text
    assert "Terverifikasi ✓ 21 Nov 2026 13.55 WITA" in text
    assert "Peserta aktif 252 39,38% dari 640 potensi pekerja" in text
    assert "✕ Kurang 14 orang ke target 41,56% (aktif) Terdaftar 256 · 40,00%" in text
    assert "perlu 13 orang per 30 hari" in text
    assert "Akan nonaktif 40 orang dalam 30 hari" in text
    assert "APBD kabupaten/kota 40 40 40" in text
    assert "Kuota : 100 orang per desa, pekerja rentan 1 dari 152 desa tercapai ○ Nol: 150 desa" in text
    assert "Pembayar mandiri −4 sekarang 207" in text
    assert headings(page)[:5] == [
        "Peserta aktif", "Akan nonaktif", "Kuota : 100 orang per desa, pekerja rentan",
        "Yang berubah dalam 30 hari", "Peringatan",
    ]  # fmt: skip
    assert "bupati/wali kota · Kabupaten Tanah Bumbu" in page


async def test_each_level_opens_with_its_own_question(world: PagesWorld) -> None:
    """A village with its people, a district with its quota, a province and the nation with those behind."""
    token = world.token()
    pages = {code: await world.page(f"/wilayah/{code}", token) for code in (SHORT, DISTRICT, "63", "ID")}
    assert headings(pages[SHORT])[:3] == ["Peserta aktif", "Kuota : 100 orang per desa, pekerja rentan", "Desa Sadar"]
    assert "✕ Belum 88 dari 100, kurang 12 orang" in words(pages[SHORT])
    assert headings(pages[DISTRICT])[0].startswith("Kuota")
    assert headings(pages["63"])[:2] == ["Peserta aktif", "Di bawah jalur target"]
    assert "Kabupaten Tanah Bumbu Kurang 14 orang" in words(pages["63"])
    assert headings(pages["ID"])[2:5] == ["Sejak monev 30 Jun 2026", "Desa Sadar", "Sumber data dan verifikasi"]
    assert "Penetapan 2026: 1 dari 198: ✕ kurang 176 desa dari jadwal" in words(pages["ID"])


async def test_children_add_up_and_an_absent_figure_is_not_zero(world: PagesWorld) -> None:
    """People of no village are a row; the total is the region's; without a potential there is no ratio."""
    token = world.token()
    district = words(await world.page(f"/wilayah/{DISTRICT}", token))
    assert "Belum ditempatkan 12 12" in district
    assert "Jumlah 236 236" in district
    aceh = words(await world.page(f"/wilayah/{ACEH}", token))
    assert "Belum ada data potensi. Potensi dikirim oleh kementerian" in aceh
    empty = words(await world.page(f"/wilayah/{EMPTY}", token))
    assert "Peserta aktif 0" in empty
    assert "○ Nol , kurang 100 orang" in empty


async def test_the_public_sees_the_release_and_nothing_of_today(world: PagesWorld) -> None:
    """Which one it is; few people hidden wherever they would be seen; nobody's due date, target or source."""
    page = await world.page(f"/wilayah/{REGENCY}")
    text = words(page)
    assert "Angka rilis 31 Oktober 2026, dibuat 21 November 2026 · rilis lain" in text
    assert "Peserta aktif 256 40,00% dari 640 potensi pekerja" in text
    assert "perangkat desa Disamarkan (<10) Disamarkan (<10)" in text
    assert "Tampilan publik" in page
    for secret in ("Kurang ke target", "Akan nonaktif", "Terverifikasi", "bpjs/kalsel", "Jeda", "siaran"):
        assert secret not in page
    assert words(await world.page(f"/wilayah/{REGENCY}?as_of={OCTOBER}")).count("Peserta aktif 256") == 1


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("region", ["ID", "63", REGENCY, DISTRICT, PASSING])
async def test_every_page_is_there_in_both_languages(world: PagesWorld, region: str, part: str) -> None:
    """For an official; links keep the language; no word of the other language's frame is left."""
    for lang, said, unsaid in (("id", "Akan nonaktif", "Due to lapse"), ("en", "Due to lapse", "Akan nonaktif")):
        page = await world.page(f"/wilayah/{region}{part}?lang={lang}", world.token())
        assert f'<html lang="{lang}">' in page
        assert said in page
        assert unsaid not in page
        inside = re.findall(r'href="(/(?!aset)[^"]*)"', page)
        assert sum("lang=en" in link for link in inside) == (len(inside) - 1 if lang == "en" else 1)


async def test_the_public_has_its_own_pages(world: PagesWorld) -> None:
    """One point a release, the sheet of one, and where its figures come from."""
    assert "31 Oktober 2026 256 256 640 40,00%" in words(await world.page(f"/wilayah/{REGENCY}/riwayat"))
    assert "63.10 Kabupaten Tanah Bumbu 640 256 40,00%" in words(await world.page(f"/wilayah/{REGENCY}/monev"))
    origins = words(await world.page(f"/wilayah/{REGENCY}/asal-angka?lang=en"))
    assert "Coverage, active: 256 ÷ 640 = 40.00%." in origins
    assert "Source bps/sakernas Definition semua yang bekerja" in origins
    for path in OTHERS:
        assert "Tampilan publik" in await world.page(path)


async def test_the_quota_board_shows_zero_first_and_how_many_lapse(world: PagesWorld) -> None:
    """Page by page, all rows for print."""
    token = world.token(REGENCY, "bupati")
    text = words(await world.page(f"/wilayah/{DISTRICT}/kuota", token))
    assert "1 dari 23 desa tercapai" in text or "desa tercapai" in text
    assert (
        text.index("○ Nol") < text.index("Sungai Lembu 63.10.02.2003 ✕ Belum 88 100 12 40") < text.index("✓ Tercapai")
    )
    first = await world.page(f"/wilayah/{REGENCY}/kuota", token)
    assert first.count("<tr>") == 101
    following = re.search(r'href="([^"]*cursor=[^"]*)"', first)
    assert following is not None
    assert (await world.page(unescape(following[1]), token)).count("<tr>") == 53
    assert (await world.page(f"/wilayah/{REGENCY}/kuota?semua=1", token)).count("<tr>") == 153


async def test_desa_sadar_tells_what_is_broken(world: PagesWorld) -> None:
    """The designated village has six officials and five are active."""
    text = words(await world.page(f"/wilayah/{REGENCY}/desa-sadar", world.token()))
    assert "✕ ditetapkan, gugur syarat 1" in text
    assert "Betung 63.10.02.2002 ✕ ditetapkan, gugur syarat 5 6 1 Mar 2026" in text


async def test_who_lapses_is_told_by_payer_place_and_month(world: PagesWorld) -> None:
    """40 people whose regency pays until December; of the past nobody knows."""
    token = world.token()
    text = words(await world.page(f"/wilayah/{REGENCY}/akan-nonaktif?hari=30", token))
    assert "40 orang sampai 21 Des 2026" in text
    assert "Desember 2026 40" in text
    assert "Kusan Hilir 63.10.02 40 40" in text
    refused = await world.get(f"/wilayah/{REGENCY}/akan-nonaktif?as_of={OCTOBER}", token)
    assert refused.status_code == 422
    assert "hanya diketahui untuk hari ini" in refused.text


async def test_two_days_are_compared_and_their_flows_add_up(world: PagesWorld) -> None:
    """What came and went between is the difference."""
    text = words(await world.page(f"/wilayah/{REGENCY}/riwayat?from=2026-09-30&to=2026-11-20", world.token()))
    assert "Peserta aktif 188 252 +64" in text
    assert "Masuk 68 +68" in text
    assert "Nonaktif 4 −4" in text
    assert "Selisih +68 +64" in text


async def test_the_monev_sheet_is_fixed_and_is_given_as_a_file(world: PagesWorld) -> None:
    """Without days its address names them; the file has the same rows, as numbers."""
    token = world.token()
    moved = await world.get(f"/wilayah/{REGENCY}/monev", token)
    assert (moved.status_code, moved.headers["location"]) == (
        303, f"/wilayah/{REGENCY}/monev?as_of=2026-10-31&known_at=2026-11-20",
    )  # fmt: skip
    text = words(await world.page(moved.headers["location"], token))
    assert "Keadaan per 31 Okt 2026, diketahui per 20 Nov 2026" in text
    file = await world.get(moved.headers["location"] + "&format=xlsx", token)
    sheet = load_workbook(BytesIO(file.content)).active
    assert sheet is not None
    assert [cell.value for cell in sheet[2]][:4] == ["63.10", "Kabupaten Tanah Bumbu", 640, 256]


async def test_files_have_the_pages_rows_in_its_order(world: PagesWorld) -> None:
    """Numbers with a dot; why a cell is empty; the public's hide what its page hides."""

    async def rows(path: str, token: str | None = None) -> list[list[str]]:
        response = await world.get(path, token)
        assert response.headers["content-disposition"].startswith("attachment; filename=")
        return list(csv.reader(StringIO(response.text)))

    official = await rows(f"/wilayah/{REGENCY}?sort=-active&format=csv", world.token())
    assert official[0][:6] == ["Kode", "Nama", "Peserta aktif", "Terdaftar", "Potensi pekerja", "Cakupan"]
    assert official[1][1:] == ["Kusan Hilir", "236", "236", "560", "0.4214", "", "0", "40", ""]
    assert official[2][-1] == "Belum ada data potensi"
    public = await rows(f"/wilayah/{DISTRICT}?format=csv&lang=en")
    assert {row[-1] for row in public[1:]} <= {"No denominator", "Suppressed (<10); No denominator", ""}
    assert len(await rows(f"/wilayah/{REGENCY}/kuota?format=csv", world.token())) == 153
    assert (await rows(f"/wilayah/{REGENCY}/akan-nonaktif?format=csv", world.token()))[1][2:] == ["40", "40", ""]


async def test_a_past_view_says_so_and_leads_back(world: PagesWorld) -> None:
    """With what is not known of the past left out, and the days kept in links."""
    page = await world.page(f"/wilayah/{REGENCY}?as_of=2026-09-30&known_at=2026-11-20", world.token())
    assert "Anda melihat keadaan masa lalu." in page
    assert "Keadaan per 30 Sep 2026, diketahui per 20 Nov 2026" in words(page)
    assert 'href="/wilayah/63.10.02?as_of=2026-09-30&amp;known_at=2026-11-20"' in page
    assert "siaran" not in page


async def test_an_empty_field_of_a_form_is_no_day(world: PagesWorld) -> None:
    """A browser sends it all the same; the days and the basis are chosen on the page."""
    page = await world.page(f"/wilayah/{REGENCY}?as_of=2026-10-31&known_at=&basis=vulnerable", world.token())
    assert "Keadaan per 31 Okt 2026 " in words(page)
    assert "Peserta aktif · pekerja rentan" in words(page)
    assert "known_at=&" not in page
    assert (await world.get(f"/wilayah/{REGENCY}/riwayat?from=&to=", world.token())).status_code == 200


async def test_a_silent_feed_and_a_failed_proof_are_told_under_the_title(world: PagesWorld) -> None:
    """And in the nation's panel; then a proof that is a day old."""
    token, before = world.token(valid_for=timedelta(days=60)), world.proofs.proof
    world.clock.advance(timedelta(days=20))
    world.proofs.proof = Proof(last=Passed(world.clock.now(), 2, 1, with_topic=True))
    try:
        text = words(await world.page("/", token))
        assert "⚠ BPJS Kalsel diam sejak 17 Nov 2026" in text
        assert "Verifikasi 11 Des 2026 13.02 WIB menemukan selisih." in text
        assert "✕ BPJS Kalsel: diam sejak" in text
        world.proofs.proof = Proof(last=Passed(NOW, 0, 1, with_topic=True))
        assert "Verifikasi terlambat." in words(await world.page("/", token))
    finally:
        world.clock.set(NOW)
        world.proofs.proof = before


async def test_outside_the_own_region_an_official_sees_what_the_public_sees(world: PagesWorld) -> None:
    """Beside it the region in full without what lies below; elsewhere and of boards the release; else refused."""
    token = world.token(REGENCY, "bupati")
    beside = words(await world.page("/wilayah/63.01", token))
    assert "Rincian wilayah di bawahnya hanya untuk pejabatnya" in beside
    assert "Angka rilis 31 Oktober 2026" in words(await world.page("/wilayah/63.01.01", token))
    for part in ("kuota", "desa-sadar"):
        assert "Angka rilis 31 Oktober 2026" in words(await world.page(f"/wilayah/63.01/{part}", token))
    refused = await world.get("/wilayah/63.01.01/akan-nonaktif", token)
    assert refused.status_code == 403
    assert "Halaman ini di luar wilayah Anda." in refused.text


REFUSED = [
    ("/wilayah/99", 404, "Tidak ada wilayah dengan kode ini."),
    ("/wilayah/91.07.01.1059", 404, "Kode wilayah ini sudah tidak berlaku."),
    (f"/wilayah/{REGENCY}?as_of=2026-09-30", 404, "Belum ada rilis publik"),
    (f"/wilayah/{REGENCY}/akan-nonaktif", 401, "hanya untuk pejabat yang masuk"),
    ("/wilayah/63?asof=2026-10-31", 422, "did you mean as_of?"),
    ("/nothing", 404, "Halaman ini tidak ada."),
    ("/peringatan", 401, "hanya untuk pejabat yang masuk"),
    ("/langsung?region=63", 401, "hanya untuk pejabat yang masuk"),
]


@pytest.mark.parametrize(("path", "status", "said"), REFUSED)
async def test_a_refusal_is_a_page_that_helps(world: PagesWorld, path: str, status: int, said: str) -> None:
    """It says what is wrong and what to do: search, sign in, or come back."""
    response = await world.get(path)
    assert response.status_code == status
    assert said in unescape(response.text)
    assert ("/masuk?ke=" in response.text.partition("<main")[2]) == (status == 401)
    assert ('role="search"' in response.text) == (status in (404, 422))


async def test_retired_codes_lead_to_their_successors(world: PagesWorld) -> None:
    """One: the same page of it, of the same day; several: a page that links them."""
    moved = await world.get(f"/wilayah/91.01/riwayat?as_of={OCTOBER}")
    assert (moved.status_code, moved.headers["location"]) == (301, f"/wilayah/93.01/riwayat?as_of={OCTOBER}")
    several = await world.get("/wilayah/91.07.01.1059")
    assert 'href="/wilayah/94.02.01.1010"' in several.text


async def test_a_store_that_is_away_is_told_with_when_to_come_back(world: PagesWorld) -> None:
    """As a page, to an official whose figures are there."""
    world.store.down = True
    try:
        response = await world.get(f"/wilayah/{REGENCY}", world.token())
    finally:
        world.store.down = False
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert "Coba lagi dalam 1 detik." in words(response.text)


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ("DKI Jakarta", "31"),
        ("Sulsel", "73"),
        ("Ma\u2019rang", "73.10.08"),
        ("tanah bumbu", "63.10"),
        ("63.10", "63.10"),
    ],
)
async def test_a_region_is_found_as_people_write_it(world: PagesWorld, wanted: str, code: str) -> None:
    """With what lies above it, since names repeat."""
    response = await world.http.get("/cari", params={"q": wanted})
    assert re.search(rf'class="found"><a href="/wilayah/{re.escape(code)}"', response.text)


async def test_what_a_reader_typed_is_shown_and_not_run(world: PagesWorld) -> None:
    """In the search and in an error."""
    for path in ("/cari?q=<script>alert(1)</script>", "/wilayah/<script>alert(1)</script>"):
        assert "<script>alert" not in (await world.get(path)).text


async def test_the_public_sees_boards_as_a_release_has_them(world: PagesWorld) -> None:
    """Above villages how many meet the quota or are designated, of a village whether; nobody's number of people."""
    text = words(await world.page("/wilayah/63/kuota"))
    assert "Angka rilis 31 Oktober 2026" in text
    assert "Tidak ditampilkan, karena dapat membuka keadaan beberapa orang saja." in text
    assert "63.10 Kabupaten Tanah Bumbu 4 Disamarkan (<10)" in text
    district = words(await world.page(f"/wilayah/{DISTRICT}/desa-sadar"))
    assert "1 desa ditetapkan" in district
    assert "63.10.02.2002 Betung ✓ ditetapkan 63.10.02.2003 Sungai Lembu Belum ditetapkan" in district
    assert "✓ ditetapkan" in words(await world.page(f"/wilayah/{PASSING}/desa-sadar"))
    file = await world.get("/wilayah/63/desa-sadar?format=csv")
    assert file.text.removeprefix("\ufeff").splitlines() == [
        "Kode,Nama,Desa ditetapkan,Catatan", "63.01,Kabupaten Tanah Laut,0,", "63.10,Kabupaten Tanah Bumbu,1,",
    ]  # fmt: skip


async def test_a_nation_without_a_potential_names_the_source_that_never_sent() -> None:
    """What a fresh installation shows: no ratio, nobody, and one source that should have sent."""
    feed = Statement(SOURCES, "ID", "contoh/diam", SINCE, Feed("Sumber diam", 7), "contoh/diam", "")
    async with pages_world(happened=(), said=[feed]) as fresh:
        text = words(await fresh.page("/", fresh.token()))
        assert "⚠ Sumber diam belum pernah mengirim." in text
        assert "✕ Sumber diam: belum pernah mengirim" in text
        assert "Potensi pekerja Belum ada data potensi" in text
        assert "✕ belum pernah mengirim" in words(await fresh.page("/wilayah/ID/asal-angka", fresh.token()))
        sheet = await fresh.page(f"/wilayah/{REGENCY}/monev?as_of={OCTOBER}&known_at=2026-11-20", fresh.token())
        assert "Sampai 20 Nov 2026 belum ada data wilayah ini yang diterima" in words(sheet)
