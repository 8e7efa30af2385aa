"""Whether anything makes all others wait in a service that knows the whole country: 83,762 villages, each with people.

What takes 1 ms among a thousand villages takes 80 ms here, so the end-to-end tests, which watch a province, do not see
it. It takes minutes: `make chaos` alone runs it.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Sequence
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

import httpx
import pytest

from deploy.local.sample.people import invented_nik
from shared.regions.catalogue import catalogue
from shared.regions.codes import NATION
from tests.e2e.turns import SERVICES, ask_what_is_expensive, too_long
from tests.e2e.world import World, enrolled, started_world
from tests.reached import put_potentials
from tests.waiting import eventually

pytestmark = pytest.mark.skipif(
    "CAKUPAN_CHAOS_FACTS" not in os.environ, reason="it takes minutes: `make chaos` runs it"
)

BULK: Final = 10_000
WITHIN_S: Final = 300
QUOTA: Final = (
    "region,group,measure,count,kinds,valid_from,source,definition\n"
    "ID,vulnerable,registered,100,desa,2020-01-01,cakupan/test,invented for a test"
)


@pytest.fixture
async def world(kafka_bootstrap: str, mongodb_uri: str, tmp_path: Path) -> AsyncIterator[World]:
    """A stack of its own, whose event loops are watched."""
    async with started_world(tmp_path / "stack", kafka_bootstrap, mongodb_uri) as world:
        yield world


def below(region: str) -> list[str]:
    """Return all regions below, each after the one that holds it."""
    return [one for child in catalogue().children(region) for one in (child, *below(child))]


async def test_nothing_takes_over_20_ms_of_a_loop_in_a_whole_country(world: World) -> None:
    """A person in each village, a potential for each, twice, a quota for all, what is expensive, and a restart."""
    regions = below(NATION)
    villages = [region for region in regions if len(region) == len("11.01.01.2001")]
    await enrol(world, villages)
    await eventually(lambda: is_known_to_the_notifier(world, len(regions) + 1), within_s=WITHIN_S)
    csv = {"content-type": "text/csv"}
    (await world.request("PUT", "coverage", "/v1/quotas", "operator", content=QUOTA, headers=csv)).raise_for_status()
    for workers in (2, 3):
        await put_potentials(world, villages, workers)
        await ask_what_is_expensive(world)
    for service in SERVICES:
        await world.stack.restart(service)
    await ask_what_is_expensive(world)
    said = too_long(world)
    assert not said, f"{len(said)} turns took too long\n" + "\n".join(said)


async def enrol(world: World, villages: Sequence[str]) -> None:
    """Send a person for each village."""
    facts = (
        json.dumps(
            enrolled(invented_nik(n % 9_000, date(1950, 1, 1) + timedelta(days=n // 9_000), woman=False), region=v)
        )
        for n, v in enumerate(villages)
    )
    headers = {"content-type": "application/x-ndjson"}
    while part := list(islice(facts, BULK)):
        answer = await world.request(
            "POST", "registry", "/v1/facts/bulk", "upstream", content="\n".join(part), headers=headers
        )
        assert answer.is_success, answer.text
        assert not answer.json()["errors"], answer.text[:1_000]


async def is_known_to_the_notifier(world: World, regions: int) -> bool:
    """Say whether a snapshot of each region has been published and applied."""
    async with httpx.AsyncClient() as http:
        metrics = (await http.get(f"{world.config.operators_url('notifier')}/metrics")).text
    return f'notifier_world_pieces{{piece="region"}} {float(regions)}' in metrics
