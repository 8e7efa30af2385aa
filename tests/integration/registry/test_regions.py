"""Retired and BPS codes on the real registry."""

from __future__ import annotations

import json
from typing import Any

import httpx

from shared.adapters.kafka_producer import partition_for
from shared.contracts import topics
from tests.factories_registry import NIK, event, raw
from tests.integration.registry.serving import Registry
from tests.serving import OPERATORS


def person(number: int, region: str, **over: Any) -> dict[str, Any]:
    """Return the enrolment of a person of their own in the region."""
    who = {"scheme": "nik", "value": f"{NIK[:12]}{number:04d}"}
    return event(id=f"f-{number}", data={"identity": who, "region": region}, **over)


async def bulk(registry: Registry, events: list[dict[str, Any]], query: str = "") -> httpx.Response:
    headers = {"content-type": "application/x-ndjson", "authorization": f"Bearer {registry.token}"}
    body = "\n".join(map(json.dumps, events))
    return await registry.http.post(f"/v1/facts/bulk{query}", content=body, headers=headers)


def told(answer: httpx.Response) -> list[tuple[str, str | None]]:
    assert answer.status_code == 200, answer.text
    return [(line["outcome"], line.get("code")) for line in answer.json()["results"]]


async def test_a_fact_of_a_retired_region_is_published_in_its_home(registry: Registry) -> None:
    """Keyed by the regency in force; sent again it is a duplicate, and the operator sees how many came."""
    fact = raw(data={"region": "91.01.02.2001"})
    answers = [(await registry.post(fact)).status_code for _ in range(2)]
    assert answers == [202, 200]
    (change,) = await registry.published(1, partition_for("93.01", topics.PARTITIONS))
    assert change.after is not None
    assert change.after.region == "93.01.02.2001"
    assert "registry_rehomed_facts_total 2.0" in (await registry.http.get(f"http://{OPERATORS}/metrics")).text


async def test_bps_codes_are_translated_only_where_the_request_says_so(registry: Registry) -> None:
    """BPS 3171 is Jakarta Selatan, Kemendagri 31.74; a scheme that nobody knows is refused as a whole."""
    south = [person(1, "3171")]
    assert told(await bulk(registry, south)) == [("refused", "unknown_region")]
    assert told(await bulk(registry, south, "?region_codes=kemendagri")) == [("refused", "unknown_region")]
    answer = await bulk(registry, [*south, person(2, "3501120010")], "?region_codes=bps")
    assert told(answer) == [("accepted", None), ("refused", "unknown_region")]
    (change,) = await registry.published(1, partition_for("31.74", topics.PARTITIONS))
    assert change.after is not None
    assert change.after.region == "31.74"
    unheard = await bulk(registry, south, "?region_codes=postal")
    assert (unheard.status_code, unheard.json()["code"]) == (422, "malformed_request")
