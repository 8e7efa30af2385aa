"""Counting on real Kafka and MongoDB: exactly once, whatever comes."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import pairwise

import pytest

from services.coverage.app import resumed
from services.coverage.counting.domain.position import Position
from shared.contracts import topics
from shared.runtime.errors import PermanentError
from tests.factories_coverage import (
    OTHER_PROVINCE,
    OTHER_REGENCY,
    VILLAGE,
    change,
    joined,
    partition,
    state,
    value,
)
from tests.integration.coverage.stack import Replica, Stack
from tests.serving import OPERATORS
from tests.waiting import eventually

UNREADABLE: list[tuple[bytes | None, bytes]] = [
    (b"\xff\x00 garbage", b"not_json"),
    (None, b"null_value"),
    (value(change(), seq="one"), b"wrong_schema"),
    (b'{"type":"order.placed","nik":"1101014101900001"}', b"wrong_schema"),
    (value(change(after=state("99.99.99.9999"))), b"unknown_region"),
]


async def test_changes_are_counted_up_to_the_nation(stack: Stack, replica: Replica) -> None:
    """Regencies of several partitions and two provinces; nation = Σ provinces."""
    for place, count in ((VILLAGE, 12), (OTHER_REGENCY, 20), (OTHER_PROVINCE, 30)):
        await stack.publish(joined(count, place))
    await eventually(lambda: replica.counts("ID", 62))
    found = {code: (await replica.region(code))["registered"] for code in ("11", "92", "11.01", "11.02.01", VILLAGE)}
    assert found == {"11": 32, "92": 30, "11.01": 12, "11.02.01": 20, VILLAGE: 12}
    assert (await replica.region("11"))["flows"]["7d"]["joined"] == {"registered": 32, "active": 32}


async def test_what_cannot_be_read_is_set_aside_and_the_rest_counted(stack: Stack, replica: Replica) -> None:
    """Each dead letter has its reason and where it came from, and no identity."""
    await stack.publish(joined(2))
    await stack.put([(VILLAGE, record) for record, _ in UNREADABLE])
    await stack.publish(joined(3, first=2))
    await eventually(lambda: replica.counts("ID", 5))
    letters = await stack.read(topics.CHANGES_DEAD)
    assert [dict(letter.headers)["reason"] for letter in letters] == [reason for _, reason in UNREADABLE]
    came_from = f"{topics.CHANGES.under(stack.namespace).name}/{partition()}/2"
    assert letters[0].key.decode() == came_from
    assert not any(b"1101014101900001" in letter.value for letter in letters)
    await eventually(lambda: replica.shows('coverage_records_total{outcome="dead"}', len(UNREADABLE)))


async def test_a_restart_goes_on_where_it_stopped_and_drops_what_comes_twice(stack: Stack) -> None:
    """The relay may publish again after its own crash: the numbers tell."""
    async with stack.replica() as first:
        await stack.publish(joined(4))
        await eventually(lambda: first.counts("ID", 4))
    await stack.publish(joined(4))
    await stack.publish(joined(2, first=4))
    async with stack.replica() as second:
        await eventually(lambda: second.counts("ID", 6))
        await eventually(lambda: second.shows('coverage_records_total{outcome="dropped_duplicate"}', 4))
        await eventually(lambda: second.shows('coverage_records_total{outcome="applied"}', 2))


async def test_snapshots_arrive_and_at_most_one_a_second_of_a_region(stack: Stack, replica: Replica) -> None:
    """The last state is always published, positions never retreat, and it is under a potential's ratio."""
    csv = "region,basis,valid_from,value,source,definition\nID,workers,2023-09-01,100,bps,all\n"
    sent = await replica.http.put("/v1/potentials", content=csv, headers=replica.headers | {"content-type": "text/csv"})
    assert sent.json() == {"rows": 1, "recorded": 1, "unchanged": 0}
    for number in range(25):
        await stack.publish(joined(1, first=number))
        await eventually(partial(replica.counts, "ID", number + 1))

    async def published() -> bool:
        return any(snapshot.registered == 25 for snapshot in await stack.snapshots("ID"))

    await eventually(published)
    snapshots = await stack.snapshots("ID")
    assert all(b.as_of - a.as_of > timedelta(seconds=0.9) for a, b in pairwise(snapshots))
    assert all(b.position >= a.position for a, b in pairwise(snapshots))
    last = snapshots[-1]
    assert last.coverage.active is not None
    assert (last.coverage.active.ratio, last.catching_up) == (0.25, False)
    await eventually(lambda: replica.shows('coverage_ratio{measure="active",region="ID"}', 0.25))


async def test_a_gap_stops_its_partition_alone_until_the_missing_records_came(stack: Stack, replica: Replica) -> None:
    """Readiness names the partition and both numbers, the command the seq that is missing; nothing counts twice."""
    await stack.publish([*joined(2), change(4), change(5)])
    await stack.publish(joined(3, OTHER_PROVINCE))
    await eventually(lambda: replica.counts("ID", 5))

    async def unready() -> str:
        response = await replica.http.get(f"http://{OPERATORS}/health/ready")
        assert response.status_code == 503
        return str(response.json()["checks"]["changes"])

    trouble = await eventually(unready)
    assert f"partition {partition()}: seq 2 was expected and 4 seen" in trouble
    assert await replica.metric("coverage_sequence_gaps_total") == 1
    assert (await replica.http.get("/health/live")).status_code == 200
    resume = partial(resumed, stack.settings())
    with pytest.raises(PermanentError, match=f"partition {partition()}: seq 2 is still missing"):
        await resume(partition())
    await stack.publish(joined(5, first=2))
    assert await resume(partition()) == Position(2, 4)
    await eventually(lambda: replica.counts("ID", 10))
    await eventually(replica.is_ready)


async def test_a_topic_made_anew_stops_its_partitions(stack: Stack) -> None:
    """The checkpoint is ahead of it: going on would count nothing, and say nothing. Filled again, it is resumed."""
    async with stack.replica() as first:
        await stack.publish(joined(4))
        await eventually(lambda: first.counts("ID", 4))
    await stack.make_anew(topics.CHANGES)
    async with stack.started() as second:

        async def trouble() -> str:
            return str((await second.http.get(f"http://{OPERATORS}/health/ready")).json()["checks"]["changes"])

        async def published() -> bool:
            return f"partition {partition()}: offset 4 is next, and the topic holds 0 to 0" in await trouble()

        await eventually(published)
        resume = partial(resumed, stack.settings())
        await stack.publish([change(5), change(6)])
        with pytest.raises(PermanentError, match="seq 4 is still missing"):
            await resume(partition())
        await stack.publish([*joined(7), change(7)])
        assert await resume(partition()) == Position(4, 4)
        await stack.publish([change(8)])
        await eventually(lambda: second.counts("ID", 9))
        await eventually(second.is_ready)
