"""The sample's whole way, from the upstream system to the governor's mailbox, while each service is killed."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from deploy.local.mailbox.letters import Letter
from deploy.local.process import together
from deploy.local.sample.people import BUDGET_ENDS, BUDGET_PEOPLE
from deploy.local.sample.scenario import GOVERNOR, Scenario, opened_scenario, play
from shared.regions.catalogue import catalogue
from shared.regions.codes import local
from tests.e2e.world import World
from tests.waiting import eventually

Body = dict[str, Any]
PARENTS = ("ID", "11", *catalogue().children("11"), "11.06.01", "63", BUDGET_ENDS)
SERVICES = ("registry", "coverage", "notifier")
ROUNDS = 2


@dataclass(frozen=True)
class Seen:
    """What could be seen from outside after a step; of the alerts those that 40 % is reached."""

    regions: dict[str, Body]
    children: dict[str, Body]
    alerts: list[Body]
    mails: list[Letter]

    @classmethod
    async def now(cls, world: World) -> Seen:
        regions = {code: await world.region(code) for code in PARENTS}
        children = {code: await world.get("coverage", f"/v1/regions/{code}/children?limit=500") for code in PARENTS}
        alerts: list[Body] = []
        page: Body = {"next": ""}
        while page["next"] is not None:
            cursor = f"&cursor={page['next']}" if page["next"] else ""
            page = await world.get("notifier", f"/v1/alerts?region=11&limit=500{cursor}")
            alerts += page["items"]
        reached = [alert for alert in alerts if alert["rule"] == "active-40"]
        return cls(regions, children, reached, world.mails(GOVERNOR))


@dataclass(frozen=True)
class Played:
    """The sample as it was played, and what could be seen after each step and after a second play."""

    scenario: Scenario
    after_base: Seen
    after_rise: Seen
    again: Seen
    said: str


@pytest.fixture(scope="module")
async def played(world: World) -> AsyncIterator[Played]:
    """The full sample, each service killed twice while the base enrols and once in the rise; then a second play."""
    console = Console(file=StringIO(), width=200)
    async with opened_scenario(world.config, console) as scenario:
        await together(scenario.enrol_base(), *(_killed_along(world, scenario, name) for name in SERVICES))
        after_base = await Seen.now(world)
        await together(scenario.enrol_more(), *(_killed(world, name) for name in SERVICES))
        await scenario.governors_mail()
        after_rise = await Seen.now(world)
        await play(world.config, console)
        assert isinstance(console.file, StringIO)
        yield Played(scenario, after_base, after_rise, await Seen.now(world), console.file.getvalue())


async def _killed_along(world: World, scenario: Scenario, service: str) -> None:
    """Kill and restart a service at places that are spread over the facts of the base."""
    step = len(scenario.base) // (ROUNDS * len(SERVICES) + 1)
    for place in range(1 + SERVICES.index(service), ROUNDS * len(SERVICES) + 1, len(SERVICES)):

        async def far_enough(answered: int = step * place) -> bool:
            return scenario.outcomes.total() >= answered

        await eventually(far_enough, within_s=90)
        await _killed(world, service)


async def _killed(world: World, service: str) -> None:
    await world.stack.kill(service)
    await world.stack.restart(service)


def test_every_fact_is_answered_in_spite_of_the_kills(played: Played) -> None:
    """A fact whose answer was lost was sent again and is known; no fact is missing, none is refused."""
    scenario = played.scenario
    assert scenario.outcomes.keys() <= {"accepted", "duplicate"}
    answered = scenario.outcomes["accepted"] + scenario.outcomes["duplicate"]
    assert answered == len(scenario.base) + len(scenario.rise)


def test_the_base_is_aceh_at_one_to_a_hundred(played: Played) -> None:
    """Coverage says 6,517 of 17,109, which is 38.09 %, registered and active alike; nobody is alerted of that."""
    aceh = played.after_base.regions["11"]
    assert (aceh["registered"], aceh["active"]) == (6_517, 6_517)
    for measure in ("registered", "active"):
        assert aceh["coverage"][measure] == {"numerator": 6_517, "denominator": 17_109, "ratio": 0.3809}
    assert (played.after_base.alerts, played.after_base.mails) == ([], [])


@pytest.mark.parametrize("step", ["after_base", "after_rise"])
def test_a_parent_is_the_sum_of_its_children_and_its_unplaced(played: Played, step: str) -> None:
    """The nation equals its provinces, Aceh its regencies, each regency its districts, a district its villages."""
    seen: Seen = getattr(played, step)
    for parent in PARENTS:
        whole, page = seen.regions[parent], seen.children[parent]
        for measure in ("registered", "active"):
            assert whole[measure] > 0
            assert whole[measure] == sum(child[measure] for child in page["items"]) + page["unplaced"][measure]


def test_some_people_have_no_village(played: Played) -> None:
    """People whose source knows only the regency stand there as unplaced, and in no district."""
    regencies = played.after_base.children["11"]["items"]
    places = [fact["data"]["region"] for fact in played.scenario.base if "region" in fact["data"]]
    for regency in regencies:
        assert regency["unplaced"]["registered"] == places.count(regency["region"])
    assert sum(regency["unplaced"]["registered"] for regency in regencies) > 100


def test_the_rise_brings_one_message_to_the_governor(played: Played) -> None:
    """327 more are the first to reach 40 %: one alert, one message, with both numbers, the ratio and the movers."""
    aceh = played.after_rise.regions["11"]
    assert aceh["coverage"]["registered"] == {"numerator": 6_844, "denominator": 17_109, "ratio": 0.4}
    assert aceh["flows"]["7d"]["joined"] == {"registered": 327, "active": 327}
    (alert,), (mail,) = played.after_rise.alerts, played.after_rise.mails
    assert alert["region"] == "11"
    for part in ("6.844", "17.109", "40,00%", "Aceh Utara", "Pidie", "Bireuen"):
        assert part in mail.text


def test_no_part_of_the_provinces_snapshot_is_empty(played: Played) -> None:
    """Each field of the snapshot has something to show, down to the windows of flows and of those due."""
    aceh = played.after_rise.regions["11"]
    assert [name for name, value in aceh.items() if not value and name != "catching_up"] == []
    assert {"joined", "activated", "lapsed", "returned"} <= aceh["flows"]["90d"].keys()
    # The next month but one may begin 62 days ahead, on the last day of July or December.
    assert aceh["due"]["60d"].keys() >= {"self"}
    assert aceh["due"]["90d"].keys() > {"self", "apbd_regency"}
    (target,), (forecast,), (quota,) = aceh["target"], aceh["forecast"], aceh["quota"]
    assert target["people_short"] > 0 > target["people_ahead"]
    assert None not in forecast.values()
    assert [projection["days"] for projection in forecast["range"]] == [30, 180]
    assert quota["passing"] > 100 < quota["villages"] - quota["passing"] - quota["at_zero"]
    assert quota["at_zero"] > 1_000
    assert 0 not in aceh["designation"]["villages"].values()


async def test_a_regencys_budget_ends_for_three_thousand(world: World, played: Played) -> None:
    """They lapse together when the next month begins, which its page says first of those who do; others pay on."""
    regency = await world.region(BUDGET_ENDS)
    assert (regency["registered"], regency["active"]) == (BUDGET_PEOPLE, BUDGET_PEOPLE)
    payments = [fact["data"] for fact in played.scenario.base if fact["data"].get("payer") == "apbd_regency"]
    ended = Counter(data["paid_through"] for data in payments if data["region"].startswith(BUDGET_ENDS))
    ((paid_through, people),) = ended.items()
    months = int(paid_through[:4]) * 12 + int(paid_through[5:]) + 3
    ahead = date(months // 12, months % 12 + 1, 1) - local(BUDGET_ENDS, datetime.fromisoformat(regency["as_of"])).date()
    # From the last hours of a month, and from the first of one of 31 days, it is further ahead than 30.
    window = 30 if ahead <= timedelta(days=30) else 60
    assert (people, regency["due"][f"{window}d"]["apbd_regency"]) == (3_000, 3_000)
    page = await world.request("GET", "coverage", f"/wilayah/{BUDGET_ENDS}/akan-nonaktif?hari={window}", "operator")
    assert '<p class="big">3.000 <small>orang sampai' in page.text
    assert regency["target"][0]["people_short"] > 0


async def test_a_quota_board_has_villages_that_pass_miss_and_have_nobody(world: World, played: Played) -> None:
    """For the regency's officials with their numbers, for the public as the release has them."""
    (board,) = (await world.region(BUDGET_ENDS))["quota"]
    assert (board["required"], board["villages"], board["passing"], board["at_zero"]) == (100, 152, 24, 120)
    page = await world.request("GET", "coverage", f"/wilayah/{BUDGET_ENDS}/kuota?semua=1", "operator")
    assert [page.text.count(state) for state in ("○ Nol", "✕ Belum", "✓ Tercapai")] == [120, 8, 24]
    day = played.scenario.released_to
    public = await world.request("GET", "coverage", f"/wilayah/{BUDGET_ENDS}/kuota?as_of={day}")
    assert (public.status_code, "dari 152 desa tercapai" in public.text) == (200, True)


