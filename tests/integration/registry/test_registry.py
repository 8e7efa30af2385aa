"""The registry on real Kafka and MongoDB."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from services.registry.app import build
from services.registry.settings import RegistrySettings
from shared.contracts import topics
from shared.contracts.changes import Kind
from tests.factories_registry import NIK, VILLAGE, event, raw
from tests.integration.registry.serving import CLOUDEVENT, Registry, make_topics
from tests.serving import OPERATORS, served
from tests.tokens import Issuer
from tests.waiting import eventually


async def test_an_accepted_fact_is_published_as_its_change(registry: Registry) -> None:
    """With number 0 in the partition of its regency, and nothing of the person."""
    answer = await registry.post(raw(data={"paid_through": "2026-12", "groups": ["vulnerable"]}))
    assert (answer.status_code, answer.json()["outcome"]) == (202, "accepted")
    (change,) = await registry.published(1)
    assert (change.seq, change.diff, change.kind, change.source) == (0, 1, Kind.JOINED, "bpjs/aceh")
    assert change.before is None
    assert change.after is not None
    assert (change.after.region, change.after.active, change.after.groups) == (VILLAGE, True, ("vulnerable",))
    assert NIK not in repr(change)


async def test_the_same_fact_in_two_sources_is_one_person(registry: Registry) -> None:
    """Five times the same, then by another source: one change, then a second person's."""
    answers = [(await registry.post(raw())).status_code for _ in range(5)]
    answers.append((await registry.post(raw(source="dinas/aceh"))).status_code)
    second = {"identity": {"scheme": "passport", "value": "A1234567"}}
    answers.append((await registry.post(raw(id="f-2", data=second))).status_code)
    assert answers == [202, 200, 200, 200, 200, 202, 202]
    changes = await registry.published(2)
    assert [(change.seq, change.kind) for change in changes] == [(0, Kind.JOINED), (1, Kind.JOINED)]
    assert changes[0].change_id != changes[1].change_id


async def test_a_binary_event_is_the_same_fact_as_the_structured_one(registry: Registry) -> None:
    """Attributes in ce- headers, percent-encoded, data in the body."""
    document = event()
    await registry.post(raw())
    headers = {f"ce-{name}": value for name, value in document.items() if isinstance(value, str)}
    headers["ce-source"] = "bpjs%2Faceh"
    answer = await registry.post(
        msgspec.json.encode(document["data"]), **headers, **{"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()) == (200, {"outcome": "duplicate", "source": "bpjs/aceh", "id": "f-1"})


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"authorization": "Basic abc"}, raw(), 401, "unauthorised"),
        ({"authorization": "Bearer abc"}, raw(), 401, "unauthorised"),
        ({}, raw(source="bpjs/kalsel"), 403, "source_not_allowed"),
        ({"content-type": "text/plain"}, raw(), 415, "unsupported_media_type"),
        ({}, b"x" * (64 * 1024 + 1), 413, "too_large"),
        ({}, b'{"a"', 422, "malformed_json"),
        ({}, raw(data={"region": "99.01"}), 422, "unknown_region"),
    ],
)
async def test_what_is_not_taken_gets_its_status_and_a_problem(
    lasting_registry: Registry, headers: dict[str, str], body: bytes, status: int, code: str
) -> None:
    """As application/problem+json, with a detail that says what to do."""
    answer = await lasting_registry.post(body, **headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


async def test_no_token_and_a_token_without_the_scope_are_told_apart(registry: Registry, issuer: Issuer) -> None:
    """401 asks for a token, 403 for another one."""
    nobody = await registry.http.post("/v1/facts", content=raw(), headers=CLOUDEVENT)
    assert (nobody.status_code, nobody.headers["www-authenticate"]) == (401, 'Bearer realm="cakupan"')
    reader = issuer.token(scope="coverage:read")
    answer = await registry.post(raw(), authorization=f"Bearer {reader}")
    assert (answer.status_code, answer.json()["code"]) == (403, "scope_missing")


async def test_facts_are_taken_while_kafka_is_away_and_published_after(
    settings: RegistrySettings, issuer: Issuer
) -> None:
    """The intake does not need Kafka; readiness says what waits; after a restart with Kafka all is published."""
    token, changes = issuer.token(), topics.CHANGES.under(settings.namespace)
    await make_topics(settings)
    async with served(build(settings.model_copy(update={"kafka_bootstrap": "127.0.0.1:1"}))) as http:
        registry = Registry(http, token, changes.name, settings.kafka_bootstrap)
        assert (await registry.post(raw())).status_code == 202
        paid = raw(id="f-2", time="2026-10-01", data={"paid_through": "2026-12"})
        assert (await registry.post(paid)).status_code == 202

        async def waits() -> bool:
            ready = await http.get(f"http://{OPERATORS}/health/ready")
            return ready.status_code == 503 and "Kafka" in ready.json()["checks"]["relay"]

        await eventually(waits)
        assert (await http.get("/health/live")).status_code == 200
    async with served(build(settings)):
        kinds = [change.kind for change in await registry.published(2)]
    assert kinds == [Kind.JOINED, Kind.ACTIVATED]


async def test_its_documents_describe_what_it_takes_and_sends(registry: Registry) -> None:
    """OpenAPI with the fact's shapes, AsyncAPI with the change, both without a dangling reference."""
    openapi = (await registry.http.get("/openapi.json")).json()
    text = msgspec.json.encode(openapi).decode()
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= openapi["components"]["schemas"].keys()
    assert "EnrolledFact" in names
    asyncapi: dict[str, Any] = (await registry.http.get("/asyncapi.json")).json()
    assert registry.topic in asyncapi["channels"]
    assert "change_id" in msgspec.json.encode(asyncapi["components"]["schemas"]).decode()
    assert (await registry.http.get("/docs")).status_code == 200
    assert "registry_facts_total" in (await registry.http.get(f"http://{OPERATORS}/metrics")).text
