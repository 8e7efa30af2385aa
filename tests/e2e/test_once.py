"""However often a fact is sent, it counts once; however many sources name a person, they are one."""

from __future__ import annotations

import asyncio
from collections import Counter

from tests.e2e.world import World, enrolled
from tests.waiting import eventually

VILLAGE = "17.01.01.2001"


async def test_five_posts_from_two_sources_are_two_facts_and_one_person(world: World) -> None:
    """Each source's fact is accepted once and known four times; the village has one person."""
    one = enrolled("0000990202029999", region=VILLAGE)
    other = {**one, "source": "dinas/aceh"}
    for fact in (one, other):
        answers = await asyncio.gather(*(world.post(fact) for _ in range(5)))
        assert Counter(answer.status_code for answer in answers) == {202: 1, 200: 4}
        assert Counter(answer.json()["outcome"] for answer in answers) == {"accepted": 1, "duplicate": 4}
    marker = enrolled("0000990303039999", region=VILLAGE)
    assert (await world.post(marker)).status_code == 202
    await _people(world, 2)


async def _people(world: World, count: int) -> None:
    """Wait for the marker, which came after all else in its partition: nothing of what came before is still to come."""

    async def counted() -> bool:
        village = await world.region(VILLAGE)
        assert (village["registered"], village["active"]) == (count, count)
        return True

    await eventually(counted)
