"""The pages on real Kafka and MongoDB: each is there for an official and for the public, with what the API counts."""

from __future__ import annotations

import re

import httpx
import pytest

from services.coverage.pages.http.session import COOKIE
from tests.factories_coverage import VILLAGE
from tests.integration.coverage.stack import Replica, Stack
from tests.integration.coverage.test_http import put
from tests.integration.coverage.test_releases import LATER, OCTOBER, counted, release
from tests.serving import listening

MONEV = f"/monev?as_of={OCTOBER}&known_at=2026-11-20"
PARTS = ["", "/kuota", "/desa-sadar", "/akan-nonaktif", "/riwayat", MONEV, "/asal-angka"]
POTENTIAL = "region,basis,valid_from,value,source,definition\n11,workers,2023-09-01,200,bps,all who work\n"
QUOTA = (
    f"region,group,measure,count,kinds,valid_from,source\n{VILLAGE},vulnerable,active,5,desa,2023-01-01,tanah-bumbu\n"
)


async def page(replica: Replica, path: str, token: str | None = None) -> httpx.Response:
    """Ask as a browser."""
    headers = {"accept": "text/html"} | ({"cookie": f"{COOKIE}={token}"} if token else {})
    return await replica.http.get(path, headers=headers)


async def test_each_page_shows_what_was_counted(stack: Stack, replica: Replica) -> None:
    """Live to an official, as in the release to all others; in both languages; a page of a release stays as it is."""
    await counted(stack, replica)
    await put(replica, POTENTIAL)
    answer = await replica.http.put("/v1/quotas", content=QUOTA, headers=replica.headers | {"content-type": "text/csv"})
    assert answer.status_code == 200, answer.text
    await release(stack)
    token = stack.issuer.token(scope="coverage:read", sub="gubernur", role="gubernur", region="11")
    for region in ("11", "11.01", "11.01.02", VILLAGE):
        for part in PARTS:
            for language in ("id", "en"):
                address = f"/wilayah/{region}{part}{'&' if '?' in part else '?'}lang={language}"
                shown = await page(replica, address, token)
                assert shown.status_code == 200, (region, part, shown.text)
                assert shown.headers["cache-control"] == "private, no-store"
                assert f'<html lang="{language}">' in shown.text
    official = (await page(replica, "/wilayah/11", token)).text
    assert re.search(r'class="big">73</p>\s*<p>36,50% dari 200 potensi pekerja', official)
    assert "gubernur" in official
    public = await page(replica, f"/wilayah/11?as_of={OCTOBER}")
    assert re.search(r'class="big">73</p>', public.text)
    assert public.headers["cache-control"].endswith("immutable")
    assert (await page(replica, f"/wilayah/11?as_of={OCTOBER}")).content == public.content
    hidden = (await page(replica, f"/wilayah/{VILLAGE}")).text
    assert 'class="big"><span class="hid">Disamarkan' in hidden
    for path in ("/", "/wilayah/11/riwayat", "/wilayah/11/monev", "/wilayah/11/asal-angka", "/cari?q=aceh", "/masuk"):
        assert (await page(replica, path)).status_code == 200


async def test_a_page_changes_while_it_is_open(stack: Stack, replica: Replica) -> None:
    """A change on the topic comes as the next event of the page's stream, over a real connection."""
    await counted(stack, replica)
    token = stack.issuer.token(scope="coverage:read")
    async with (
        listening(stack.api("coverage-1")) as address,
        httpx.AsyncClient(base_url=address, headers={"cookie": f"{COOKIE}={token}"}, timeout=30) as browser,
        browser.stream("GET", "/langsung?region=11") as stream,
    ):
        assert stream.status_code == 200
        lines = stream.aiter_lines()
        async for line in lines:
            if 'class="big">73<' in line:
                break
        await stack.publish(LATER)
        async for line in lines:
            if 'class="big">78<' in line:
                break
        else:
            pytest.fail("the stream ended before the change came")


async def test_a_program_gets_problems_and_a_browser_pages(replica: Replica) -> None:
    """Of the same application; the API takes no cookie."""
    missing = await replica.http.get("/nothing")
    assert missing.headers["content-type"] == "application/problem+json"
    assert "text/html" in (await page(replica, "/nothing")).headers["content-type"]
    token = replica.headers["authorization"].removeprefix("Bearer ")
    refused = await replica.http.get("/v1/stream?region=11", headers={"cookie": f"{COOKIE}={token}"})
    assert refused.status_code == 401
