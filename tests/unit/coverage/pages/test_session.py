"""The token in a cookie, and forms of our own pages alone."""

from __future__ import annotations

import gzip
import hashlib
from datetime import timedelta
from importlib import resources

import pytest
from fastapi import Request
from starlette.types import Scope

from services.coverage.pages.http.session import (
    COOKIE,
    FORM_FIELD,
    demand_own_form,
    form_token,
    has_token,
    origin_of,
)
from shared.adapters.http_problem import Problem
from shared.adapters.http_shares import Door
from tests.pages_world import BASE, OCTOBER, REGENCY, PagesWorld

GUEST = "__Host-cakupan-tamu=secret"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def request(path: str = "/", **headers: str) -> Request:
    """Return a request with these headers."""
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "path": path, "headers": raw})


def scope_of(**headers: str) -> Scope:
    """Return the scope of a GET of the first page."""
    asked: Scope = {"query_string": b"", "scheme": "http", "method": "GET", "server": ("pages.test", 80)}
    return {**request(**headers).scope, **asked}


def test_a_form_of_ours_passes_and_each_proof_is_new() -> None:
    """Its token differs each time; it holds for the session it was made for, sent from our pages."""
    assert form_token("secret") != form_token("secret")
    ours = request(cookie=GUEST, origin="https://cakupan.go.id")
    demand_own_form(ours, "https://cakupan.go.id/base", form_token("secret"))
    assert origin_of("https://cakupan.go.id:8443/base/x") == "https://cakupan.go.id:8443"


@pytest.mark.parametrize(
    ("headers", "proof", "code"),
    [
        (
            {"cookie": GUEST, "origin": "https://evil.example"},
            form_token("secret"),
            "other_origin",
        ),
        ({"cookie": GUEST}, form_token("secret"), "other_origin"),
        ({"cookie": GUEST, "origin": BASE}, form_token("another"), "stale_form"),
        ({"cookie": GUEST, "origin": BASE}, "", "stale_form"),
        ({"cookie": GUEST, "origin": BASE}, "\u2603.\u2603", "stale_form"),
        ({"origin": BASE}, form_token("secret"), "stale_form"),
    ],
    ids=["another site", "no site", "another session", "no proof", "made up", "no cookie"],
)
def test_any_other_form_is_refused(headers: dict[str, str], proof: str, code: str) -> None:
    """Of another site, of no site, of another session, or made up."""
    with pytest.raises(Problem) as refused:
        demand_own_form(request(**headers), BASE, proof)
    assert (refused.value.status, refused.value.code) == (403, code)


@pytest.mark.parametrize(
    ("path", "headers", "counts"),
    [
        ("/", {"cookie": f"{COOKIE}=x"}, True),
        ("/v1/regions/11", {"cookie": f"{COOKIE}=x"}, False),
        ("/v1/regions/11", {"authorization": "Bearer x"}, True),
        ("/aset/halaman.css", {"cookie": f"{COOKIE}=x"}, False),
        ("/", {}, False),
    ],
)
def test_a_cookie_counts_as_a_token_on_pages_alone(path: str, headers: dict[str, str], counts: bool) -> None:
    """Else a made-up cookie would take requests to the API out of the public's share."""
    scope: Scope = request(path, **headers).scope
    assert has_token(scope) == counts


async def test_every_page_has_its_headers(world: PagesWorld) -> None:
    """Public pages are kept as long as their figures hold, private ones by nobody; nothing else is loaded or framed."""
    token = world.token()
    for path, who, kept in (
        ("/", None, "public, max-age=300"),
        (f"/?as_of={OCTOBER}", None, "public, max-age=31536000, immutable"),
        ("/", token, "private, no-store"),
        ("/cari", token, "private, no-store"),
        ("/cari", None, "public, max-age=300"),
        ("/masuk", None, "private, no-store"),
        (f"/wilayah/{REGENCY}/akan-nonaktif", None, "no-store"),
        (f"/wilayah/{REGENCY}/kuota?as_of={OCTOBER}", None, "public, max-age=31536000, immutable"),
    ):
        headers = (await world.get(path, who)).headers
        assert headers["cache-control"] == kept, path
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert "Cookie" in headers["vary"]


async def test_a_page_of_a_release_is_the_same_bytes_and_is_not_sent_twice(world: PagesWorld) -> None:
    """A strong ETag; a reader who holds it gets 304; the form's token is on no public page."""
    path = f"/wilayah/{REGENCY}?as_of={OCTOBER}"
    one, other = await world.get(path), await world.get(path)
    assert one.content == other.content
    assert one.headers["etag"].startswith('"')
    held = await world.get(path, None, **{"if-none-match": one.headers["etag"]})
    assert (held.status_code, held.content) == (304, b"")
    assert FORM_FIELD not in one.text


async def test_no_page_has_styles_or_scripts_of_its_own(world: PagesWorld) -> None:
    """The policy forbids them; and the first visit fits: page, style, script and icon in 60 KB packed."""
    page = await world.page("/", world.token())
    assert " style=" not in page
    assert "hx-on" not in page
    assert page.count("<script") == 1
    sizes = []
    for address in {part.split('"')[0] for part in page.split('="') if part.startswith("/aset/")}:
        file = await world.get(address)
        assert file.headers["cache-control"] == "public, max-age=31536000, immutable"
        sizes.append(len(gzip.compress(file.content)))
        if address.endswith(".js"):
            assert sizes[-1] <= 22 * 1024
    assert len(sizes) == 3
    assert sum(sizes) + len(gzip.compress(page.encode())) <= 60 * 1024


async def test_an_older_page_still_finds_its_files(world: PagesWorld) -> None:
    """A page that is kept for good names a file's older hash: it gets the present one, kept shortly; others none."""
    old = await world.get("/aset/halaman.000000000000.css")
    assert (old.status_code, old.headers["cache-control"]) == (200, "public, max-age=300")
    assert (await world.get("/aset/other.000000000000.css")).status_code == 404


async def test_a_browser_that_is_refused_at_the_door_gets_a_page(world: PagesWorld) -> None:
    """A program gets the problem; both are told when to come back."""
    problem = Problem(429, "too_many_at_once", "wait", headers={"Retry-After": "1"})
    door: Door = world.api.state.door
    page = door.refusal(scope_of(accept="text/html"), problem)
    assert (page.status_code, page.media_type) == (429, "text/html; charset=utf-8")
    assert b"Terlalu banyak permintaan" in page.body
    assert b"Coba lagi dalam 1 detik." in page.body
    assert door.refusal(scope_of(), problem).media_type == "application/problem+json"


async def test_a_token_that_has_expired_leaves_the_browser(world: PagesWorld) -> None:
    """The reader is told to sign in; without the cookie the next page is the public one."""
    token = world.token(valid_for=timedelta(minutes=-5))
    response = await world.get("/", token)
    assert response.status_code == 401
    assert f'{COOKIE}=""' in response.headers["set-cookie"]
    assert "Silakan masuk" in response.text


def test_vendored_scripts_are_those_that_were_published() -> None:
    """By the digests of the files in npm's package."""
    folder = resources.files("services.coverage.pages") / "static" / "vendor"
    listed = [line.split() for line in (folder / "SHA256").read_text().splitlines()]
    assert len(listed) == 2
    for digest, name in listed:
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
