"""Applying, publishing and polling, on memory and a clock moved by hand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, timedelta

import pytest
from prometheus_client import CollectorRegistry

from services.coverage.counting.apply import Applier, ChangeBatch
from services.coverage.counting.catching_up import CatchingUp
from services.coverage.counting.domain.position import Position
from services.coverage.counting.metrics import CountingMetrics
from services.coverage.publishing.metrics import PublishingMetrics
from services.coverage.publishing.poller import Poller
from services.coverage.publishing.publisher import Publisher
from services.coverage.reference.domain.potentials import POTENTIALS
from services.coverage.reference.domain.reference import ReferenceIndex, Statement
from shared.contracts.changes import Change
from shared.contracts.snapshots import Ratio, Snapshot
from shared.contracts.topics import PARTITIONS
from shared.runtime import tracing
from shared.runtime.errors import TransientError
from tests.factories_coverage import TODAY, VILLAGE, counted, joined, partition
from tests.fakes import ManualClock
from tests.fakes_coverage import MemoryReference, MemoryStore, MemoryTopic, owned_partitions, reader_of
from tests.spans import A, B, links, recorded, traceparent

POTENTIAL = Statement(POTENTIALS, "11", "workers", date(2023, 9, 1), 17_109, "bps", "all who work")
BEHIND = timedelta(minutes=5)


def children(region: str) -> tuple[str, ...]:
    """Return the regions below; here each has one, Aceh, or none."""
    return ("11",) if region == "ID" else ()


@dataclass
class Replica:
    """One replica of coverage over a store that it may share."""

    store: MemoryStore = field(default_factory=MemoryStore)
    reference: MemoryReference = field(default_factory=MemoryReference)
    partitions: Collection[int] = range(PARTITIONS)
    clock: ManualClock = field(default_factory=ManualClock)

    def __post_init__(self) -> None:
        self.owned = owned_partitions(self.clock, self.partitions)
        book, catching_up, registry = ReferenceIndex(), CatchingUp(partition), CollectorRegistry()
        self.topic, self.resumed = MemoryTopic(), list[int]()
        viewer = reader_of(
            self.store, book, children, self.clock, lambda code: f"name of {code}", catching_up.catching_up
        )
        metrics = PublishingMetrics(registry)
        self.publisher = Publisher(viewer, self.topic.publish, self.owned, partition, self.clock, metrics)
        self.applier = Applier(self.store, catching_up, self.clock, CountingMetrics(registry), self.publisher.counted)
        self.poller = Poller(
            self.store, self.reference, book, catching_up, self.owned, self.publisher, self.resume, ["11", "92"]
        )

    async def resume(self, partition: int) -> None:
        """Note the partition that was to be taken up again."""
        self.resumed.append(partition)

    def catch_up(self) -> None:
        """Have read all there is."""
        self.owned.ends_at(dict.fromkeys(self.partitions, 0))

    async def take_up(self) -> None:
        """Take up the partitions, which have caught up at once."""
        self.batches = await self.applier.take_up(self.partitions)
        self.catch_up()
        await self.poller.poll()

    async def apply(self, changes: list[Change], region: str = VILLAGE, ago: timedelta = timedelta(0)) -> None:
        """Apply the changes to the region's partition as written so long ago."""
        batch = self.batches[partition(region)]
        self.batches[batch.partition] = await self.commit(batch, changes, ago)

    async def commit(self, batch: ChangeBatch, changes: list[Change], ago: timedelta = timedelta(0)) -> ChangeBatch:
        """Commit the batch with these changes and return its successor."""
        batch.take([*map(counted, changes)], len(changes), self.clock.now() - ago)
        await self.applier.commit([batch])
        return batch.successor()

    async def published(self) -> dict[str, Snapshot]:
        """Publish what is due and return the newest snapshot of each region that was."""
        self.topic.published.clear()
        await self.publisher.publish_due()
        return {snapshot.region: snapshot for snapshot in self.topic.published}


async def ready(**parts: object) -> Replica:
    """Return a replica that has taken up its partitions and published what there was."""
    replica = Replica(**parts)  # type: ignore[arg-type]
    await replica.take_up()
    await replica.published()
    replica.clock.advance(timedelta(seconds=1))
    return replica


