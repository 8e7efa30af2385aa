"""Timelines played on real Kafka, MongoDB and SMTP: what is decided, and who gets what between which instants."""

from __future__ import annotations

from tests.alerts_scenarios import Dict, scenario
from tests.alerts_trace import BANDA, OTHER, ack, at, official, rule, snap, traced
from tests.integration.notifier.stage import Stage

PROVINCE = rule(escalate=[{"after": "30m", "hears": ["sekda_provinsi"]}], repeat_every="1h")
REGENCIES = rule("regencies", levels=["regency"], group_wait="10m")
OFFICIALS = [
    official("g"),
    official("s", "sekda_provinsi", quiet_hours={"from": "17:20", "to": "18:00"}),
]
"""START is 17:00 in Aceh."""


async def test_each_receiver_gets_what_is_due_between_these_instants(stage: Stage) -> None:
    """A raise at once, a digest after its wait, an escalation after quiet hours, a repeat, a recovery to both."""
    async with stage.notifier([PROVINCE, REGENCIES], OFFICIALS) as http:
        await stage.play(http, snap(0, 45), snap(1, 39), snap(2, 30, BANDA), snap(3, 30, OTHER))
        await stage.play(
            http, at(11.5), at(12.5), at(31), at(59.5), at(60.5), at(61.5), ack(70), at(130), snap(140, 46)
        )
        await stage.play(http, at(300))
    between = {
        "g@x raised 1": (1, 2), "g@x raised 2": (12, 13), "s@x escalated 1": (60, 61), "g@x repeated 1": (61, 62),
        "g@x recovered 1": (140, 141), "s@x recovered 1": (140, 141),
    }  # fmt: skip
    received = {f"{mail.to} {mail.occasion} {mail.alerts}": mail.minutes for mail in stage.received()}
    assert received.keys() == between.keys()
    assert all(start <= received[mail] <= end for mail, (start, end) in between.items()), received
    assert len(stage.received()) == len(between)


async def test_the_live_decisions_equal_the_trace_of_the_same_events(stage: Stage) -> None:
    """Rules of every kind, officials, silences and acknowledgements from a seed, played through Kafka and MongoDB.

    The clock leaps over the end of the lease again and again: the world is dropped and loaded between events.
    """
    rules, officials, events = scenario(seed=3, length=20)
    async with stage.notifier(rules, officials) as http:
        await stage.play(http, *events)
    last = {"at": stage.played[-1]["at"]}
    live = [line for line in await stage.lines() if line["at"] <= last["at"]]
    assert live == traced(rules, officials, [*stage.played, last])


async def test_reading_the_whole_topic_again_raises_nothing_new(stage: Stage) -> None:
    """The positions are lost; every record is read once more, and nothing is decided or sent."""
    async with stage.notifier([PROVINCE, REGENCIES], OFFICIALS) as http:
        await stage.play(http, snap(0, 45), snap(1, 39), snap(2, 30, BANDA), snap(3, 41), snap(4, 46), snap(5, 38))
    decided, sent = await stage.lines(), stage.received()
    await stage.mongo["evaluator"].update_one({"_id": "evaluator"}, {"$set": {"positions": {}}})
    async with stage.again() as http:
        await stage.counted(http, 6, 'notifier_records_total{outcome="stale"}')
        await stage.reached(http)
    assert (await stage.lines(), stage.received()) == (decided, sent)
    assert len(decided) > len(sent) == 3


async def test_a_region_that_is_retired_while_it_fires_is_closed_and_nobody_hears_of_it(stage: Stage) -> None:
    """A new list of regions comes with a restart: no digest, escalation, repeat or recovery of it follows.

    Others of its rules go on, and a snapshot that still comes under its code is set aside.
    """
    alone = rule("alone", levels=["regency"], escalate=[{"after": "30m", "hears": ["sekda_provinsi"]}])
    both = [alone, rule("regencies", levels=["regency"], group_wait="10m", repeat_every="1h")]
    officials = [official("g"), official("s", "sekda_provinsi")]
    async with stage.notifier(both, officials) as http:
        await stage.play(http, snap(0, 45, BANDA), snap(0, 45, OTHER), snap(1, 30, BANDA), snap(2, 30, OTHER))
    told = [(mail.to, mail.occasion, mail.alerts) for mail in stage.received()]
    assert told == [("g@x", "raised", 1)] * 2
    before = len(await stage.lines())
    async with stage.again(BANDA) as http:
        await stage.play(http, at(5), snap(6, 60, BANDA), at(12), at(33), at(80))
        await stage.counted(http, 1, 'notifier_records_total{outcome="dead"}')
    lines = (await stage.lines())[before:]
    assert [(line["rule"], line["from"], line["to"], line["reason"]) for line in lines if _is_about(BANDA, line)] == [
        ("alone", "firing", "ok", "out_of_scope"), ("regencies", "firing", "ok", "out_of_scope"),
    ]  # fmt: skip
    later = [(mail.to, mail.occasion, mail.alerts) for mail in stage.received()][len(told) :]
    assert later == [("g@x", "raised", 1), ("s@x", "escalated", 1), ("g@x", "repeated", 1)]
    found = await stage.mongo["alerts"].find({"region": BANDA}).to_list(None)
    assert [(each["state"], each["end_reason"], each["next_at"]) for each in found] == [
        ("closed", "out_of_scope", None)
    ] * 2
    assert await stage.mongo["regions"].find_one({"_id": BANDA}) is None


def _is_about(region: str, line: Dict) -> bool:
    return region in [line.get("region"), *(alert["region"] for alert in line.get("alerts", ()))]
