"""No route shows a governor what lies finer in another province, whichever route it is."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from services.coverage.app import build
from services.coverage.settings import CoverageSettings
from tests.factories_coverage import RECORDED_AT
from tests.fakes import ManualClock
from tests.tokens import AUDIENCE, ISSUER, Issuer

NEEDED = {"group": "vulnerable", "by": "child"}
"""Parameters that some routes need, or that make them show more."""
NAMES_ONLY = {"/v1/regions", "/v1/releases"}
"""Shows names and codes, which are public."""


class World:
    """The application, which nothing was started for; its routes; a governor of Aceh (11) and a regent of 11.01."""

    def __init__(self, http: httpx.AsyncClient, routes: dict[str, set[str]], issuer: Issuer) -> None:
        self.http = http
        self.routes = routes
        self.issuer = issuer

    async def refusal(self, path: str, region: str, home: str, role: str | None = "gubernur") -> str | None:
        """Return the code of the 403 that an official of `home` gets for a route and a region; None: another answer."""
        query = {name: value for name, value in NEEDED.items() if name in self.routes[path]}
        if "region" in self.routes[path]:
            query["region"] = region
        claims: dict[str, Any] = {"role": role, "region": home or ...}
        headers = {"authorization": f"Bearer {self.issuer.token(scope='coverage:read', **claims)}"}
        answer = await self.http.get(path.replace("{code}", region), params=query, headers=headers)
        return str(answer.json()["code"]) if answer.status_code == 403 else None


@pytest.fixture(scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """Coverage on a day in November 2026."""
    clock = ManualClock(RECORDED_AT)
    issuer = Issuer(clock)
    settings = CoverageSettings(
        kafka_bootstrap="nowhere:9",
        mongodb_uri="mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=1",
        jwks=await issuer.write_keys(tmp_path_factory.mktemp("keys") / "jwks.json"),
        token_issuer=ISSUER,
        token_audience=AUDIENCE,
    )
    api = build(settings, clock=clock)
    paths = api.openapi()["paths"]
    routes = {
        path: {parameter["name"] for parameter in methods["get"].get("parameters", [])}
        for path, methods in paths.items()
        if "get" in methods and path.startswith("/v1/") and path not in NAMES_ONLY
    }
    transport = httpx.ASGITransport(api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield World(http, routes, issuer)


async def test_no_route_shows_what_is_finer_elsewhere(world: World) -> None:
    """Every route that takes a region; one that is added later is tried, too."""
    assert len(world.routes) >= 14
    for path, parameters in world.routes.items():
        assert re.search("{code}", path) or "region" in parameters, f"{path} takes no region: say what it shows"
        for region, home in (("12.01", "11"), ("11.02.01", "11.01"), ("12", "11.01")):
            assert await world.refusal(path, region, home) == "outside_your_region", path


async def test_a_role_without_a_region_opens_nothing(world: World) -> None:
    """The issuer has forgotten a claim."""
    for path in world.routes:
        assert await world.refusal(path, "11", "") == "region_missing", path


@pytest.mark.parametrize("part", ["children", "due", "quota"])
async def test_what_lies_below_a_sibling_is_not_read(world: World, part: str) -> None:
    """The neighbour's own figures are; its regencies, and its villages, are not."""
    assert await world.refusal(f"/v1/regions/{{code}}/{part}", "12", "11") == "outside_your_region"
    assert await world.refusal("/v1/reports/monev", "12", "11") == "outside_your_region"
    assert await world.refusal("/v1/stream", "12", "11") == "outside_your_region"


async def test_own_above_and_beside_are_not_refused(world: World) -> None:
    """Nothing was started, so that a route that lets the caller in is known by what it refuses next: a future day."""
    for region, home in (("11.01.02", "11"), ("12", "11"), ("ID", "11"), ("12.01", "ID"), ("11.02", "11.01")):
        headers = {"authorization": f"Bearer {world.issuer.token(scope='coverage:read', role='x', region=home)}"}
        answer = await world.http.get(f"/v1/regions/{region}/history?to=2999-01-01", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (422, "to_in_future")