LINEAGE = [VILLAGE, "11.01.02", "11.01", "11", "ID"]
"""The regions that a change in the village touches, in the order in which they go out."""


async def test_a_change_publishes_every_region_that_it_touches() -> None:
    """From the village up to the nation, each with its counts, flows and zone."""
    replica = await ready()
    await replica.apply(joined(2))
    published = await replica.published()
    assert set(published) == {VILLAGE, "11.01.02", "11.01", "11", "ID"}
    aceh = published["11"]
    assert (aceh.registered, aceh.active, aceh.position, aceh.level) == (2, 2, 2, "province")
    assert (aceh.time_zone, aceh.parent, aceh.name, aceh.catching_up) == ("WIB", "ID", "name of 11", False)
    assert aceh.flows["7d"]["joined"].registered == 2


async def test_what_changes_does_not_wait_for_what_is_only_published_again() -> None:
    """After a start every region there is goes out once more; a change in the midst of that goes out before most."""
    replica = await ready()
    many = [f"11.01.{district:02d}" for district in range(10, 99)]
    await replica.publisher.touch_again(many)
    await replica.apply(joined(1))
    replica.topic.published.clear()
    await replica.publisher.publish_due()
    order = [snapshot.region for snapshot in replica.topic.published]
    assert sorted(order) == sorted([*many, VILLAGE, "11.01.02", "11.01", "11", "ID"])
    assert order.index(VILLAGE) < len(many) / 2
    assert [region for region in order if region not in many] == LINEAGE


async def test_what_is_published_again_rests_while_changes_go_on() -> None:
    """It rests after each chunk, as long as its share of the process asks; a change goes out meanwhile."""
    replica = await ready()
    many = [f"11.01.{district:02d}" for district in range(10, 99)]
    replica.topic.published.clear()
    await replica.publisher.touch_again(many)
    await replica.publisher.publish_due(rest_again=1e9)
    chunk = [snapshot.region for snapshot in replica.topic.published]
    assert 0 < len(chunk) < len(many)
    await replica.apply(joined(1))
    assert sorted(await replica.published()) == sorted(LINEAGE)
    replica.clock.advance(timedelta(days=3_000))
    assert (await replica.published()).keys() == set(many) - set(chunk)


async def test_a_province_does_not_wait_for_all_villages() -> None:
    """While a long round of villages goes out, a province that changes again goes out between two chunks of it."""
    replica = await ready()
    villages = [f"11.01.02.{number}" for number in range(2001, 2301)]
    replica.publisher.touch(villages)

    def change_again() -> None:
        if len(replica.topic.published) < len(villages) / 2:
            replica.clock.advance(timedelta(seconds=2))
            replica.publisher.touch(["11"])

    replica.topic.then = change_again
    replica.topic.published.clear()
    await replica.publisher.publish_due()
    order = [snapshot.region for snapshot in replica.topic.published]
    assert order.count("11") >= 4
    assert order.index("11") < len(villages) / 4


async def test_what_could_not_be_published_goes_out_later() -> None:
    """A topic that is away costs time, not a snapshot."""
    replica = await ready()
    await replica.apply(joined(1))
    replica.topic.down = True
    with pytest.raises(TransientError):
        await replica.published()
    replica.topic.down = False
    replica.clock.advance(timedelta(seconds=1))
    assert (await replica.published())["ID"].registered == 1


async def test_a_flush_that_failed_may_be_tried_again() -> None:
    """A batch is the same each time."""
    replica = await ready()
    replica.store.down = True
    with pytest.raises(TransientError):
        await replica.apply(joined(1))
    replica.store.down = False
    await replica.applier.commit([replica.batches[partition()]])
    assert (await replica.store.figures(["ID"], TODAY))["ID"].tally.registered == 1


async def test_a_potential_gives_a_ratio_and_publishes_its_region() -> None:
    """Also when another replica recorded it, at the next poll; and those above, whose sum it may complete."""
    replica = await ready()
    await replica.apply(joined(6517))
    await replica.published()
    await replica.reference.add([POTENTIAL], replica.clock.now())
    replica.clock.advance(timedelta(seconds=1))
    await replica.poller.poll()
    published = await replica.published()
    assert set(published) == {"11", "ID"}
    assert published["ID"].potential["workers"].summed
    assert published["11"].coverage.active == Ratio(6517, 17_109, 0.3809)
    assert published["11"].potential["workers"].version == 1


