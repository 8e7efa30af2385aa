"""What one sender may take up, and what becomes of bodies that do not come whole."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable

import httpx
import pytest
from prometheus_client import CollectorRegistry

from services.registry.app import build
from services.registry.identity.hashing import Secrets
from services.registry.intake.commit import WAITING_AT_MOST, Intake
from services.registry.intake.http.bulk import create_bulk_router
from services.registry.intake.http.facts import create_router
from services.registry.intake.http.in_flight import InFlight
from services.registry.intake.metrics import IntakeMetrics
from services.registry.intake.parsing import Parser
from services.registry.settings import RegistrySettings
from shared.adapters.http_api import Bearer
from shared.regions.catalogue import catalogue
from shared.runtime.auth import TokenVerifier
from shared.runtime.clock import SystemClock
from tests.bad_facts import csv_file
from tests.factories_registry import event, raw
from tests.fakes_registry import MemoryStore
from tests.integration.registry.serving import CLOUDEVENT, Registry
from tests.integration.shared.serving import connection, sizer
from tests.serving import listening, served
from tests.tokens import AUDIENCE, ISSUER, Issuer
from tests.waiting import eventually

NDJSON = "application/x-ndjson"
LINES = b"".join(raw(id=f"f-{n}") + b"\n" for n in range(10))
BULK = (
    b"POST /v1/facts/bulk HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-ndjson\r\nAuthorization: Bearer %b\r\n"
    b"Content-Length: 100000\r\n\r\n"
)


async def test_packed_facts_are_taken_as_unpacked_ones(registry: Registry) -> None:
    """By both entrances and in both forms; the same facts as they are, are duplicates."""
    packed = {"content-encoding": "gzip"}
    single = await registry.post(gzip.compress(raw()), **packed)
    ndjson = await registry.bulk(gzip.compress(LINES), NDJSON, **packed)
    rows = csv_file(event(id="c-1"), event(id="c-2"))
    csv = await registry.bulk(gzip.compress(rows.encode()), "text/csv", **packed)
    assert (single.status_code, ndjson.json()["errors"], csv.json()["errors"]) == (202, False, False)
    again = await registry.bulk(LINES, NDJSON)
    assert {line["outcome"] for line in again.json()["results"]} == {"duplicate"}


@pytest.mark.parametrize(("path", "limit"), [("/v1/facts", 64 * 1024), ("/v1/facts/bulk", 8 * 1024 * 1024)])
async def test_the_limits_are_of_what_is_packed(registry: Registry, path: str, limit: int) -> None:
    """A few kilobytes that hold one byte too many are too large; a broken gzip has a code of its own."""
    headers = {
        "authorization": f"Bearer {registry.token}",
        "content-type": NDJSON if path.endswith("bulk") else CLOUDEVENT["content-type"],
        "content-encoding": "gzip",
    }
    bomb = await registry.http.post(path, content=gzip.compress(b" " * (limit + 1)), headers=headers)
    broken = await registry.http.post(path, content=gzip.compress(raw())[:-1], headers=headers)
    other = await registry.http.post(path, content=raw(), headers=headers | {"content-encoding": "br"})
    assert [(answer.status_code, answer.json()["code"]) for answer in (bomb, broken, other)] == [
        (413, "too_large"),
        (422, "malformed_encoding"),
        (415, "unsupported_encoding"),
    ]


async def test_of_a_body_that_stops_half_way_nothing_is_taken(settings: RegistrySettings, issuer: Issuer) -> None:
    """Not even its complete lines: the sender has had no answer, and sends all of it again."""
    token = issuer.token()
    async with listening(build(settings)) as url, httpx.AsyncClient(base_url=url, timeout=30) as http:
        for _ in range(3):
            async with connection(url) as cut:
                await cut.say(BULK % token.encode() + LINES)
        headers = {"authorization": f"Bearer {token}", "content-type": NDJSON}
        answer = await http.post("/v1/facts/bulk", content=LINES, headers=headers)
    assert {line["outcome"] for line in answer.json()["results"]} == {"accepted"}


async def test_one_sender_cannot_take_everybodys_place(settings: RegistrySettings, issuer: Issuer) -> None:
    """With a bulk under way that counts as a thousand the thousand-and-first waits; another sender does not, and once
    the bulk is gone nor does the first.
    """
    settings.facts_in_flight_per_caller = 1000
    greedy, other = issuer.token(sub="greedy"), issuer.token(sub="other")
    async with listening(build(settings)) as url, httpx.AsyncClient(base_url=url, timeout=30) as http:

        async def post(token: str) -> httpx.Response:
            headers = CLOUDEVENT | {"authorization": f"Bearer {token}"}
            return await http.post("/v1/facts", content=raw(), headers=headers)

        async with connection(url) as slow:
            await slow.say(BULK % greedy.encode() + LINES)
            refused = await eventually(lambda: answered(post(greedy), 429))
            assert (refused.json()["code"], refused.headers["retry-after"]) == ("too_many_in_flight", "1")
            assert (await post(other)).status_code == 202
        assert (await eventually(lambda: answered(post(greedy), 200))).json()["outcome"] == "duplicate"


async def answered(asked: Awaitable[httpx.Response], status: int) -> httpx.Response:
    """Return the answer, which must have this status."""
    answer = await asked
    assert answer.status_code == status
    return answer


async def test_where_too_many_wait_the_sender_is_told_to_come_back(issuer: Issuer) -> None:
    """503 with Retry-After, by the single entrance; by bulk each line that was not stored says so."""
    clock, secrets = SystemClock(), Secrets.derive(b"s" * 32)
    metrics, parser = IntakeMetrics(CollectorRegistry()), Parser(catalogue(), secrets.content)
    intake = Intake(MemoryStore(), secrets, clock, metrics)
    verifier = TokenVerifier(issuer.keys, ISSUER, AUDIENCE, clock)
    api = sizer()
    for create in (create_router, create_bulk_router):
        api.include_router(
            create(parser=parser, intake=intake, bearer=Bearer(verifier), clock=clock, metrics=metrics,
                   in_flight=InFlight(8000))
        )  # fmt: skip
    candidate = parser.parse(raw(), clock.now())
    waiting = asyncio.gather(*(intake.put(candidate) for _ in range(WAITING_AT_MOST)))
    await asyncio.sleep(0)
    async with served(api) as http:
        registry = Registry(http, issuer.token(), "", "")
        single, bulk = await registry.post(raw()), await registry.bulk(LINES, NDJSON)
    waiting.cancel()
    assert (single.status_code, single.json()["code"], single.headers["retry-after"]) == (503, "unavailable", "1")
    assert {(line["outcome"], line["code"]) for line in bulk.json()["results"]} == {("not_stored", "unavailable")}
