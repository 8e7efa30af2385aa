"""Facts through real Kafka: the same path as HTTP, and nothing lost, counted twice or told of anyone."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from services.registry.settings import RegistrySettings
from shared.adapters.kafka_admin import ensure_topics
from shared.contracts import topics
from tests.factories_registry import NIK, event, raw
from tests.integration.registry.facts_topic import FactsTopic, facts_topic
from tests.integration.registry.serving import Registry
from tests.records import STRUCTURED, binary
from tests.waiting import eventually


@pytest.fixture
async def topic(settings: RegistrySettings) -> AsyncIterator[FactsTopic]:
    """The topics of this test's registry."""
    await ensure_topics(settings.kafka, [topic.under(settings.namespace) for topic in topics.ALL[:3]])
    async with facts_topic(settings) as topic:
        yield topic


def person(number: int) -> bytes:
    """Return the enrolment of one of many people."""
    return raw(id=f"f-{number}", data={"identity": {"scheme": "nik", "value": f"{NIK[:12]}{number:04d}"}})


async def answered(http: httpx.AsyncClient, outcome: str) -> float:
    """Return how many facts this process has answered so, by whatever entrance."""
    lines = (await http.get("/metrics")).text.splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith(f'registry_facts_total{{outcome="{outcome}"')
    )


async def test_a_fact_counts_once_through_both_entrances_and_both_modes(registry: Registry, topic: FactsTopic) -> None:
    """Structured, binary, without headers, and by HTTP after that: one change, all else duplicates."""
    await topic.put((raw(), STRUCTURED), binary(event()), raw())

    async def taken() -> bool:
        return (await answered(registry.http, "accepted"), await answered(registry.http, "duplicate")) == (1, 2)

    await eventually(taken)
    assert (await registry.post(raw())).json()["outcome"] == "duplicate"
    (change,) = await registry.published(1)
    assert (change.seq, change.source) == (0, "bpjs/aceh")
