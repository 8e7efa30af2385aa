"""Erasing a person through the API and by the command, on the real store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bson
import httpx
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from pymongo import AsyncMongoClient

from services.registry.settings import RegistrySettings
from shared.contracts import topics
from shared.contracts.changes import Kind
from tests.commands import cakupan_registry, listening
from tests.e2e import marks
from tests.factories_registry import NIK, event, raw
from tests.integration.registry.serving import Registry
from tests.tokens import Issuer

BY_NIK = {"scheme": "nik", "value": NIK}
ENDED = event(id="e-1", type="cakupan.ended.v1", time="2026-10-01") | {"data": {"identity": BY_NIK}}
Body = dict[str, Any]


@pytest.fixture
def eraser(issuer: Issuer) -> str:
    """A token that may erase, and nothing else."""
    return issuer.token(sub="privacy-desk", scope="identity:erase", sources=...)


async def erase(registry: Registry, token: str, body: Body | bytes, **headers: str) -> httpx.Response:
    usual = {"authorization": f"Bearer {token}", "content-type": "application/json"} | headers
    sent: Body = {"content": body} if isinstance(body, bytes) else {"json": body}
    return await registry.http.post("/v1/participants/erase", headers=usual, **sent)


async def test_a_person_is_erased_and_comes_back_as_another(registry: Registry, eraser: str) -> None:
    """409 while registered, 200 once ended, 404 after; the next enrolment is a new person's."""
    await registry.post(raw())
    refused = await erase(registry, eraser, {"identity": BY_NIK})
    problem = refused.json()
    assert (refused.status_code, problem["code"], problem["field"]) == (409, "still_registered", "identity")
    await registry.http.post("/v1/facts", json=ENDED, headers={"authorization": f"Bearer {registry.token}"})
    answers = [await erase(registry, eraser, {"identity": BY_NIK}) for _ in range(2)]
    assert (answers[0].status_code, answers[0].json()) == (200, {"outcome": "erased", "identities": 1})
    assert (answers[1].status_code, answers[1].json()["code"]) == (404, "unknown_identity")
    assert NIK not in "".join(answer.text for answer in [refused, *answers])
    assert (await registry.post(raw(id="f-2"))).status_code == 202
    joined, ended, again = await registry.published(3)
    assert [change.kind for change in (joined, ended, again)] == [Kind.JOINED, Kind.ENDED, Kind.JOINED]
    assert again.change_id != joined.change_id


async def test_force_erases_a_registered_person(registry: Registry, eraser: str) -> None:
    """By a passport in small letters just as well."""
    await registry.post(raw(data={"identity": {"scheme": "passport", "value": "A1234567"}}))
    answer = await erase(registry, eraser, {"identity": {"scheme": "passport", "value": "a1234567"}, "force": True})
    assert (answer.status_code, answer.json()["identities"]) == (200, 1)


async def test_who_may_not_erase_learns_nothing_of_who_is_known(registry: Registry, issuer: Issuer) -> None:
    """The answer is the same for a known identity, an unknown one and no identity at all."""
    await registry.post(raw())
    stranger = {"scheme": "nik", "value": "1101014101900009"}
    for token, status in ((registry.token, 403), ("garbage", 401)):
        bodies: list[Body | bytes] = [{"identity": BY_NIK}, {"identity": stranger}, b"{"]
        answers = [await erase(registry, token, body) for body in bodies]
        assert {(answer.status_code, answer.text) for answer in answers} == {(status, answers[0].text)}


async def test_a_request_that_is_not_understood_erases_nobody_and_quotes_nothing(
    registry: Registry, eraser: str
) -> None:
    """The codes are those of facts."""
    await registry.post(raw())
    expected: list[tuple[Body | bytes, int, str, str | None]] = [
        (b"{", 422, "malformed_json", None),
        ({}, 422, "missing_field", "identity"),
        ({"identity": BY_NIK, NIK: 1}, 422, "unknown_field", None),
        ({"identity": NIK}, 422, "malformed_field", "identity"),
        ({"identity": BY_NIK, "force": "yes"}, 422, "malformed_field", "force"),
        ({"identity": {"scheme": NIK, "value": "nik"}}, 422, "unknown_scheme", "identity.scheme"),
        ({"identity": {"scheme": "kpj", "value": NIK}}, 422, "malformed_identity", "identity"),
        (b" " * 5000, 413, "too_large", None),
    ]
    for body, status, code, field in expected:
        answer = await erase(registry, eraser, body)
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem.get("field")) == (status, code, field)
        assert NIK not in answer.text
    text = await erase(registry, eraser, b"nik", **{"content-type": "text/plain"})
    assert (text.status_code, text.json()["code"]) == (415, "unsupported_media_type")
    assert (await erase(registry, eraser, {"identity": BY_NIK})).status_code == 409


