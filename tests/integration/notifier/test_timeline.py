"""Timelines played on real Kafka, MongoDB and SMTP: what is decided, and who gets what between which instants."""

from __future__ import annotations

from tests.alerts_scenarios import scenario
from tests.alerts_trace import traced
from tests.integration.notifier.stage import Stage


async def test_the_live_decisions_equal_the_trace_of_the_same_events(stage: Stage) -> None:
    """Rules of every kind, officials, silences and acknowledgements from a seed, played through Kafka and MongoDB."""
    rules, officials, events = scenario(seed=3, length=20)
    async with stage.notifier(rules, officials) as http:
        await stage.play(http, *events)
    last = {"at": stage.played[-1]["at"]}
    live = [line for line in await stage.lines() if line["at"] <= last["at"]]
    assert live == traced(rules, officials, [*stage.played, last])
