"""Every refusal by every HTTP entrance, and input made to break things."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx
import pytest

from services.registry.domain.errors import RefusalCode
from tests.bad_facts import BAD_FACTS, FIELD_AT_FAULT, NOT_IN_CSV, as_sent, csv_file
from tests.factories_registry import NIK, event
from tests.integration.registry.serving import Registry

IN_CSV = {code: fact for code, fact in BAD_FACTS.items() if isinstance(fact, dict) and code not in NOT_IN_CSV}


@pytest.fixture
def registry(lasting_registry: Registry) -> Registry:
    """One registry for all of them: a refused fact leaves nothing."""
    return lasting_registry


def fresh(**over: Any) -> dict[str, Any]:
    """Return a sound fact that no other test sends."""
    return event(id=uuid.uuid4().hex, **over)


def told(answer: httpx.Response) -> list[tuple[str, str | None, str | None]]:
    """Return outcome, code and field of each line."""
    assert answer.status_code == 200, answer.text
    return [(line["outcome"], line.get("code"), line.get("field")) for line in answer.json()["results"]]


@pytest.mark.parametrize("code", [RefusalCode.TOO_LARGE, RefusalCode.UNKNOWN_REGION])
async def test_a_single_bad_fact_is_refused_by_its_code(registry: Registry, code: RefusalCode) -> None:
    """As a problem that names the field, says what to do and repeats no identity."""
    answer = await registry.post(as_sent(BAD_FACTS[code]))
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, problem["code"]) == (413 if code is RefusalCode.TOO_LARGE else 422, code)
    assert problem.get("field") == FIELD_AT_FAULT[code]
    assert len(problem["detail"]) > 10
    assert NIK[:11] not in answer.text


async def test_each_bad_line_of_ndjson_is_refused_alone(registry: Registry) -> None:
    """By its code and field, while the lines before, between and after it are taken."""
    good = [as_sent(fresh()) for _ in BAD_FACTS]
    body = b"\n".join(line for pair in zip(good, map(as_sent, BAD_FACTS.values()), strict=True) for line in pair)
    answer = await registry.bulk(body, "application/x-ndjson")
    assert told(answer)[::2] == [("accepted", None, None)] * len(good)
    assert told(answer)[1::2] == [("refused", code, FIELD_AT_FAULT[code]) for code in BAD_FACTS]
    assert NIK[:11] not in answer.text


async def test_each_bad_row_of_csv_is_refused_alone(registry: Registry) -> None:
    """By its code and field, as far as a row can say it."""
    answer = await registry.bulk(csv_file(fresh(), *IN_CSV.values(), fresh()), "text/csv")
    first, *refused, last = told(answer)
    assert (first, last) == (("accepted", None, None), ("accepted", None, None))
    assert refused == [("refused", code, FIELD_AT_FAULT[code]) for code in IN_CSV]
    assert NIK[:11] not in answer.text


NESTED = b'{"specversion": "1.0", "id": "n", "source": "bpjs/aceh", "data": '
HOSTILE: dict[str, bytes] = {
    "deep lists": NESTED + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "deep objects": NESTED + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
    "a number without end": NESTED + b"9" * 60_000 + b"}",
    "a huge exponent": NESTED + b"1e999999}",
    "NaN": NESTED + b"NaN}",
    "minus infinity": NESTED + b"-Infinity}",
    "thousands of keys": as_sent(event(data={f"k{n}": n for n in range(4_000)})),
    "one key many times": b"{" + b'"id": "a",' * 4_000 + b'"id": 3}',
    "a lone surrogate": as_sent(event(id="\ud800")),
    "NUL in the id": as_sent(event(id="a\x00b", type="cakupan.\x00.v1")),
    "an id without end": as_sent(event(id="x" * 60_000)),
    "a time far ahead": as_sent(event(time="9999-12-31T23:59:59+07:00")),
    "a time before all": as_sent(event(time="0001-01-01T00:00:00+07:00")),
    "a boolean": b"true",
    "nothing": b"",
    "UTF-16": as_sent(event()).decode().encode("utf-16"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_json_is_refused_and_never_an_error_of_ours(registry: Registry, name: str) -> None:
    """One at a time and as a line among others: 422 with a code of ours, and the facts after it are taken."""
    answer = await registry.post(HOSTILE[name])
    assert (answer.status_code, answer.json()["code"] in set(RefusalCode)) == (422, True)
    line = HOSTILE[name].replace(b"\n", b" ")
    lines = told(await registry.bulk(line + b"\n" + as_sent(fresh()), "application/x-ndjson"))
    assert lines[-1] == ("accepted", None, None)
    assert {outcome for outcome, *_ in lines[:-1]} <= {"refused"}


@pytest.mark.parametrize("where", ["ce-id", "ce-source", "ce-time", "traceparent", "x-request-id"])
@pytest.mark.parametrize("value", ["a%0d%0aSet-Cookie: x", "%00", "%ff%fe", "%ud800", "x" * 4_000, "%"])
async def test_hostile_headers_are_refused_or_passed_over(registry: Registry, where: str, value: str) -> None:
    """Nothing sent in a header comes back as one, and none is an error of ours."""
    document = fresh()
    attributes = {f"ce-{name}": text for name, text in document.items() if isinstance(text, str)}
    headers = attributes | {"content-type": "application/json", where: value}
    answer = await registry.post(json.dumps(document["data"]).encode(), **headers)
    assert answer.status_code in (200, 202, 403, 422)
    assert "set-cookie" not in answer.headers
