"""The sample while its services are killed."""

from __future__ import annotations

import asyncio
from io import StringIO

from rich.console import Console

from deploy.local.sample.figures import Figures
from deploy.local.sample.reading import text_of
from deploy.local.sample.story import Story
from tests.e2e.world import World
from tests.waiting import eventually

SERVICES = ("registry", "coverage", "notifier")
ONE_TO = 1_000
ROUNDS = 2


async def test_no_kill_loses_or_repeats_anything(battered_world: World) -> None:
    """Each service is killed twice in the base and once in the rise: counts are exact, one alert, one message."""
    world, figures = battered_world, Figures.at(ONE_TO)
    async with world.story(Console(file=StringIO()), ONE_TO, lines=1) as story:
        await asyncio.gather(story.enrol_base(), *_kills_along(world, story))
        await _counts(world, figures.registered, figures.potential)
        await asyncio.gather(story.enrol_more(), *(_kill(world, service) for service in SERVICES))
        mail = await story.newest_mail()
        assert story.tally.refused == 0
        assert story.tally.answered == len(story.base) + len(story.rise)
    await _counts(world, figures.risen, figures.potential)
    await _one_alert(world)
    assert mail is not None
    assert "40," in text_of(mail)


async def test_a_second_play_adds_nothing(battered_world: World) -> None:
    """Played again on the same data, every fact is known: the sample says so, and shows the message that was sent."""
    console = Console(file=StringIO(), width=200)
    await battered_world.play(console, ONE_TO)
    assert isinstance(console.file, StringIO)
    said = console.file.getvalue()
    assert "Nothing is new" in said
    figures = Figures.at(ONE_TO)
    assert f"{figures.risen} of {figures.potential} registered" in said
    assert "Where to look next" in said
    await _counts(battered_world, figures.risen, figures.potential)
    await _one_alert(battered_world)


def _kills_along(world: World, story: Story) -> list[asyncio.Future[None]]:
    """Return one kill for each service and round, spread over the facts of the base."""
    plan = SERVICES * ROUNDS
    step = len(story.base) // (len(plan) + 1)
    return [asyncio.ensure_future(_kill_after(world, story, step * n, name)) for n, name in enumerate(plan, start=1)]


async def _kill_after(world: World, story: Story, answered: int, service: str) -> None:
    async def far_enough() -> bool:
        return story.tally.answered >= answered

    await eventually(far_enough, within_s=90)
    await _kill(world, service)


async def _kill(world: World, service: str) -> None:
    await world.stack.kill(service)
    await world.stack.restart(service)


async def _counts(world: World, people: int, potential: int) -> None:
    aceh = await world.region("11")
    assert (aceh["registered"], aceh["active"]) == (people, people)
    assert aceh["coverage"]["registered"]["denominator"] == potential
    regencies = await world.children("11")
    assert sum(regency["registered"] for regency in regencies["items"]) == people


async def _one_alert(world: World) -> None:
    """One crossing is one alert and one message: a delivery that is repeated carries the same id, and is dropped."""
    assert len(await world.alerts("11")) == 1
    assert len(world.mails()) == 1
