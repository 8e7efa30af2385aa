"""The store of deliveries, on the fake and on MongoDB; and what only MongoDB's has: lists and figures."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.notifier.delivery.deliveries import Delivery, DeliveryState, delivery_document
from services.notifier.delivery.metrics import Backlog
from services.notifier.delivery.mongo import MongoDeliveries, PageStart, Wanted
from services.notifier.delivery.ports import DeliveryStore
from shared.adapters.mongo import Mongo
from tests.fakes_deliveries import MESSAGE, TOLD_AT, MemoryDeliveries, delivery

LEASE = timedelta(seconds=60)
LATER = TOLD_AT + LEASE


class Ports:
    """A store, and how deliveries come into it."""

    def __init__(self, mongo: Mongo | None) -> None:
        self.mongo = mongo
        self.fake = MemoryDeliveries()
        self.store: DeliveryStore = self.fake if mongo is None else MongoDeliveries(mongo)

    async def insert(self, *deliveries: Delivery) -> None:
        """Insert as the evaluator does."""
        if self.mongo is None:
            self.fake.deliveries |= {each.id: each for each in deliveries}
        else:
            await self.mongo["deliveries"].insert_many([delivery_document(each) for each in deliveries])

    async def claim(self, holder: str = "one", after: timedelta = timedelta(), *without: str) -> Delivery | None:
        """Claim the e-mail due longest, so long after TOLD_AT."""
        now = TOLD_AT + after
        claimed = await self.store.claim("email", without, holder, now, now + LEASE, 1)
        return claimed[0] if claimed else None


@pytest.fixture
async def database(mongodb_uri: str, namespace: str) -> AsyncIterator[Mongo]:
    """A database of the test's own, prepared twice as by two replicas."""
    mongo = Mongo(mongodb_uri, f"{namespace.replace('.', '_')}notifier", "notifier-0")
    await MongoDeliveries(mongo).prepare()
    await MongoDeliveries(mongo).prepare()
    yield mongo
    mongo.close()


@pytest.fixture(params=["fake", "real"])
def ports(request: pytest.FixtureRequest) -> Ports:
    """The store in memory and in MongoDB."""
    return Ports(None if request.param == "fake" else request.getfixturevalue("database"))


def at(minutes: int, id_: str, channel: str = "email:gubernur@example.id", **over: object) -> Delivery:
    """Return a delivery told, and due, so many minutes after TOLD_AT."""
    told_at = TOLD_AT + timedelta(minutes=minutes)
    return delivery(id_, channel, told_at=told_at, due_at=told_at, **over)


async def test_the_delivery_due_longest_is_claimed_by_one(ports: Ports) -> None:
    """Others wait until the claim expires, and then the first worker can record nothing."""
    await ports.insert(at(5, "d-2"), at(1, "d-1"))
    assert await ports.claim() is None
    assert await ports.store.next_due("email", ()) == LATER
    claimed = await ports.claim("one", LEASE)
    assert claimed == replace(at(1, "d-1"), due_at=LATER + LEASE, claims=1)
    assert await ports.claim("two", LEASE) is None
    taken_over = await ports.claim("two", 2 * LEASE)
    assert taken_over is not None
    assert (taken_over.id, taken_over.claims) == ("d-1", 2)
    assert not await ports.store.mark_sent(claimed, LATER)
    assert not await ports.store.mark_failed(claimed, "451", LATER)
    assert not await ports.store.keep_message(claimed, MESSAGE, None, LATER)
    assert await ports.store.mark_sent(taken_over, LATER)
    assert not await ports.store.mark_sent(taken_over, LATER)


async def test_some_are_claimed_together_those_due_longest(ports: Ports) -> None:
    """Each by one holder, however many try at the same time."""
    await ports.insert(*(at(n, f"d-{n}") for n in range(6)))
    now = TOLD_AT + timedelta(minutes=9)

    async def claimed(holder: str) -> list[str]:
        return [each.id for each in await ports.store.claim("email", (), holder, now, now + LEASE, 4)]

    assert await claimed("one") == ["d-0", "d-1", "d-2", "d-3"]
    assert await claimed("two") == ["d-4", "d-5"]
    await ports.store.release("one", now)
    both = await asyncio.gather(*(claimed(f"holder-{n}") for n in range(4)))
    assert len({id_ for ids in both for id_ in ids}) == sum(len(ids) for ids in both)


