"""Signing in by a provider, by a ready token, and out."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from services.coverage.app import build
from services.coverage.pages.http.session import COOKIE
from services.coverage.pages.http.sign_in import SignIn, callback_under
from services.coverage.pages.oidc import OidcClient
from services.coverage.settings import CoverageSettings
from shared.runtime.errors import PermanentError
from tests.oidc_provider import CLIENT, SECRET, Provider, provider
from tests.pages_world import BASE, PagesWorld, pages_world
from tests.tokens import ISSUER

OFFICIAL = {"sub": "ani", "role": "bupati", "region": "63.10", "scope": "coverage:read alerts:ack", "iss": ISSUER}


class Browser:
    """Keeps cookies as a browser does, and follows nothing."""

    def __init__(self, world: PagesWorld) -> None:
        self.world = world
        self.cookies: dict[str, str] = {}
        self.last: httpx.Response | None = None

    async def ask(self, method: str, path: str, **form: str) -> httpx.Response:
        """Ask with the cookies; a form is sent from our own page."""
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"accept": "text/html", **({"cookie": cookie} if cookie else {}), "origin": BASE}
        about: dict[str, Any] = {"data": form} if method == "POST" else {}
        self.last = await self.world.http.request(method, path, headers=headers, **about)
        for line in self.last.headers.get_list("set-cookie"):
            assert all(part in line for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/")), line
            for name, kept in SimpleCookie(line).items():
                assert name.startswith("__Host-")
                self.cookies.pop(name, None)
                if kept.value:
                    self.cookies[name] = kept.value
        return self.last

    def proof(self) -> str:
        """Return the proof in the page that was loaded last."""
        assert self.last is not None
        found = re.search(r'name="bukti" value="([^"]+)"', self.last.text)
        assert found is not None
        return found[1]


@pytest.fixture(scope="module")
async def signing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[PagesWorld, Provider]]:
    """The pages with a provider and a folder of ready tokens."""
    folder: Path = tmp_path_factory.mktemp("tokens")
    ways = SignIn()
    async with pages_world(sign_in=ways) as world, provider(world.issuer, **OFFICIAL) as running:
        (folder / "operator.jwt").write_text(world.token())
        (folder / "upstream.jwt").write_text(world.token(scope="facts:write"))
        (folder / "broken.jwt").write_text("x.y.z")
        client = OidcClient(running.address, CLIENT, SECRET, callback_under(BASE), world.clock)
        object.__setattr__(ways, "oidc", client)
        object.__setattr__(ways, "ready_tokens", folder)
        yield world, running


async def come_back(browser: Browser, then: str = "/wilayah/63.10") -> httpx.Response:
    """Begin at our page, sign in at the provider, and return our answer to what it sent back."""
    started = await browser.ask("GET", f"/masuk/mulai?ke={quote(then)}")
    assert started.status_code == 303
    async with httpx.AsyncClient() as http:
        answered = await http.get(started.headers["location"])
    back = answered.headers["location"]
    assert back.startswith(f"{BASE}/masuk/kembali?code=")
    return await browser.ask("GET", back)


async def test_an_official_signs_in_by_the_provider(signing: tuple[PagesWorld, Provider]) -> None:
    """And opens the page that was asked for, in full; then signs out."""
    browser = Browser(signing[0])
    response = await come_back(browser)
    assert (response.status_code, response.headers["location"]) == (303, "/wilayah/63.10")
    assert list(browser.cookies) == [COOKIE]
    page = await browser.ask("GET", "/wilayah/63.10")
    assert "ani, bupati/wali kota · Kabupaten Tanah Bumbu" in page.text
    left = await browser.ask("POST", "/keluar", bukti=browser.proof())
    assert (left.status_code, browser.cookies) == (303, {})


@pytest.mark.parametrize(
    "changes",
    [
        {"answer": {"state": "another"}},
        {"answer": {"code": "another"}},
        {"answer": {"iss": "https://evil.example"}},
        {"id_token": {"nonce": "another"}},
        {"id_token": {"aud": "another"}},
        {"id_token": {"iss": "https://evil.example"}},
        {"id_token": {"exp": 1}},
        {"about": {"issuer": "https://evil.example"}},
    ],
)
async def test_an_answer_that_is_not_of_this_attempt_is_refused(
    signing: tuple[PagesWorld, Provider], changes: dict[str, Any]
) -> None:
    """Another state, code, provider, nonce, audience or time: nobody is signed in."""
    world, running = signing
    browser = Browser(world)
    if "about" in changes:
        running.changes = changes
        assert (await browser.ask("GET", "/masuk/mulai")).status_code == 403
    else:
        running.changes = changes
        response = await come_back(browser)
        assert response.status_code == 403
        assert "Tidak berhasil masuk" in response.text
    running.changes = {}
    assert COOKIE not in browser.cookies


async def test_a_stolen_code_is_of_no_use_in_another_browser(signing: tuple[PagesWorld, Provider]) -> None:
    """Without the verifier in its cookie the code cannot be redeemed."""
    world, _ = signing
    started = await Browser(world).ask("GET", "/masuk/mulai")
    async with httpx.AsyncClient() as http:
        back = (await http.get(started.headers["location"])).headers["location"]
    thief = Browser(world)
    assert (await thief.ask("GET", back)).status_code == 403
    await thief.ask("GET", "/masuk/mulai")
    assert (await thief.ask("GET", back)).status_code == 403
    assert COOKIE not in thief.cookies


async def test_a_token_that_the_api_refuses_signs_nobody_in(signing: tuple[PagesWorld, Provider]) -> None:
    """The provider's own check is not ours."""
    world, running = signing
    running.claims = OFFICIAL | {"aud": "another"}
    browser = Browser(world)
    response = await come_back(browser)
    running.claims = OFFICIAL
    assert response.status_code == 401
    assert COOKIE not in browser.cookies


