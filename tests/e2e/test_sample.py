"""The sample's whole way: from the upstream system to the governor's mailbox."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from email.message import EmailMessage
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from deploy.local.sample.reading import text_of
from deploy.local.sample.story import Story
from shared.regions.catalogue import catalogue
from tests.e2e.world import World

Body = dict[str, Any]
PARENTS = ("ID", "11", *catalogue().children("11"), "11.06.01")


@dataclass(frozen=True)
class Sight:
    """What could be seen from outside at one moment."""

    regions: dict[str, Body]
    children: dict[str, Body]
    alerts: list[Body]
    mails: list[EmailMessage]

    @classmethod
    async def of(cls, world: World) -> Sight:
        regions = {code: await world.region(code) for code in PARENTS}
        children = {code: await world.children(code) for code in PARENTS}
        return cls(regions, children, await world.alerts("11"), world.mails())


@dataclass(frozen=True)
class Told:
    """The sample as it was played, with what could be seen after each act."""

    story: Story
    after_base: Sight
    after_rise: Sight
    after_repeat: Sight


@pytest.fixture(scope="module")
async def told(world: World) -> AsyncIterator[Told]:
    """The full sample: the base is counted, then the rise until the message is there, then the rise once more."""
    async with world.story(Console(file=StringIO()), one_to=100) as story:
        await story.enrol_base()
        after_base = await Sight.of(world)
        await story.enrol_more()
        await story.newest_mail()
        after_rise = await Sight.of(world)
        await story.upstream.send_all(story.rise)
        yield Told(story, after_base, after_rise, await Sight.of(world))


def test_every_fact_was_accepted_once(told: Told) -> None:
    """Nothing was refused, nothing was a duplicate but the rise when it was sent again."""
    tally, story = told.story.tally, told.story
    assert (tally.accepted, tally.duplicate, tally.refused) == (len(story.base) + 327, 327, 0)


def test_the_base_is_aceh_at_one_to_a_hundred(told: Told) -> None:
    """Coverage says 6,517 of 17,109, which is 38.09 %, registered and active alike."""
    aceh = told.after_base.regions["11"]
    assert (aceh["registered"], aceh["active"]) == (6_517, 6_517)
    for measure in ("registered", "active"):
        assert aceh["coverage"][measure] == {"numerator": 6_517, "denominator": 17_109, "ratio": 0.3809}


@pytest.mark.parametrize("moment", ["after_base", "after_rise"])
@pytest.mark.parametrize("parent", PARENTS)
def test_a_parent_is_the_sum_of_its_children_and_its_unplaced(told: Told, moment: str, parent: str) -> None:
    """The nation equals its provinces, Aceh its regencies, each regency its districts, a district its villages."""
    sight: Sight = getattr(told, moment)
    whole, page = sight.regions[parent], sight.children[parent]
    for measure in ("registered", "active"):
        assert whole[measure] > 0
        assert whole[measure] == sum(child[measure] for child in page["items"]) + page["unplaced"][measure]


def test_some_people_have_no_village(told: Told) -> None:
    """People whose source knows only the regency stand there as unplaced, and in no district."""
    regencies = told.after_base.children["11"]["items"]
    enrolled = [fact["data"]["region"] for fact in told.story.base if "region" in fact["data"]]
    for regency in regencies:
        assert regency["unplaced"]["registered"] == enrolled.count(regency["region"])
    assert sum(regency["unplaced"]["registered"] for regency in regencies) > 100


def test_nobody_is_told_before_the_level_is_reached(told: Told) -> None:
    """At 38.09 % there is no alert and no message."""
    assert (told.after_base.alerts, told.after_base.mails) == ([], [])


def test_the_rise_brings_one_message_to_the_governor(told: Told) -> None:
    """327 more are the first to reach 40 %: one alert, one message, with both numbers, the ratio and the movers."""
    aceh = told.after_rise.regions["11"]
    assert aceh["coverage"]["registered"] == {"numerator": 6_844, "denominator": 17_109, "ratio": 0.4}
    assert aceh["flows"]["7d"]["joined"] == {"registered": 327, "active": 327}
    (alert,), (mail,) = told.after_rise.alerts, told.after_rise.mails
    assert alert["region"] == "11"
    for part in ("6.844", "17.109", "40,00%", "Aceh Utara", "Pidie", "Bireuen"):
        assert part in text_of(mail)


def test_facts_sent_again_change_nothing(told: Told) -> None:
    """The rise once more adds neither a person nor an alert nor a message."""
    for code in PARENTS:
        before, after = told.after_rise.regions[code], told.after_repeat.regions[code]
        assert (before["registered"], before["active"]) == (after["registered"], after["active"])
    assert len(told.after_repeat.alerts) == len(told.after_repeat.mails) == 1