async def test_a_source_is_silent_on_the_nations_page(world: World, played: Played) -> None:
    """The one of the sample that never sent anything; the others are on time."""
    sources = (await world.get("coverage", "/v1/regions/ID/provenance"))["sources"]
    silent = [one["source"] for one in sources if one["cadence_days"] and one["fed_at"] is None]
    assert silent == ["contoh/diam"]
    page = await world.request("GET", "coverage", "/", "operator")
    assert "⚠ Sumber contoh yang diam belum pernah mengirim." in page.text


async def test_the_governor_has_an_alert_to_acknowledge(world: World, played: Played) -> None:
    """On the page of the alerts it is the only one that waits: those of the first day asked nobody."""
    (alert,) = played.again.alerts
    page = (await world.request("GET", "coverage", "/peringatan", "governor-aceh")).text
    assert f"/peringatan/{alert['id']}" in page
    assert "1 belum ditanggapi" in page


async def test_villages_and_the_nation_show_desa_sadar(world: World, played: Played) -> None:
    """A designated village has its day, roster and active officials; the nation has the year's pace."""
    listed = await world.request("GET", "coverage", "/v1/designations?limit=500", "operator")
    villages = [await world.region(row["region"]) for row in listed.json()["items"] if row["region"] != "ID"]
    assert {village["designation"]["state"] for village in villages} == {"designated", "designated_broken"}
    for village in villages:
        assert all(village["designation"][name] for name in ("designated_on", "roster", "active_officials"))
    assert played.after_rise.regions["ID"]["designation"]["pace"]["designated"] == len(villages)