async def test_a_ready_token_is_taken_from_the_page_of_a_local_stack(signing: tuple[PagesWorld, Provider]) -> None:
    """Those with which pages can be read, by a form of ours alone."""
    browser = Browser(signing[0])
    page = await browser.ask("GET", "/masuk?ke=/wilayah/63")
    assert re.findall(r'name="nama" value="(\w+)"', page.text) == ["operator"]
    proof = browser.proof()
    assert (await browser.ask("POST", "/masuk", nama="operator", ke="/wilayah/63")).status_code == 403
    assert (await browser.ask("POST", "/masuk", nama="upstream", ke="/", bukti=proof)).status_code == 403
    response = await browser.ask("POST", "/masuk", nama="operator", ke="/wilayah/63", bukti=proof)
    assert (response.status_code, response.headers["location"]) == (303, "/wilayah/63")
    assert list(browser.cookies) == [COOKIE]


@pytest.mark.parametrize("then", ["//evil.example", "https://evil.example", "/\\evil.example", "evil"])
async def test_signing_in_leads_to_no_other_site(signing: tuple[PagesWorld, Provider], then: str) -> None:
    """Such an address becomes the first page."""
    response = await come_back(Browser(signing[0]), then)
    assert response.headers["location"] == "/"


async def test_a_provider_that_is_away_is_told(world: PagesWorld) -> None:
    """503 with a page; without any way to sign in the page says so."""
    client = OidcClient("http://127.0.0.1:1", CLIENT, None, callback_under(BASE), world.clock)
    async with pages_world(sign_in=SignIn(client)) as away:
        assert (await Browser(away).ask("GET", "/masuk/mulai")).status_code == 503
    assert "belum ada cara masuk" in await world.page("/masuk")
    assert (await Browser(world).ask("GET", "/masuk/mulai")).status_code == 404


def test_tokens_are_given_away_on_this_machine_alone(tmp_path: Path) -> None:
    """With an address that others reach, coverage does not start."""
    settings = CoverageSettings(kafka_bootstrap="nowhere:9", ready_tokens=tmp_path, public_url="https://cakupan.go.id")
    with pytest.raises(PermanentError, match="COVERAGE_READY_TOKENS"):
        build(settings)
