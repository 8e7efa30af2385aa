"""Delivering: at least once under one id, the same message each time, and nobody waits for another."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notifier.delivery.deliverer import Deliverer, Lane, Policy
from services.notifier.delivery.deliveries import Delivery, DeliveryState
from services.notifier.delivery.metrics import Backlog
from services.notifier.delivery.ports import TryLaterError
from services.notifier.engine.decisions import Occasion
from services.notifier.engine.directory import ChannelKind
from services.notifier.messages.message import Message
from shared.runtime.errors import PermanentError, TransientError
from shared.runtime.tasks import running
from tests.fakes import ManualClock
from tests.fakes_deliveries import (
    MESSAGE,
    TOLD_AT,
    KnownFacts,
    Mailbox,
    MemoryDeliveries,
    ReadableDeliveryMetrics,
    delivery,
)  # fmt: skip

POLICY = Policy(timedelta(seconds=30), timedelta(hours=1), timedelta(hours=24))
DAY = timedelta(hours=24)


class World:
    """A store of deliveries, a channel of each kind, and a deliverer."""

    def __init__(self, *deliveries: Delivery, connections: int = 4) -> None:
        self.store = MemoryDeliveries(*deliveries)
        self.clock = ManualClock(TOLD_AT)
        self.mail, self.hooks = Mailbox(), Mailbox()
        self.facts = KnownFacts()
        self.metrics = ReadableDeliveryMetrics()
        self.lanes: dict[ChannelKind, Lane] = {
            "email": Lane("email", self.mail, connections),
            "webhook": Lane("webhook", self.hooks, connections, per_address=1),
        }
        self.deliverer = Deliverer(
            self.store, self.facts, lambda _: MESSAGE, self.lanes, "one", POLICY, self.clock, self.metrics
        )  # fmt: skip

    async def deliver(self) -> bool:
        """Try the next e-mail that is due."""
        lane = self.lanes["email"]
        claimed = await self.deliverer.claim(lane)
        for each in claimed:
            await self.deliverer.deliver(lane, each)
        return bool(claimed)

    def found(self, id_: str = "d-1") -> Delivery:
        """Return the delivery as it is stored."""
        return self.store.deliveries[id_]


async def test_what_is_due_is_composed_sent_and_recorded() -> None:
    """Once, with the time."""
    world = World(delivery())
    assert await world.deliver()
    assert world.mail.received == [("d-1", MESSAGE)]
    assert (world.found().state, world.found().sent_at) == (DeliveryState.SENT, TOLD_AT)
    assert not await world.deliver()
    assert world.metrics.tries("sent") == 1


async def test_a_later_try_sends_the_message_of_the_first() -> None:
    """Nothing is read or composed again."""
    world = World(delivery())
    world.mail.answers = [TransientError("451 later")]
    await world.deliver()
    assert (world.found().message, world.found().tries, world.found().reason) == (MESSAGE, 1, "451 later")
    assert world.metrics.value("notifier_channel_works", channel="email") == 0
    world.clock.advance(timedelta(seconds=36))
    assert await world.deliver()
    assert world.facts.read_for == ["d-1"]
    assert world.found().state is DeliveryState.SENT
    assert world.metrics.value("notifier_channel_works", channel="email") == 1


@given(st.integers(0, 200), st.floats(0, 1, exclude_max=True))
def test_a_pause_doubles_up_to_an_hour_and_is_spread_by_a_fifth(tries: int, chance: float) -> None:
    """Tries after 30 s, 60 s, 120 s …, each ±20 %."""
    tried = delivery(tries=tries, first_try_at=TOLD_AT)
    due_at = POLICY.due_at(tried, TOLD_AT, timedelta(), chance)
    assert due_at is not None
    full = min(30 * 2**tries, 3600)
    assert 0.8 * full - 0.001 <= (due_at - TOLD_AT).total_seconds() <= 1.2 * full + 0.001


@pytest.mark.parametrize("message", [None, MESSAGE], ids=["composed at the first try", "made with its message"])
async def test_after_24_hours_of_failures_a_delivery_is_dead(message: Message | None) -> None:
    """The last try is 24 hours after the first one; every pause is between 24 s and 72 min."""
    world = World(delivery(message=message))
    tried_at = []
    while world.found().state is DeliveryState.WAITING:
        world.clock.advance(world.found().due_at - world.clock.now())
        world.mail.answers = [TransientError("451 later")]
        tried_at.append(world.clock.now())
        assert await world.deliver()
    assert world.found().state is DeliveryState.DEAD
    assert tried_at[-1] == TOLD_AT + DAY
    pauses = [later - earlier for earlier, later in pairwise(tried_at[:-1])]
    assert timedelta(seconds=24) <= min(pauses)
    assert max(pauses) <= timedelta(minutes=72)
    assert world.metrics.tries("dead") == 1


async def test_a_permanent_refusal_is_dead_at_once() -> None:
    """With its reason; the channel counts as working."""
    world = World(delivery())
    world.mail.answers = [PermanentError("550 no such user")]
    await world.deliver()
    assert (world.found().state, world.found().reason) == (DeliveryState.DEAD, "550 no such user")
    assert world.metrics.value("notifier_channel_works", channel="email") == 1


async def test_a_pause_that_the_receiver_asks_for_is_kept() -> None:
    """Retry-After over our own pause, but the last try stays within the 24 hours."""
    world = World(delivery())
    world.mail.answers = [TryLaterError("429", timedelta(minutes=10)), TryLaterError("429", timedelta(hours=30))]
    await world.deliver()
    assert world.found().due_at == TOLD_AT + timedelta(minutes=10)
    world.clock.advance(timedelta(minutes=10))
    await world.deliver()
    assert world.found().due_at == TOLD_AT + DAY


@pytest.mark.parametrize("error", [RuntimeError("a template"), PermanentError("the alert is not known")])
async def test_a_message_that_cannot_be_composed_is_dead_and_stops_nobody(error: Exception) -> None:
    """The next delivery goes out."""
    world = World(delivery(), delivery("d-2"))
    world.facts.error = error
    await world.deliver()
    world.facts.error = None
    await world.deliver()
    assert (world.found().state, world.found("d-2").state) == (DeliveryState.DEAD, DeliveryState.SENT)
    assert "cannot be composed" in str(world.found().reason)


async def test_facts_are_read_together_and_one_that_cannot_be_read_stops_nobody() -> None:
    """Those that were claimed with it are read again alone."""
    world = World(delivery(), delivery("d-2"), delivery("d-3"))
    world.facts.poison = "d-2"
    async with running(world.deliverer.run()), asyncio.timeout(10):
        await world.mail.holds(2)
        while world.found("d-2").state is not DeliveryState.DEAD:  # noqa: ASYNC110 - the store tells nobody
            await asyncio.sleep(0)
    assert world.facts.read_for[:3] == ["d-1", "d-2", "d-3"]
    assert {id_ for id_, _ in world.mail.received} == {"d-1", "d-3"}


async def test_a_defect_of_a_channel_is_dead_and_stops_nobody() -> None:
    """Its text may quote an address, so the type is all that is kept."""
    world = World(delivery(), delivery("d-2"))
    world.mail.answers = [RuntimeError("secret")]
    await world.deliver()
    await world.deliver()
    assert world.found().reason == "the channel has a defect: RuntimeError"
    assert world.found("d-2").state is DeliveryState.SENT


async def test_while_the_store_is_away_no_try_is_counted() -> None:
    """Facts that cannot be read now leave the delivery to be claimed again."""
    world = World(delivery())
    world.facts.error = TransientError("MongoDB does not answer")
    with pytest.raises(TransientError):
        await world.deliver()
    world.facts.error = None
    world.clock.advance(POLICY.lease)
    assert await world.deliver()
    assert (world.found().state, world.found().tries) == (DeliveryState.SENT, 0)


async def test_what_another_worker_has_taken_over_is_not_sent_by_the_first() -> None:
    """The first one's claim has expired before it composed."""
    world = World(delivery())
    lane = world.lanes["email"]
    (claimed,) = await world.deliverer.claim(lane)
    world.clock.advance(POLICY.lease)
    assert await world.deliver()
    await world.deliverer.deliver(lane, claimed)
    assert len(world.mail.received) == 1


