"""What is wrong is told and set aside, and changes nothing: records of the topic, the file of rules."""

from __future__ import annotations

import json

from tests.alerts_trace import official, rule, snap
from tests.integration.notifier.stage import Stage, metric
from tests.serving import OPERATORS
from tests.waiting import eventually


async def test_records_that_are_no_snapshots_are_set_aside(stage: Stage) -> None:
    """Garbage, null, wrong schema and foreign records are dead letters, a tombstone is not; the mail still comes."""
    foreign = json.dumps(snap(0, 39)["snapshot"] | {"region": "99"}).encode()
    records = [(b"11", b"\x00\xffgarbage"), (b"11", None), (b"nonsense", None), (b"11", b'{"nik":1}'), (b"11", foreign)]
    async with stage.notifier([rule()], [official("g")]) as http:
        for key, value in records:
            await stage.put(key, value)
        await stage.play(http, snap(1, 39))
        assert await metric(http, 'notifier_records_total{outcome="dead"}') == 4
        assert (await http.get("/health/ready")).status_code == 200
    assert [(mail.to, mail.occasion) for mail in stage.received()] == [("g@x", "raised")]


async def test_a_bad_file_of_rules_never_replaces_a_good_one(stage: Stage) -> None:
    """Readiness says what is wrong, a metric shows it, and the rules before stay in force until a good file comes."""
    async with stage.notifier([rule()], [official("g")]) as http:
        stage.write_rules([rule(raise_below="0.50", clear_at="0.40")])

        async def refused() -> bool:
            return await metric(http, "notifier_rules_file_bad") == 1

        await eventually(refused)
        ready = await http.get(f"http://{OPERATORS}/health/ready")
        assert ready.status_code == 200
        assert f"{stage.settings.rules}:" in ready.json()["checks"]["rules"]
        await stage.play(http, snap(1, 39))
        assert [mail.occasion for mail in stage.received()] == ["raised"]
        await stage.play(http, {"at": stage.now(), "rules": {"rules": [rule(severity="critical")]}})
        assert await metric(http, "notifier_rules_file_bad") == 0
    assert await stage.mongo["rules"].count_documents({}) == 2