async def test_claims_are_of_one_kind_and_leave_addresses_out(ports: Ports) -> None:
    """So is the time of the next."""
    await ports.insert(at(0, "hook", "webhook:https://a.id"), at(1, "d-1"), at(2, "d-2", "email:b@example.id"))
    without = ("gubernur@example.id",)
    found = await ports.claim("one", timedelta(minutes=5), *without)
    assert found is not None
    assert found.id == "d-2"
    assert await ports.claim("one", timedelta(minutes=5), *without, "b@example.id") is None
    assert await ports.store.next_due("email", ("b@example.id",)) == TOLD_AT + timedelta(minutes=1)
    assert await ports.store.next_due("webhook", ()) == TOLD_AT
    assert await ports.store.next_due("chat", ()) is None


async def test_a_message_is_kept_for_later_tries(ports: Ports) -> None:
    """With what it answers, the time of the first try, the number of failed ones and the last reason."""
    await ports.insert(delivery())
    first = await ports.claim()
    assert first is not None
    assert await ports.store.keep_message(first, MESSAGE, "d-0", TOLD_AT)
    assert await ports.store.mark_failed(replace(first, first_try_at=TOLD_AT), "451 later", LATER)
    assert await ports.claim() is None
    second = await ports.claim("one", LEASE)
    assert second is not None
    assert (second.message, second.answers, second.first_try_at) == (MESSAGE, "d-0", TOLD_AT)
    assert (second.tries, second.reason) == (1, "451 later")
    assert await ports.store.mark_failed(second, "550 no such user", None)
    assert await ports.store.next_due("email", ()) is None


async def test_a_restarted_holder_releases_only_its_own_claims(ports: Ports) -> None:
    """Neither claims of others nor pauses between tries."""
    await ports.insert(at(0, "mine"), at(0, "paused"), at(0, "other"))
    claimed = [await ports.claim(holder) for holder in ("one", "one", "two")]
    mine, paused, other = (each for each in claimed if each is not None)
    assert await ports.store.mark_failed(paused, "451", LATER)
    await ports.store.release("one", TOLD_AT)
    released = await ports.claim()
    assert released is not None
    assert released.id == mine.id
    assert await ports.claim() is None
    assert other.id not in (mine.id, paused.id)


async def test_the_first_delivery_about_an_alert_is_found(ports: Ports) -> None:
    """At the same address, also where the alert was one of a digest; its own is none."""
    first = at(1, "digest", alerts=("alert-0", "alert-1"), rules=("r", "r"), regions=("11", "12"))
    later = at(3, "later")
    await ports.insert(at(0, "elsewhere", "email:b@example.id"), first, at(2, "other", alerts=("alert-2",)), later)
    assert await ports.store.first_told(later) == "digest"
    assert await ports.store.first_told(first) is None


async def test_deliveries_are_listed_newest_first(database: Mongo) -> None:
    """Page by page, without messages; by state, kind, official and alert."""
    ports, store = Ports(database), MongoDeliveries(database)
    await ports.insert(*(at(n, f"d-{n}", alerts=(f"a-{n % 2}",)) for n in range(4)), at(9, "hook", "webhook:https://a"))
    page = await store.page(Wanted(), None, 3)
    assert [each.id for each in page] == ["hook", "d-3", "d-2"]
    rest = await store.page(Wanted(), PageStart(page[-1].told_at, page[-1].id), 3)
    assert [each.id for each in rest] == ["d-1", "d-0"]
    assert [each.id for each in await store.page(Wanted(alert="a-1"), None, 9)] == ["d-3", "d-1"]
    assert [each.id for each in await store.page(Wanted(kind="webhook"), None, 9)] == ["hook"]
    assert await store.page(Wanted(official="another"), None, 9) == []
    claimed = await ports.claim()
    assert claimed is not None
    assert await store.keep_message(claimed, MESSAGE, None, TOLD_AT)
    assert await store.mark_failed(claimed, "550 no such user", None)
    (dead,) = await store.page(Wanted(state=DeliveryState.DEAD), None, 9)
    assert (dead.id, dead.tries, dead.reason, dead.message) == ("d-0", 1, "550 no such user", None)
    whole = await store.get("d-0")
    assert whole is not None
    assert whole.message == MESSAGE
    assert await store.get("unknown") is None