async def test_an_assignment_publishes_all_regions_of_the_partition_anew() -> None:
    """What a crash kept from being published is published by whoever takes over."""
    store = MemoryStore()
    first = await ready(store=store)
    await first.apply(joined(1))
    second = Replica(store=store)
    await second.take_up()
    assert {VILLAGE, "11.01.02", "11.01", "11", "ID"} <= set(await second.published())


async def test_nation_and_province_follow_what_other_replicas_count() -> None:
    """Their owner sees the other's checkpoint move, and publishes the sum."""
    store = MemoryStore()
    upper = {partition("ID"), partition("11"), partition("92")}
    owner = await ready(store=store, partitions=upper)
    other = await ready(store=store, partitions=set(range(PARTITIONS)) - upper)
    assert partition() not in upper
    await other.apply(joined(3))
    assert "ID" not in await other.published()
    await owner.poller.poll()
    published = await owner.published()
    assert set(published) == {"ID", "11"}
    assert published["ID"].registered == 3


async def test_catching_up_is_published_and_taken_back() -> None:
    """Old records make it true for nation and provinces; once caught up all regions are published without it."""
    replica = await ready()
    replica.owned.ends_at(dict.fromkeys(replica.partitions, 1))
    await replica.apply(joined(1), ago=BEHIND)
    published = await replica.published()
    assert {region: shot.catching_up for region, shot in published.items()} == {"11": True, "ID": True}
    replica.catch_up()
    replica.clock.advance(timedelta(seconds=1))
    await replica.poller.poll()
    published = await replica.published()
    assert {snapshot.catching_up for snapshot in published.values()} == {False}
    assert {VILLAGE, "ID"} <= set(published)


async def test_the_nation_catches_up_while_any_replica_does() -> None:
    """Half-counted partitions of others must not look like a fall."""
    store = MemoryStore()
    upper = {partition("ID"), partition("11"), partition("92")}
    owner = await ready(store=store, partitions=upper)
    other = await ready(store=store, partitions=set(range(PARTITIONS)) - upper)
    await other.apply(joined(3), ago=BEHIND)
    await owner.poller.poll()
    assert (await owner.published())["ID"].catching_up


async def test_a_replica_publishes_only_what_it_reads() -> None:
    """A region whose partition went away meanwhile is left to its new owner."""
    replica = await ready()
    await replica.apply(joined(1))
    replica.owned.release(set(replica.partitions) - {partition("ID")})
    assert set(await replica.published()) == {"ID"}


async def test_a_stopped_partition_is_resumed_once_its_checkpoint_says_so() -> None:
    """Whichever replica has it: the command writes to the checkpoint alone."""
    replica = await ready()
    replica.owned.stop(partition(), "seq 2 is missing")
    await replica.poller.poll()
    assert replica.resumed == []
    await replica.store.resume(partition(), Position(), Position(0, 4))
    await replica.poller.poll()
    await replica.poller.poll()
    assert replica.resumed == [partition()]


async def test_snapshots_continue_the_traces_of_the_changes_that_moved_them() -> None:
    """One of them is continued and the other linked to, also after publishing has failed."""
    replica = await ready()
    with recorded() as spans:
        for trace, region in ((A, VILLAGE), (B, "63.10.03.2004")):
            with tracing.span("apply", [trace]):
                await replica.apply(joined(1, region), region)
        replica.topic.down = True
        with pytest.raises(TransientError):
            await replica.publisher.publish_due()
        replica.topic.down = False
        replica.clock.advance(timedelta(seconds=1))
        await replica.published()
    moved = {traceparent(span.get_span_context()) for span in spans.all() if span.name == "apply"}
    failed, again, _villages = (span for span in spans.all() if span.name == "publish snapshots")
    assert len(moved) == 2
    for span in (failed, again):
        assert {traceparent(span.parent), *links(span)} == moved