async def test_a_later_message_answers_the_first_about_the_alert() -> None:
    """At the same address; a first message answers none."""
    later = TOLD_AT + timedelta(hours=1)
    elsewhere = delivery("d-0", "email:other@example.id", told_at=TOLD_AT - DAY)
    recovery = delivery("d-2", told_at=later, due_at=later, occasion=Occasion.RECOVERED)
    world = World(elsewhere, delivery(), recovery)
    world.clock.advance(timedelta(hours=1))
    while await world.deliver():
        pass
    assert (world.found().answers, world.found("d-2").answers) == (None, "d-1")


async def test_an_address_that_never_answers_delays_no_other() -> None:
    """Neither another address of the kind nor another kind, however many messages wait for it."""
    deaf = [delivery(f"deaf-{n}", "webhook:https://deaf.id") for n in range(50)]
    world = World(*deaf, delivery("hook", "webhook:https://well.id"), delivery("mail"))
    world.hooks.deaf = {"https://deaf.id"}
    async with running(world.deliverer.run()), asyncio.timeout(10):
        await world.mail.holds(1)
        await world.hooks.holds(1)
    assert [id_ for id_, _ in world.hooks.received] == ["hook"]
    assert world.hooks.listening == 1


async def test_no_more_are_sent_at_a_time_than_there_are_connections() -> None:
    """Those that wait for a connection are not claimed either, so another replica may send them."""
    world = World(*(delivery(f"d-{n}") for n in range(9)), connections=3)
    world.mail.deaf = {"gubernur@example.id"}
    async with running(world.deliverer.run()), asyncio.timeout(10):
        while world.mail.listening < 3:
            await world.mail.arrived.wait()
            world.mail.arrived.clear()
        await asyncio.sleep(0)
        assert (world.mail.listening, len(world.store.holders)) == (3, 3)


