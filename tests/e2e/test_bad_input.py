"""What the real registry answers to what it cannot take, and that nothing of it shows a NIK."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from services.registry.domain.errors import RefusalCode
from tests.bad_facts import BAD_FACTS, FIELD_AT_FAULT, as_sent
from tests.e2e.world import World, enrolled
from tests.factories_registry import NIK as SENT_NIK

NIK = "0000990101909999"


@pytest.mark.parametrize("code", RefusalCode)
async def test_a_bad_fact_is_refused_by_name(world: World, code: RefusalCode) -> None:
    """The problem has the status, the code and the field, says what to do, and does not repeat the NIK."""
    answer = await world.post(as_sent(BAD_FACTS[code]))
    status = 413 if code is RefusalCode.TOO_LARGE else 422
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["code"], problem.get("field")) == (status, code, FIELD_AT_FAULT[code])
    assert len(problem["detail"]) > 10
    assert SENT_NIK[:11] not in answer.text


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"' + NIK.encode() + b'"', b"\xff\xfe"])
async def test_malformed_json_is_refused(world: World, body: bytes) -> None:
    """What is no JSON object has no field to name; the detail says what to send."""
    answer = await world.post(body)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "malformed_json")
    assert "JSON object" in problem["detail"]
    assert NIK not in answer.text


async def test_a_refused_fact_leaves_no_trace(world: World) -> None:
    """The same id may be sent again once it is mended, and is then new."""
    fact = enrolled(NIK)
    mended = json.loads(json.dumps(fact))
    del fact["data"]["segment"]
    assert (await world.post(fact)).status_code == 422
    answer = await world.post(mended)
    assert (answer.status_code, answer.json()["outcome"]) == (202, "accepted")


async def test_an_id_belongs_to_one_content(world: World) -> None:
    """Repeated with the same content it is a duplicate; with other content a conflict that names the id."""
    fact = enrolled(NIK)
    assert (await world.post(fact)).status_code == 202
    again = await world.post(fact)
    assert (again.status_code, again.json()["outcome"]) == (200, "duplicate")
    fact["data"]["segment"] = "PU"
    conflict = await world.post(fact)
    problem = conflict.json()
    assert (conflict.status_code, problem["code"], problem["field"]) == (409, "conflict", "id")
    assert "new id" in problem["detail"]
    assert NIK not in conflict.text


@pytest.mark.parametrize(
    ("token", "status", "code", "says"),
    [
        (None, 401, "unauthorised", "no token"),
        ("expired", 401, "unauthorised", "expired"),
        ("garbage", 401, "unauthorised", "get a new one"),
        ("governor-aceh", 403, "scope_missing", "facts:write"),
    ],
)
async def test_who_may_not_write_is_told_why(
    world: World, token: str | None, status: int, code: str, says: str
) -> None:
    """No token, an expired one, a broken one and one without the scope each have their own words."""
    tokens = {"expired": world.upstream_token(valid_for=timedelta(minutes=-5)), "garbage": "garbage"}
    chosen = tokens.get(token) or world.token(token) if token else None
    answer = await world.post(enrolled(NIK), token=chosen)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert says in problem["detail"]
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)


async def test_a_token_writes_only_its_own_sources(world: World) -> None:
    """A fact of another source is refused by name, with the field."""
    answer = await world.post(enrolled(NIK, source="bpjs/bali"))
    problem = answer.json()
    assert (answer.status_code, problem["code"], problem["field"]) == (403, "source_not_allowed", "source")
    assert "bpjs/bali" in problem["detail"]


async def test_no_log_holds_a_nik(world: World) -> None:
    """After accepted, refused and conflicting facts no service's log file holds any NIK that was sent."""
    await world.post(enrolled(NIK))
    logs = world.logs()
    assert logs
    for name, text in logs.items():
        assert not re.search(rf"{SENT_NIK[:11]}|\b0000\d{{12}}\b", text), name
