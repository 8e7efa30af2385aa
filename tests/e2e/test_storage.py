"""What the services ask of MongoDB while all end-to-end tests run; this file comes last of them."""

from __future__ import annotations

import re

from deploy.sharding import ASKS_EVERY_SHARD, SHARDED, WHOLE
from shared.regions.catalogue import catalogue
from tests.e2e import profiling
from tests.e2e.world import World, enrolled

DISTRICT = catalogue().children(catalogue().children("52")[0])[0]


async def test_no_query_reads_more_than_it_returns(world: World) -> None:
    """Every query of a collection that grows has an index and reads hardly more than it returns.

    The other tests enrol, pay, move, lapse, link, correct, replay and alert; here is what they leave out: erasure,
    every list and every report.
    """
    fact = enrolled("0000990404049999", region=DISTRICT)
    answer = await world.post(fact)
    assert answer.status_code == 202, answer.text
    erase = {"identity": fact["data"]["identity"], "force": True}
    assert (await world.request("POST", "registry", "/v1/participants/erase", "operator", json=erase)).is_success
    for path in (
        "/v1/regions/11", "/v1/regions/11/children?sort=-active", "/v1/regions/11?as_of=2026-01-31",
        "/v1/regions/11/history?from=2026-01-01&to=2026-03-31", "/v1/regions/11/flows?from=2026-01-01&to=2026-03-31",
        "/v1/regions/11.06/due?days=90&by=child", "/v1/regions/11.06/quota?group=vulnerable",
        "/v1/regions/11/provenance", "/v1/reports/monev?region=11", "/v1/potentials", "/v1/targets",
        "/v1/quotas", "/v1/designations", "/v1/awards",
        "/v1/sources",
    ):  # fmt: skip
        answer = await world.request("GET", "coverage", path, "operator")
        assert answer.status_code == 200, f"{path}: {answer.text}"
    for path in ("/v1/alerts", "/v1/alerts?region=11"):
        await world.get("notifier", path)
    found = profiling.wasteful(world.mongodb_uri, world.databases)
    assert not found, "\n".join(found)


async def test_each_query_of_a_sharded_collection_names_its_shard_key(world: World) -> None:
    """So it asks one shard for each value, not all of them. Others are listed with the reason why they may."""
    found = profiling.asking_every_shard(world.mongodb_uri, world.databases)
    assert found <= ASKS_EVERY_SHARD.keys()


async def test_every_collection_is_sharded_or_kept_whole_for_a_reason(world: World) -> None:
    """A collection that is new needs its line; later generations are kept as the first one is."""
    found = {re.sub(r"_\d+$", "", name) for name in profiling.collections(world.mongodb_uri, world.databases)}
    assert SHARDED.keys() <= found <= SHARDED.keys() | WHOLE.keys()
