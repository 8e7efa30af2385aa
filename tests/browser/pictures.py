"""`python -m tests.browser.pictures`: takes a picture of each page into docs/pages/ (`make pictures`)."""

from __future__ import annotations

import asyncio
import io
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.async_api import ViewportSize

from tests.browser.site import DESKTOP, PHONE, Site, opened_site
from tests.servers import fresh_servers

_FOLDER: Final = Path(__file__).parents[2] / "docs" / "pages"
_COLOURS: Final = 96
"""Enough for text, five blues and an orange; a picture takes a third of what it would."""
_TALLEST: Final = 4_000
"""Pixels; the rest of a long table shows nothing new."""
PAGES: Final[dict[str, tuple[str, str | None]]] = {
    "indonesia": ("/", "operator"),
    "provinsi": ("/wilayah/63", "gubernur"),
    "kabupaten": ("/wilayah/63.10", "bupati"),
    "kecamatan": ("/wilayah/63.10.02", "camat"),
    "desa": ("/wilayah/63.10.02.2002", "camat"),
    "kosong": ("/wilayah/96", "operator"),
    "masa-lalu": ("/wilayah/63.10?as_of=2026-09-30&known_at=2026-10-25", "bupati"),
    "kuota": ("/wilayah/63.10/kuota", "bupati"),
    "desa-sadar": ("/wilayah/63.10/desa-sadar", "bupati"),
    "akan-nonaktif": ("/wilayah/63.10/akan-nonaktif?hari=30", "bupati"),
    "riwayat": ("/wilayah/63.10/riwayat", "bupati"),
    "monev": ("/wilayah/63.10/monev?as_of=2026-09-30&known_at=2026-10-25", "bupati"),
    "asal-angka": ("/wilayah/63.10/asal-angka", "bupati"),
    "peringatan": ("/peringatan", "bupati"),
    "satu-peringatan": ("/peringatan/0b3d4d5e-0000-5000-8000-000000000001", "bupati"),
    "cari": ("/cari?q=sulsel", None),
    "masuk": ("/masuk", None),
    "istilah": ("/istilah", None),
    "tidak-ada": ("/wilayah/99.99", None),
    "publik-indonesia": ("/", None),
    "publik-provinsi": ("/wilayah/63", None),
    "publik-kabupaten": ("/wilayah/63.10", None),
    "publik-desa": ("/wilayah/63.10.02.2002", None),
    "publik-riwayat": ("/wilayah/63.10/riwayat", None),
    "publik-monev": ("/wilayah/63.10/monev", None),
    "publik-kuota": ("/wilayah/63.10/kuota", None),
    "publik-desa-sadar": ("/wilayah/63.10/desa-sadar", None),
    "region-en": ("/wilayah/63.10?lang=en", "bupati"),
    "quota-en": ("/wilayah/63.10/kuota?lang=en", "bupati"),
    "public-en": ("/?lang=en", None),
}
"""Name of the picture → the page and who looks at it."""


async def take(site: Site, folder: Path, names: list[str]) -> None:
    """Take the pictures of these names, or all, on a phone and at a desk."""
    for name in names or PAGES:
        path, who = PAGES[name]
        for width, viewport in (("360", PHONE), ("1280", DESKTOP)):
            (folder / f"{name}-{width}.png").write_bytes(await _picture(site, path, who, viewport))


async def _picture(site: Site, path: str, who: str | None, viewport: ViewportSize) -> bytes:
    async with site.page(path, who, viewport=viewport) as page:
        taken = Image.open(io.BytesIO(await page.screenshot(full_page=True)))
    cut = taken.convert("RGB").crop((0, 0, taken.width, min(taken.height, _TALLEST)))
    out = io.BytesIO()
    cut.quantize(_COLOURS).save(out, "PNG", optimize=True)
    return out.getvalue()


async def _main(names: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with (
            fresh_servers() as servers,
            opened_site(servers.kafka.bootstrap, servers.mongodb_uri, "pages.", Path(folder)) as site,
        ):
            await take(site, _FOLDER, names)


if __name__ == "__main__":
    _FOLDER.mkdir(parents=True, exist_ok=True)
    asyncio.run(_main(sys.argv[1:]))
