"""`cakupan-registry verify`, `replay-ledger` and `dump-ledger` on real servers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from services.registry.settings import RegistrySettings
from shared.adapters.kafka_access import KafkaAccess
from shared.adapters.kafka_admin import ensure_topics, partitions
from shared.adapters.mongo import Mongo
from shared.contracts.topics import CHANGES
from tests.factories_registry import NIK, event, raw
from tests.integration.registry.commands import command
from tests.integration.registry.serving import Registry
from tests.integration.registry.test_bulk import NDJSON, lines
from tests.topic_records import Kept, read_topic
from tests.waiting import eventually

PEOPLE = 300


async def fill(registry: Registry) -> dict[int, list[Kept]]:
    """Enrol people in three regencies, move some of them, and return the topic once all of it is there."""
    who = [{"scheme": "nik", "value": f"{NIK[:12]}{n:04d}"} for n in range(PEOPLE)]
    regions = ["11.01.02.2003", "63.10", "92.08"]
    joined = [
        event(id=f"e-{n}", data={"identity": one, "region": regions[n % 3], "paid_through": "2026-12"})
        for n, one in enumerate(who)
    ]
    moved = [
        event(id=f"m-{n}", type="cakupan.relocated.v1", time="2026-10-05") | {"data": {"identity": one, "region": "35"}}
        for n, one in enumerate(who[:50])
    ]
    for one in moved:
        one["data"]["region"] = "35.01"
    assert (await registry.bulk(lines(joined), NDJSON)).json()["errors"] is False
    assert (await registry.bulk(lines(moved), NDJSON)).json()["errors"] is False

    async def all_there() -> dict[int, list[Kept]]:
        kept = await read_topic(registry.bootstrap, registry.topic)
        assert sum(map(len, kept.values())) == PEOPLE + 2 * 50
        return kept

    return await eventually(all_there)


async def test_a_running_registry_verifies_while_facts_arrive(registry: Registry, settings: RegistrySettings) -> None:
    """What is committed meanwhile makes no difference; exit code 0 and what was compared."""
    await fill(registry)
    verifying = asyncio.create_task(command(settings, "verify"))
    number = PEOPLE
    while not verifying.done():
        person = {"identity": {"scheme": "nik", "value": f"{NIK[:12]}{number:04d}"}}
        assert (await registry.post(raw(id=f"e-{number}", data=person))).status_code == 202
        number += 1
    code, out, error = verifying.result()
    assert (code, "no difference" in out) == (0, True), error
    assert "people: 0" in error


async def test_a_difference_ends_with_exit_code_one_and_names_it(
    registry: Registry, settings: RegistrySettings
) -> None:
    """Someone took a person out of the database by hand."""
    await fill(registry)
    mongo = Mongo(settings.mongodb_uri, settings.database("registry"), "a hand")
    person = (await mongo["participants"].find_one_and_delete({}))["_id"]
    mongo.close()
    code, out, error = await command(settings, "verify")
    assert (code, out) == (1, "")
    assert f"difference: person {person}, change " in error
    assert "how often it counts: expected 0, found 1" in error
    assert NIK[:12] not in error


async def test_what_cannot_be_told_ends_with_exit_code_two(settings: RegistrySettings) -> None:
    """A database that no registry has: one line that says so, and not that there is no difference."""
    code, out, error = await command(settings, "verify")
    assert (code, out, "no registry has run" in error) == (2, "", True), error


async def test_a_topic_that_is_not_there_is_not_replayed_to(registry: Registry, settings: RegistrySettings) -> None:
    """It is named, with what it must be; and it is not created by asking."""
    code, _, error = await command(settings, "replay-ledger", "--to", f"{settings.namespace}none")
    assert (code, f"topic {settings.namespace}none: not there" in error) == (2, True), error
    assert f"{settings.namespace}none" not in await partitions(KafkaAccess(settings.kafka_bootstrap))


async def test_a_dump_is_what_the_topic_holds(registry: Registry, settings: RegistrySettings, tmp_path: Path) -> None:
    """A change a line, partition after partition; a place that cannot be written to is named."""
    original = await fill(registry)
    file = tmp_path / "ledger"
    code, out, error = await command(settings, "dump-ledger", str(file))
    assert (code, out.split(" to ")[0]) == (0, f"{PEOPLE + 100} changes written"), error
    assert file.read_bytes().splitlines() == [kept.value for _, records in sorted(original.items()) for kept in records]
    code, _, error = await command(settings, "dump-ledger", str(tmp_path / "none" / "ledger"))
    assert (code, "cannot be written: No such file or directory" in error) == (2, True), error


async def test_a_replay_is_the_lost_topic_byte_for_byte(registry: Registry, settings: RegistrySettings) -> None:
    """Every record of every partition: offset, key, value and headers; and resumed, there is nothing left to do."""
    original = await fill(registry)
    copy = CHANGES.under(f"{settings.namespace}copy.")
    await ensure_topics(KafkaAccess(settings.kafka_bootstrap), [copy])
    code, out, error = await command(settings, "replay-ledger", "--to", copy.name)
    assert (code, out.split(" on ")[0]) == (0, f"{PEOPLE + 100} changes published"), error
    assert await read_topic(settings.kafka_bootstrap, copy.name) == original
    code, out, _ = await command(settings, "replay-ledger", "--to", copy.name, "--resume")
    assert (code, out.split(" on ")[0]) == (0, "0 changes published")
