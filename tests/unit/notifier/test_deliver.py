"""Delivering: at least once under one id, the same message each time, tried again only where that can help."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
from tests.fakes_notifier import Mailbox, MemoryStore, Told

POLICY = Policy(
    settle=timedelta(milliseconds=1200),
    lease=timedelta(seconds=30),
    first=timedelta(seconds=1),
    longest=timedelta(seconds=8),
    tries=5,
)
COMPOSER = Composer("http://pages")


class World:
    """An alert that waits to be told, a deliverer and a mailbox."""

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
        self.told = Told()
        self.restart()

    def restart(self, *officials: Official) -> None:
        """Begin anew on what is stored."""
        known = {each.id: each for each in officials or (official(),)}
        self.deliverer = Deliverer(
            self.store, self.store, COMPOSER, {"email": self.mailbox}, known, "one", POLICY, self.clock, self.told
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
    assert (world.delivery.state, world.delivery.sent_at, world.told.sent) == (DeliveryState.SENT, NOW, 1)


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


async def test_a_restarted_worker_need_not_wait_for_its_own_lease() -> None:
    """What its former life had taken up is due at once; another's is not."""
    world = World()
    world.mailbox.crash_after = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        await world.deliverer.deliver_next()
    await world.store.release("two", NOW)
    assert not await world.deliverer.deliver_next()
    await world.store.release("one", NOW)
    assert await world.deliverer.deliver_next()


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
    assert (world.delivery.state, world.delivery.reason, world.told.tried_again) == (DeliveryState.SENT, None, 3)


async def test_after_the_last_try_it_is_given_up() -> None:
    """With the reason of the last."""
    world = World()
    world.mailbox.answers = [TransientError(f"451 try {n}") for n in range(1, 9)]
    while await world.pass_time(seconds=8):
        pass
    assert (world.delivery.state, world.delivery.tries, world.delivery.reason) == (DeliveryState.DEAD, 5, "451 try 5")
    assert (world.told.tried_again, world.told.given_up) == (4, 1)
    assert world.told.works == [False] * 5


async def test_a_permanent_refusal_is_not_tried_again() -> None:
    """The recipient will not be there tomorrow either."""
    world = World()
    world.mailbox.answers = [PermanentError("550 no such user")]
    assert await world.deliverer.deliver_next()
    assert not await world.pass_time(days=1)
    assert (world.delivery.state, world.delivery.reason) == (DeliveryState.DEAD, "550 no such user")
    assert world.told.works == [True]


async def test_who_is_no_longer_an_official_is_not_written_to() -> None:
    """The delivery is given up and says so."""
    world = World()
    world.restart(official(id="another"))
    assert await world.deliverer.deliver_next()
    assert world.delivery.state is DeliveryState.DEAD
    assert (world.delivery.reason or "").startswith("the official no longer exists")


async def test_the_message_waits_until_the_regions_below_add_up() -> None:
    """They come on other partitions; once they have told of the crossing they are named rightly, and no try is
    counted.
    """
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
    """After the time to settle it tells what is known."""
    world = World([])
    while not world.mailbox.received:
        assert world.clock.now() <= NOW + POLICY.settle
        await world.pass_time(milliseconds=50)
    assert world.clock.now() == NOW + POLICY.settle


@pytest.mark.parametrize("late", ["sent", "failed", "written"])
async def test_who_was_taken_over_from_records_nothing(late: str) -> None:
    """A worker that slept through its lease finds that another has the delivery."""
    store = World().store
    slow = await store.claim("one", NOW, NOW + POLICY.lease)
    assert slow is not None
    assert await store.claim("two", NOW + POLICY.lease, NOW + 2 * POLICY.lease) is not None
    message = COMPOSER.compose(next(iter(store.memory.alerts.values())), official(), [], NOW)
    marks: dict[str, Callable[[], Awaitable[bool]]] = {
        "sent": lambda: store.mark_sent(slow, NOW),
        "failed": lambda: store.mark_failed(slow, "451", NOW),
        "written": lambda: store.freeze(slow, message),
    }
    assert await marks[late]() is False
    assert store.memory.deliveries["d-1"].state is DeliveryState.WAITING


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
