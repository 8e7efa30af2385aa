"""The applications of all three services, with nothing started for them, and what a test asks of every route."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from services.coverage.app import build as build_coverage
from services.coverage.settings import CoverageSettings
from services.notifier.app import build as build_notifier
from services.notifier.settings import NotifierSettings
from services.registry.app import build as build_registry
from services.registry.settings import RegistrySettings
from tests.factories_coverage import RECORDED_AT
from tests.fakes import ManualClock
from tests.tokens import AUDIENCE, ISSUER, Issuer

EVERY_SCOPE = "facts:write identity:erase coverage:read reference:write notifier:admin"
REQUIRED = {"q": "aceh", "group": "vulnerable", "region": "11", "rule": "active-40", "official": "gubernur-aceh"}
"""A good value of each parameter that a route demands."""


@dataclass(frozen=True)
class Route:
    """One method of one path, and the query parameters that it takes, as the OpenAPI document has them."""

    service: str
    method: str
    path: str
    parameters: dict[str, dict[str, Any]]

    @property
    def query(self) -> dict[str, str]:
        """The parameters that the route demands."""
        return {name: REQUIRED[name] for name, about in self.parameters.items() if about.get("required")}

    def __str__(self) -> str:
        return f"{self.method} {self.service}{self.path}"


class Doors:
    """The three services, a client of each with a token of every scope, and their routes."""

    def __init__(self, apis: dict[str, FastAPI], token: str) -> None:
        self.apis = apis
        self.headers = {"authorization": f"Bearer {token}"}
        self._clients = {
            name: httpx.AsyncClient(
                transport=httpx.ASGITransport(api, raise_app_exceptions=False), base_url="http://test"
            )
            for name, api in apis.items()
        }

    def routes(self) -> Iterator[Route]:
        """Yield every route with a region or an id in its place."""
        for service, api in self.apis.items():
            for path, methods in api.openapi()["paths"].items():
                for method, about in methods.items():
                    query = {one["name"]: one for one in about.get("parameters", ()) if one["in"] == "query"}
                    yield Route(service, method.upper(), path.format(code="11", id="x", version="1", token="x"), query)

    async def ask(self, route: Route, query: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        """Send a request with a token and with what the route demands, besides the query given."""
        return await self._clients[route.service].request(
            route.method, route.path, params=route.query | (query or {}), headers=self.headers | headers
        )

    async def get(self, service: str, path: str, **about: Any) -> httpx.Response:
        """Get a path without a token."""
        return await self._clients[service].request(**{"method": "GET", "url": path} | about)


async def open_doors(folder: Path) -> Doors:
    """Return the three services on a day in November 2026; keys are put into the folder."""
    clock = ManualClock(RECORDED_AT)
    issuer = Issuer(clock)
    (folder / "identity.key").write_text("5e" * 32)
    common: dict[str, Any] = {
        "kafka_bootstrap": "nowhere:9",
        "mongodb_uri": "mongodb://nowhere:9",
        "jwks": await issuer.write_keys(folder / "jwks.json"),
        "token_issuer": ISSUER,
        "token_audience": AUDIENCE,
    }
    apis = {
        "registry": build_registry(RegistrySettings(identity_key_file=folder / "identity.key", **common), clock=clock),
        "coverage": build_coverage(CoverageSettings(**common), clock=clock),
        "notifier": build_notifier(NotifierSettings(ack_key_file=folder / "identity.key", **common), clock=clock),
    }
    return Doors(apis, issuer.token(scope=EVERY_SCOPE))