async def test_addresses_that_fail_have_half_of_the_connections() -> None:
    """So many stuck addresses leave room for those that work; one that works again is one of them."""
    lane = Lane("webhook", Mailbox(), 4, per_address=2)
    for address in ("a", "b", "c"):
        lane.note(address, works=False)
    assert lane.without() == set()
    lane.begin("a", 0)
    lane.begin("b", 0)
    assert lane.without() == {"a", "b", "c"}
    lane.note("b", works=True)
    assert lane.without() == set()
    lane.begin("a", 0)
    assert lane.without() == {"a", "c"}
    lane.note("a", works=True)
    assert lane.without() == {"a"}
    lane.end("a")
    assert lane.without() == set()


def test_a_rate_spaces_messages() -> None:
    """Two a second: half a second after the last; time without messages is not saved up."""
    lane = Lane("chat", Mailbox(), 4, per_second=2)
    assert lane.pause(10.0) == 0
    lane.begin("a", 10.0)
    assert lane.pause(10.0) == 0.5
    lane.begin("a", 10.0)
    assert lane.pause(10.2) == pytest.approx(0.8)
    assert lane.pause(60.0) == 0
    lane.begin("a", 60.0)
    assert lane.pause(60.0) == 0.5


async def test_all_that_is_due_is_sent() -> None:
    """One after another, and one that comes later too, once it is told of."""
    world = World(*(delivery(f"d-{n}") for n in range(30)), connections=3)
    async with running(world.deliverer.run()), asyncio.timeout(10):
        await world.mail.holds(30)
        world.store.deliveries["late"] = delivery("late")
        world.deliverer.wake()
        await world.mail.holds(31)
    assert sorted(id_ for id_, _ in world.mail.received) == sorted(["late", *(f"d-{n}" for n in range(30))])


def test_the_gauges_show_what_was_not_sent() -> None:
    """By kind: what waits, since when, and what is dead; zero where there is nothing."""
    metrics = ReadableDeliveryMetrics()
    metrics.show([Backlog("email", 3, 1, TOLD_AT)], TOLD_AT + timedelta(seconds=90))
    assert metrics.value("notifier_deliveries_waiting", channel="email") == 3
    assert metrics.value("notifier_deliveries_dead", channel="email") == 1
    assert metrics.value("notifier_deliveries_oldest_waiting_seconds", channel="email") == 90
    metrics.show([], TOLD_AT)
    assert metrics.value("notifier_deliveries_waiting", channel="email") == 0
    assert metrics.value("notifier_deliveries_oldest_waiting_seconds", channel="chat") == 0
