"""An official reads the alerts of the own region and below."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from services.notifier.adapters.http_api import create_router
from services.notifier.application.alerts import Alert
from shared.adapters.http_api import Bearer
from shared.adapters.http_problem import Problem
from shared.regions.catalogue import catalogue
from shared.regions.successors import Homes, table
from shared.runtime.auth import TokenVerifier
from tests.factories_notifier import NOW, rule, snapshot
from tests.fakes import ManualClock
from tests.tokens import AUDIENCE, ISSUER, Issuer

HOMES = Homes(catalogue(), table())


@dataclass
class Store:
    """Holds one alert, of regency 12.01, and the regions that it was asked for."""

    asked: list[str] = field(default_factory=list)

    async def alert(self, _id: str) -> Alert:
        """Return the alert."""
        return Alert(rule(), snapshot(6_844, region="12.01", level="regency"), 1, NOW)

    async def alerts(self, region: str, *_: object) -> list[Alert]:
        """Note the region."""
        self.asked.append(region)
        return []

    async def transitions(self, _alert: Alert) -> list[Any]:
        """Return none."""
        return []

    async def deliveries_of(self, _alert: str) -> list[Any]:
        """Return none."""
        return []


class World:
    """The routes over that store, and tokens."""

    def __init__(self, http: httpx.AsyncClient, store: Store, issuer: Issuer) -> None:
        self.http = http
        self.store = store
        self.issuer = issuer

    async def get(self, path: str, home: str) -> httpx.Response:
        """Ask as a governor or ministry of this region."""
        headers = {"authorization": f"Bearer {self.issuer.token(scope='coverage:read', role='x', region=home)}"}
        return await self.http.get(path, headers=headers)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A world of this test's own."""
    clock, store = ManualClock(), Store()
    issuer, api = Issuer(clock), FastAPI()

    async def refuse(_request: Request, problem: Problem) -> Response:
        return problem.response()

    api.add_exception_handler(Problem, refuse)  # type: ignore[arg-type]
    bearer = Bearer(TokenVerifier(issuer.keys, ISSUER, AUDIENCE, clock))
    api.include_router(create_router(store=store, rules={}, homes=HOMES, bearer=bearer))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://test") as http:
        yield World(http, store, issuer)


async def test_an_official_lists_the_own_region_and_below(world: World) -> None:
    """By default all of it; the neighbour's, and the nation's list of all, are refused."""
    answers = [await world.get(path, "11") for path in ("/v1/alerts", "/v1/alerts?region=11.01")]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert world.store.asked == ["11", "11.01"]
    for region in ("12", "12.01", "ID"):
        refused = await world.get(f"/v1/alerts?region={region}", "11")
        assert (refused.status_code, refused.json()["code"]) == (403, "outside_your_region")
    assert (await world.get("/v1/alerts", "ID")).status_code == 200
    assert world.store.asked[2:] == ["ID"]


async def test_an_alert_of_another_region_is_refused(world: World) -> None:
    """Whoever has its id, from a forwarded message, for example."""
    assert [(await world.get("/v1/alerts/a", home)).status_code for home in ("12", "12.01", "ID", "11")] == [
        200, 200, 200, 403,
    ]  # fmt: skip
