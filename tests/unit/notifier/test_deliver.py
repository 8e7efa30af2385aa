"""Delivering: at least once under one id, the same message each time, tried again only where that can help."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.notifier.application.alerts import Alert, Delivery, DeliveryState
from services.notifier.application.compose import Composer
from services.notifier.application.deliver import Deliverer, Policy
from services.notifier.application.movers import Mover, add_up, change, movers
from services.notifier.domain.officials import Official
from services.notifier.domain.rules import Measure
from shared.contracts.snapshots import Count, Snapshot
from shared.runtime.errors import PermanentError, TransientError
from tests.factories_notifier import NOW, aceh_at_40, child, official, rule, snapshot
from tests.fakes import ManualClock
from tests.fakes_notifier import Mailbox, MemoryStore, ReadableMetrics

POLICY = Policy(
    children_wait=timedelta(milliseconds=1200),
    lease=timedelta(seconds=30),
    first=timedelta(seconds=1),
    longest=timedelta(seconds=8),
    tries=5,
)
COMPOSER = Composer("http://pages")


class World:
    """An alert with a waiting delivery, a deliverer and a mailbox."""

    def __init__(self, children: list[Snapshot] | None = None) -> None:
        region, all_children = aceh_at_40()
        self.alert = Alert(rule(), region, 1, NOW)
        self.store = MemoryStore()
        for shot in all_children if children is None else children:
            self.store.memory.snapshots[shot.region] = shot
        self.store.memory.alerts[self.alert.id] = self.alert
        self.store.memory.deliveries["d-1"] = Delivery("d-1", self.alert.id, "gubernur-aceh", "email", NOW, NOW, "")
        self.clock = ManualClock(NOW)
        self.mailbox = Mailbox()
        self.metrics = ReadableMetrics()
        self.restart()

    def restart(self, *officials: Official) -> None:
        """Make a new deliverer over the same store."""
        known = {each.id: each for each in officials or (official(),)}
        self.deliverer = Deliverer(
            self.store, COMPOSER, {"email": self.mailbox}, known, "one", POLICY, self.clock, self.metrics
        )

    @property
    def delivery(self) -> Delivery:
        """The delivery as it stands."""
        return self.store.memory.deliveries["d-1"]

    async def pass_time(self, **by: float) -> bool:
        """Let time pass and deal with what is due then."""
        self.clock.advance(timedelta(**by))
        return await self.deliverer.deliver_next()


async def test_a_message_is_sent_once_and_recorded() -> None:
    """Afterwards nothing is due."""
    world = World()
    assert await world.deliverer.deliver_next()
    assert not await world.pass_time(days=1)
    assert [id_ for id_, _ in world.mailbox.received] == ["d-1"]
    assert (world.delivery.state, world.delivery.sent_at, world.metrics.deliveries("sent")) == (
        DeliveryState.SENT,
        NOW,
        1,
    )


async def test_a_crash_between_taken_and_recorded_sends_the_same_again() -> None:
    """The same id and the same message, although the regions below have changed meanwhile."""
    world = World()
    world.mailbox.crash_after = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        await world.deliverer.deliver_next()
    world.store.memory.snapshots["11.01"] = child("11.01", 9_000, 4_000)
    world.restart()
    assert not await world.pass_time(seconds=29)
    assert await world.pass_time(seconds=1)
    first, second = world.mailbox.received
    assert first == second
    assert world.delivery.state is DeliveryState.SENT


async def test_a_passing_failure_is_tried_again_later_and_later() -> None:
    """Doubling from the first pause, spread by chance over its upper half; then it is sent."""
    world = World()
    world.mailbox.answers = [TransientError("451 later")] * 3
    for tries, pause in ((1, 1), (2, 2), (3, 4)):
        assert await world.deliverer.deliver_next()
        wait = world.delivery.due_at - world.clock.now()
        assert timedelta(seconds=pause / 2) <= wait <= timedelta(seconds=pause)
        assert (world.delivery.tries, world.delivery.reason) == (tries, "451 later")
        assert not await world.deliverer.deliver_next()
        world.clock.set(world.delivery.due_at)
    assert await world.deliverer.deliver_next()
    assert (world.delivery.state, world.delivery.reason, world.metrics.deliveries("failed")) == (
        DeliveryState.SENT,
        None,
        3,
    )


async def test_after_the_last_try_it_is_given_up() -> None:
    """With the reason of the last."""
    world = World()
    world.mailbox.answers = [TransientError(f"451 try {n}") for n in range(1, 9)]
    while await world.pass_time(seconds=8):
        pass
    assert (world.delivery.state, world.delivery.tries, world.delivery.reason) == (DeliveryState.DEAD, 5, "451 try 5")
    assert (world.metrics.deliveries("failed"), world.metrics.deliveries("dead")) == (4, 1)
    assert world.metrics.value("notifier_channel_works", channel="email") == 0


async def test_a_permanent_refusal_is_not_tried_again() -> None:
    """The recipient will not be there tomorrow either."""
    world = World()
    world.mailbox.answers = [PermanentError("550 no such user")]
    assert await world.deliverer.deliver_next()
    assert not await world.pass_time(days=1)
    assert (world.delivery.state, world.delivery.reason) == (DeliveryState.DEAD, "550 no such user")
    assert world.metrics.value("notifier_channel_works", channel="email") == 1


async def test_who_is_no_longer_an_official_is_not_written_to() -> None:
    """The delivery is given up and says so."""
    world = World()
    world.restart(official(id="another"))
    assert await world.deliverer.deliver_next()
    assert world.delivery.state is DeliveryState.DEAD
    assert (world.delivery.reason or "").startswith("the official no longer exists")


async def test_the_message_waits_until_the_regions_below_add_up() -> None:
    """They come on other partitions; once all have come they are named, and no attempt is counted."""
    region, children = aceh_at_40()
    world = World([*children[:-2], child("11.73", 500)])
    assert await world.deliverer.deliver_next()
    assert (world.mailbox.received, world.delivery.tries) == ([], 0)
    for shot in children:
        world.store.memory.snapshots[shot.region] = shot
    assert not await world.deliverer.deliver_next()
    assert await world.pass_time(milliseconds=50)
    ((_, message),) = world.mailbox.received
    assert message == COMPOSER.compose(world.alert, official(), children, world.clock.now())
    assert region.active == sum(shot.active for shot in children)


async def test_the_message_does_not_wait_for_ever() -> None:
    """After the longest wait it names what is known."""
    world = World([])
    while not world.mailbox.received:
        assert world.clock.now() <= NOW + POLICY.children_wait
        await world.pass_time(milliseconds=50)
    assert world.clock.now() == NOW + POLICY.children_wait


def test_movers_are_the_largest_changes_up_or_down() -> None:
    """Those that changed nothing are not named."""
    changed = {"11.01": 3, "11.02": -7, "11.03": 0, "11.04": 3, "11.05": 1, "11.06": 2, "11.07": 4}
    children = [child(region, 10, joined) for region, joined in changed.items()]
    assert [mover.change for mover in movers(children, "7d", Measure.ACTIVE)] == [-7, 4, 3, 3, 2]
    assert movers(children[:1], "7d", Measure.REGISTERED) == [Mover("Kabupaten Aceh Selatan", 3)]


def test_the_change_in_registered_and_in_active_come_from_the_flows() -> None:
    """Lapses change who is active, ends and moves out both; moves within change no one's registration."""
    kinds = {
        "joined": Count(10, 6), "rejoined": Count(2, 1), "ended": Count(3, -2), "moved_in": Count(4, 4),
        "moved_out": Count(5, -1), "lapsed": Count(7, -7), "returned": Count(1, 1), "moved_within": Count(0, -1),
    }  # fmt: skip
    assert change(kinds, Measure.REGISTERED) == 10 + 2 - 3 + 4 - 5
    assert change(kinds, Measure.ACTIVE) == 6 + 1 - 2 + 4 - 1 - 7 + 1 - 1


def test_children_and_unplaced_add_up_to_the_region() -> None:
    """In registered and in active; a village is of one moment by itself."""
    region = snapshot(10, registered=12, unplaced=Count(2, 1))
    parts = [child("11.01", 4, registered=5), child("11.02", 5)]
    assert add_up(region, parts)
    assert not add_up(region, parts[:1])
    assert add_up(child("11.01.01.2001", 4), [])