async def test_the_command_erases_the_identity_on_its_standard_input(
    settings: RegistrySettings, registry: Registry, eraser: str, tmp_path: Path
) -> None:
    """It never shows it; exit code 1 and the reason where nobody was erased."""
    await registry.post(raw())
    token = tmp_path / "token.jwt"
    token.write_text(eraser)
    async with listening(settings.model_copy(update={"instance": "registry-1"})) as url:
        common = ("--url", url, "--token-file", str(token))
        still = await cakupan_registry("erase", "nik", *common, typed=f"{NIK}\n")
        erased = await cakupan_registry("erase", "nik", "--force", *common, typed=NIK)
        unknown = await cakupan_registry("erase", "nik", *common, typed=NIK)
        broken = await cakupan_registry("erase", "passport", *common)
        no_token = await cakupan_registry("erase", "nik", "--url", url, "--token-file", f"{token}.none", typed=NIK)
    away = await cakupan_registry("erase", "nik", *common, typed=NIK)
    ran = [still, erased, unknown, broken, no_token, away]
    assert [one.code for one in ran] == [1, 0, 1, 1, 1, 1]
    expected = ["still_registered", "forgotten: 1", "unknown_identity", "malformed_identity", "No such", "registry up?"]
    assert [word for word, one in zip(expected, ran, strict=True) if word not in one.said] == []
    assert NIK not in "".join(one.said for one in ran)


async def oplog(uri: str, database: str) -> list[Body]:
    """Return what MongoDB's log of operations has of a database, the parts of transactions each by itself."""
    client: AsyncMongoClient[Body] = AsyncMongoClient(uri)
    try:
        found = await client["local"]["oplog.rs"].find().to_list(None)
    finally:
        await client.close()
    single = [one for entry in found for one in entry["o"].get("applyOps", [entry])]
    return [one for one in single if one["ns"].startswith(f"{database}.")]


async def test_what_remains_of_an_erased_person_is_what_the_guide_says(
    settings: RegistrySettings, registry: Registry, eraser: str
) -> None:
    """docs/erasure.md: in the oplog keyed hashes, never an identity in clear or plainly hashed; facts for 7 days."""
    nik = {"scheme": "nik", "value": marks.NIK}
    await registry.post(raw(data={"identity": nik}))
    assert (await erase(registry, eraser, {"identity": nik, "force": True})).status_code == 200
    entries = await oplog(settings.mongodb_uri, settings.database("registry"))
    assert marks.leaks({f"{one['op']} of {one['ns']}": bson.encode(one) for one in entries}, (marks.NIK,)) == []
    written = [one for one in entries if one["ns"].endswith(".identities")]
    (deleted,) = (one["o"] for one in written if one["op"] == "d")
    (made,) = (one["o"] for one in written if one["op"] == "i" and one["o"]["_id"] == deleted["_id"])
    assert deleted.keys() == {"_id"}
    assert {name: type(value) for name, value in made.items()} == {"_id": bytes, "holder": str, "key": str}


async def test_facts_in_clear_leave_kafka_after_seven_days(settings: RegistrySettings, registry: Registry) -> None:
    """As docs/erasure.md says; refused ones, without their values, after thirty."""
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap)
    await admin.start()
    try:
        for topic, days in ((topics.FACTS, 7), (topics.FACTS_REJECTED, 30)):
            name = topic.under(settings.namespace).name
            (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
            kept = {entry[0]: entry[1] for resource in answer.resources for entry in resource[4]}
            assert (int(kept["retention.ms"]), kept["cleanup.policy"]) == (days * 86_400_000, "delete")
    finally:
        await admin.close()