def test_a_second_play_adds_nothing(world: World, played: Played) -> None:
    """It adds no person, alert or message, and says so; its last lines lead to the pages."""
    for code in PARENTS:
        before, after = played.after_rise.regions[code], played.again.regions[code]
        assert (before["registered"], before["active"]) == (after["registered"], after["active"])
    assert len(played.again.alerts) == len(played.again.mails) == 1
    pages = world.config.url("coverage")
    for part in (
        "Nothing is new",
        "6844 of 17109 registered = 40,00%",
        f"Sign in at {pages}/masuk",
        f"{pages}/wilayah/11",
    ):
        assert part in played.said


async def test_the_public_sees_the_release_of_the_month_before(world: World, played: Played) -> None:
    """At the address that the sample says, without a token: the figures of that month's last day, not of today."""
    day = played.scenario.released_to
    assert f"{day:%Y-%m} is released, as made on " in world.logs()["release"]
    assert f"Anybody, without signing in: {world.config.url('coverage')}/wilayah/11?as_of={day}" in played.said
    page = (await world.request("GET", "coverage", f"/wilayah/11?as_of={day}")).text
    assert "Angka rilis" in page
    public = (await world.request("GET", "coverage", f"/v1/regions/11?as_of={day}")).json()
    assert f'<p class="big">{public["active"]:,}</p>'.replace(",", ".") in page
    official = await world.region(f"11?as_of={played.scenario.released_to}")
    assert public["month"] == f"{played.scenario.released_to:%Y-%m}"
    assert public["registered"] == official["registered"] < played.after_base.regions["11"]["registered"]
    assert public["by_segment"].keys() == official["by_segment"].keys()