async def test_a_list_of_a_region_has_only_what_lies_within(database: Mongo) -> None:
    """A digest that also names a region elsewhere is not in it, nor a code that only begins alike."""
    places = {"11": ["11"], "below": ["11.01.01"], "both": ["11.01", "12"], "alike": ["110"], "ID": ["ID"]}
    await Ports(database).insert(
        *(
            delivery(id_, regions=tuple(regions), alerts=tuple(regions), rules=("r",) * len(regions))
            for id_, regions in places.items()
        )
    )
    store = MongoDeliveries(database)
    assert {each.id for each in await store.page(Wanted(region="11"), None, 9)} == {"11", "below"}
    assert len(await store.page(Wanted(region="ID"), None, 9)) == 5


async def test_a_dead_delivery_is_sent_again(database: Mongo) -> None:
    """For as long as a new one, with the same message; one that is not dead is left alone."""
    ports, store = Ports(database), MongoDeliveries(database)
    await ports.insert(delivery())
    claimed = await ports.claim()
    assert claimed is not None
    assert not await store.resend("d-1", LATER)
    assert await store.keep_message(claimed, MESSAGE, None, TOLD_AT)
    assert await store.mark_failed(claimed, "550", None)
    assert await store.resend("d-1", LATER)
    again = await ports.claim("one", LEASE)
    assert again is not None
    assert (again.message, again.tries, again.first_try_at, again.reason) == (MESSAGE, 0, LATER, None)
    assert not await store.mark_sent(claimed, LATER)
    assert not await store.resend("unknown", LATER)


async def test_what_was_not_sent_is_counted_by_kind(database: Mongo) -> None:
    """What waits, since when, and what is dead; not what was sent."""
    ports, store = Ports(database), MongoDeliveries(database)
    await ports.insert(at(0, "sent"), at(1, "dead"), at(2, "d-2"), at(3, "d-3"), at(4, "hook", "webhook:https://a"))
    for end in ("sent", "dead"):
        claimed = await ports.claim("one", timedelta(minutes=3))
        assert claimed is not None
        assert claimed.id == end
        assert await (store.mark_sent(claimed, LATER) if end == "sent" else store.mark_failed(claimed, "550", None))
    minutes = timedelta(minutes=1)
    assert sorted(await store.backlog(), key=lambda each: each.kind) == [
        Backlog("email", 2, 1, TOLD_AT + 2 * minutes), Backlog("webhook", 1, 0, TOLD_AT + 4 * minutes),
    ]  # fmt: skip


async def test_messages_are_forgotten_some_time_after_they_were_sent(database: Mongo) -> None:
    """The delivery stays; what waits or is dead keeps its message, for it may still be sent."""
    store, old, new = MongoDeliveries(database), TOLD_AT - timedelta(days=91), TOLD_AT - timedelta(days=89)
    sent: dict[str, Any] = {"state": DeliveryState.SENT, "message": MESSAGE}
    states: dict[str, dict[str, Any]] = {"old": {**sent, "sent_at": old}, "new": {**sent, "sent_at": new}}
    states |= {"dead": {"state": DeliveryState.DEAD, "message": MESSAGE}, "waits": {"message": MESSAGE}}
    for id_, state in states.items():
        await database["deliveries"].insert_one(delivery_document(delivery(id_, **state)))
    assert await store.forget_messages(TOLD_AT - timedelta(days=90)) == 1
    found = {id_: await store.get(id_) for id_ in states}
    assert {id_: each is not None and each.message is not None for id_, each in found.items()} == {
        "old": False, "new": True, "dead": True, "waits": True,
    }  # fmt: skip
    assert found["old"] == delivery("old", **sent | {"sent_at": old, "message": None})
    assert await store.forget_messages(TOLD_AT - timedelta(days=90)) == 0
    used = await database["deliveries"].aggregate([{"$indexStats": {}}, {"$match": {"name": "kept"}}]).to_list(None)
    assert used[0]["accesses"]["ops"] > 0
