"""Every refusal of coverage's read API, each before a server is asked for anything."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from services.coverage.app import build
from services.coverage.settings import CoverageSettings
from shared.adapters.paging import cursor_in
from tests.factories_coverage import RECORDED_AT, VILLAGE
from tests.fakes import ManualClock
from tests.tokens import AUDIENCE, ISSUER, Issuer

FULL, OTHER = "coverage:read", "facts:write"
REGIONS = "/v1/regions"


class Api:
    """The application, which nothing was started for, and tokens for it."""

    def __init__(self, http: httpx.AsyncClient, issuer: Issuer) -> None:
        self._http = http
        self._issuer = issuer

    async def get(self, path: str, scope: str | None) -> httpx.Response:
        """Ask with a token of this scope, or without one."""
        headers = {"authorization": f"Bearer {self._issuer.token(scope=scope)}"} if scope else {}
        return await self._http.get(path, headers=headers)


@pytest.fixture(scope="module")
async def api(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Api]:
    """Coverage's application on a day in November 2026."""
    clock = ManualClock(RECORDED_AT)
    issuer = Issuer(clock)
    settings = CoverageSettings(
        kafka_bootstrap="nowhere:9",
        mongodb_uri="mongodb://nowhere:9",
        jwks=await issuer.write_keys(tmp_path_factory.mktemp("keys") / "jwks.json"),
        token_issuer=ISSUER,
        token_audience=AUDIENCE,
    )
    transport = httpx.ASGITransport(build(settings, clock=clock), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        yield Api(http, issuer)


REFUSED: list[tuple[str, str | None, int, str]] = [
    # Who may not see it. Without a token there are releases alone.
    *[(f"{REGIONS}/11/{part}", None, 401, "unauthorised") for part in ("history", "flows", "due", "provenance")],
    (f"{REGIONS}/11/quota?group=vulnerable", None, 401, "unauthorised"),
    (f"{REGIONS}/11/history", OTHER, 403, "scope_missing"),
    (f"{REGIONS}/11.01.02/provenance", OTHER, 403, "scope_missing"),
    (f"{REGIONS}/11/children?sort=-short", None, 401, "unauthorised"),
    (f"{REGIONS}/11/children?sort=due", None, 401, "unauthorised"),
    (f"{REGIONS}/11/children?filter=below_target", None, 401, "unauthorised"),
    (f"{REGIONS}/{VILLAGE}?known_at=2026-01-31", OTHER, 403, "scope_missing"),
    (f"{REGIONS}/{VILLAGE}?known_at=2026-01-31", None, 401, "unauthorised"),
    (f"{REGIONS}/{VILLAGE}?as_of=2026-01-31&known_at=2026-02-01", None, 401, "unauthorised"),
    ("/v1/reports/monev?region=11&known_at=2023-06-29", None, 401, "unauthorised"),
    ("/v1/stream?region=ID", None, 401, "unauthorised"),
    ("/v1/stream?region=11", OTHER, 403, "scope_missing"),
    # Which release.
    (f"{REGIONS}/11.01?as_of=2026-01-30", None, 404, "no_release"),
    (f"{REGIONS}/11.01?as_of=2999-01-01", None, 404, "no_release"),
    (f"{REGIONS}/11.01/children?as_of=2026-01-01", None, 404, "no_release"),
    ("/v1/reports/monev?region=11.01.01&as_of=2023-06-29", None, 404, "no_release"),
    # Which region.
    (f"{REGIONS}/99", None, 404, "unknown_region"),
    (f"{REGIONS}/1101", None, 404, "unknown_region"),
    (f"{REGIONS}/11.01.02.9999", FULL, 404, "unknown_region"),
    ("/v1/reports/monev?region=99", None, 404, "unknown_region"),
    ("/v1/stream?region=99", FULL, 404, "unknown_region"),
    (f"{REGIONS}/91.07.01.1059", None, 404, "ambiguous_region"),
    (f"{REGIONS}/91.01", None, 301, "retired_region"),
    # Which day.
    (f"{REGIONS}/11?as_of=2999-01-01", FULL, 422, "as_of_in_future"),
    (f"{REGIONS}/11/children?known_at=2999-01-01", FULL, 422, "known_at_in_future"),
    ("/v1/reports/monev?region=11&as_of=2999-01-01", FULL, 422, "as_of_in_future"),
    ("/v1/reports/monev?region=11&known_at=2999-01-01", FULL, 422, "known_at_in_future"),
    (f"{REGIONS}/11/flows?to=2023-01-02&as_of=2023-01-01", FULL, 422, "to_in_future"),
    (f"{REGIONS}/11/history?to=2999-01-01", FULL, 422, "to_in_future"),
    (f"{REGIONS}/11/history?from=2023-01-02&to=2023-01-01", FULL, 422, "from_after_to"),
    (f"{REGIONS}/11/history?from=2020-01-01&to=2023-01-01", FULL, 422, "too_many_points"),
    (f"{REGIONS}/11/history?from=0001-01-01&step=month", FULL, 422, "too_many_points"),
    (f"{REGIONS}/11/due?as_of=2023-01-01", FULL, 422, "not_known_of_the_past"),
    # Which part of it.
    (f"{REGIONS}/11/history?step=week", FULL, 422, "malformed_request"),
    (f"{REGIONS}/11/due?days=367", FULL, 422, "malformed_request"),
    (f"{REGIONS}/11/quota", FULL, 422, "malformed_request"),
    (f"{REGIONS}/11/quota?group=farmers", FULL, 422, "malformed_request"),
    (f"{REGIONS}/11/quota?group=vulnerable&cursor={cursor_in('quota non_asn', 'x')}", FULL, 422, "other_cursor"),
    (f"{REGIONS}/11/children?cursor={cursor_in('12 code', ['12.01'])}", FULL, 422, "other_cursor"),
    (f"{REGIONS}/11/children?cursor={cursor_in('11 code', ['12.01'])}", FULL, 422, "malformed_cursor"),
    ("/v1/reports/monev?region=11&format=pdf", None, 422, "malformed_request"),
]


@pytest.mark.parametrize(("path", "scope", "status", "code"), REFUSED)
async def test_a_refusal_has_a_status_and_a_code(
    api: Api, path: str, scope: str | None, status: int, code: str
) -> None:
    """As a problem of RFC 9457; a day of the future is named with its field."""
    response = await api.get(path, scope)
    problem = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert (response.status_code, problem["code"]) == (status, code)
    if code.endswith("in_future"):
        assert problem["field"] == code.removesuffix("_in_future")
    if code == "no_release":
        assert "/v1/releases" in problem["detail"]


async def test_a_retired_code_leads_to_its_successor(api: Api) -> None:
    """With the query as it was; if there are several, all are named."""
    moved = await api.get(f"{REGIONS}/91.01/flows?to=2023%2D06-01", FULL)
    assert moved.headers["location"] == f"{REGIONS}/93.01/flows?to=2023%2D06-01"
    several = await api.get(f"{REGIONS}/91.07.01.1059", None)
    assert several.json()["candidates"] == ["94.02.01.1010", "94.02.01.2002"]
