"""What comes of one fact: however often it is sent it counts once, refused it leaves no trace."""

from __future__ import annotations

import asyncio
from collections import Counter
from copy import deepcopy

import pytest

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
    # The last fact comes after all else in its partition: once it is counted, nothing else is still to come.
    assert (await world.post(enrolled("0000990303039999", region=VILLAGE))).status_code == 202

    async def counted() -> bool:
        village = await world.region(VILLAGE)
        assert (village["registered"], village["active"]) == (2, 2)
        return True

    await eventually(counted)


async def test_a_refused_fact_may_be_sent_again_once_it_is_mended(world: World) -> None:
    """It is refused by name; the same id is then new; with yet other content it is a conflict."""
    mended = enrolled("0000990101909999")
    refused, other = deepcopy(mended), deepcopy(mended)
    del refused["data"]["segment"]
    other["data"]["segment"] = "PU"
    answers = [await world.post(fact) for fact in (refused, mended, other)]
    assert [answer.status_code for answer in answers] == [422, 202, 409]
    assert [answers[n].json()["code"] for n in (0, 2)] == ["missing_field", "conflict"]


@pytest.mark.parametrize(
    ("token", "status", "code"), [("", 401, "unauthorised"), ("governor-aceh", 403, "scope_missing")]
)
async def test_only_an_upstream_system_may_write(world: World, token: str, status: int, code: str) -> None:
    """The ready tokens of the stack are what its services check."""
    answer = await world.post(enrolled("0000990101909999"), token)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
