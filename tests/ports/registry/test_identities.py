"""Identities, erasure and the keyring: one suite on the fakes and on MongoDB, and what only real transactions show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from services.registry.domain.participant import Participant, decide
from services.registry.identity.mongo.keyring import MongoKeyring
from services.registry.identity.ports import Erasure, Keyed, KeyStore, Layers
from services.registry.intake.mongo.store import MongoStore
from services.registry.intake.ports import GroupWrite, KnownFact, Slot, Store, Transaction
from shared.adapters.mongo import Mongo
from shared.adapters.mongo_leases import MongoLeases
from shared.runtime.errors import PermanentError
from tests.factories_registry import at, enrolled
from tests.fakes_keyring import MemoryKeyring
from tests.fakes_registry import MemoryStore

NOW = at("2026-11-21T10:00:00+07:00")
NOTHING = GroupWrite(
    participants=(), new=(), gone=(), moved={}, entries=(), recorded_at=NOW, traceparent="00-trace"
)  # fmt: skip


@dataclass
class Ports:
    """A store and the keyring over it."""

    store: Store
    keyring: KeyStore


@pytest.fixture
async def mongo(mongodb_uri: str, namespace: str) -> AsyncIterator[Mongo]:
    """A database of this test's own."""
    opened = Mongo(mongodb_uri, f"{namespace.replace('.', '_')}registry", "registry-0")
    await MongoStore(opened).prepare()
    yield opened
    opened.close()


@pytest.fixture(params=["fake", "real"])
def ports(request: pytest.FixtureRequest) -> Ports:
    """The same ports twice."""
    if request.param == "fake":
        memory = MemoryStore()
        return Ports(memory, MemoryKeyring(memory))
    real = request.getfixturevalue("mongo")
    return Ports(MongoStore(real), MongoKeyring(real))


def introduces(*rows: Keyed, layer: int = 1) -> GroupWrite:
    """Return a write of these identities and of one fact by its digest."""
    slots = {
        ("bpjs/aceh", row.holder): Slot(KnownFact(row.hashed, "enrolled", NOW, (row.holder,), layer)) for row in rows
    }
    return replace(NOTHING, identities=rows, slots=slots)


def person(name: str, *ids: str, new: bool = True) -> GroupWrite:
    """Return what writes a person with these enrolments."""
    participant, _ = decide(Participant(name), [enrolled(id_, holder=name) for id_ in ids], (), NOW)
    return replace(NOTHING, participants=[participant], new=[name] if new else ())


async def write(store: Store, group: GroupWrite) -> None:
    await store.transact(lambda transaction: transaction.write(group))


async def erase(store: Store, who: str, *holders: str) -> int:
    return await store.transact(lambda t: t.erase(Erasure(who, {who, *holders}, "operator", NOW, False)))


async def found(store: Store, *hashes: bytes) -> tuple[dict[bytes, str], Layers]:
    async def look(transaction: Transaction) -> tuple[dict[bytes, str], Layers]:
        held = await transaction.holders(hashes)
        return dict(held.by_hash), held.layers

    return await store.transact(look)


async def test_a_store_begins_with_its_first_key_and_is_opened_by_no_other(ports: Ports) -> None:
    """A wrong or a cut-off key file is told at once: with it everyone would be new."""
    assert await ports.keyring.open(["k1", "k2"]) == Layers(1, 1)
    assert await ports.keyring.open(["k1"]) == Layers(1, 1)
    with pytest.raises(PermanentError):
        await ports.keyring.open(["k9"])
    await ports.keyring.begin("k2", 2)
    assert await ports.keyring.open(["k1", "k2", "k3"]) == Layers(1, 2)
    for wrong in (["k1"], ["k2", "k1"], ["k1", "k3"]):
        with pytest.raises(PermanentError):
            await ports.keyring.open(wrong)


async def test_whoever_looks_an_identity_up_sees_the_layers_in_use(ports: Ports) -> None:
    """Begun and retired once, however often it is asked for."""
    await ports.keyring.open(["k1", "k2"])
    assert await found(ports.store) == ({}, Layers(1, 1))
    for _ in range(2):
        await ports.keyring.begin("k2", 2)
        assert await found(ports.store, b"unknown") == ({}, Layers(1, 2))
    for _ in range(2):
        await ports.keyring.retire(1)
        assert await found(ports.store, b"unknown") == ({}, Layers(2, 2))


async def test_rows_move_to_the_new_key_with_their_holders(ports: Ports) -> None:
    """Also one that was introduced at both; what is not of the old key is left alone."""
    await ports.keyring.open(["k1", "k2"])
    await write(ports.store, introduces(*(Keyed(b"%d" % n, f"h{n}", "k1") for n in range(5)), Keyed(b"x4", "h4", "k2")))
    moved = [rows async for rows in ports.keyring.move_identities("k1", "k2", lambda hashed: b"x" + hashed)]
    assert sum(moved) == 5
    holders, _ = await found(ports.store, *(b"%d" % n for n in range(5)), *(b"x%d" % n for n in range(5)))
    assert holders == {b"x%d" % n: f"h{n}" for n in range(5)}
    assert [rows async for rows in ports.keyring.move_identities("k1", "k2", lambda hashed: hashed)] == []


async def test_digests_are_raised_from_the_layer_they_are_at_once(ports: Ports) -> None:
    """And the fact stays what it was otherwise."""
    await write(ports.store, introduces(Keyed(b"1", "h1", "k1")))
    await write(ports.store, introduces(Keyed(b"2", "h2", "k2"), layer=2))
    for expected in (2, 0):
        raised = [rows async for rows in ports.keyring.move_facts(3, lambda digest, below: digest + b"+" * (3 - below))]
        assert sum(raised) == expected
    keys = [("bpjs/aceh", "h1"), ("bpjs/aceh", "h2")]
    slots = await ports.store.transact(lambda transaction: transaction.slots(keys))
    known = {key: slot.fact for key, slot in slots.items() if slot.fact}
    assert [(known[key].digest, known[key].layer, known[key].holders) for key in keys] == [
        (b"1++", 3, ("h1",)), (b"2+", 3, ("h2",)),
    ]  # fmt: skip


async def test_dropping_takes_the_rows_of_retired_keys_and_no_others(ports: Ports) -> None:
    """However often it is asked for."""
    await ports.keyring.open(["k1", "k2"])
    await write(ports.store, introduces(Keyed(b"1", "h1", "k1"), Keyed(b"x1", "h1", "k2")))
    assert await ports.keyring.sizes() >= (2, 1)
    for _ in range(2):
        await ports.keyring.drop(["k1"])
    assert (await found(ports.store, b"1", b"x1"))[0] == {b"x1": "h1"}


async def test_erasing_forgets_every_row_of_the_holders_and_counts_each_identity_once(ports: Ports) -> None:
    """At however many layers it was; others stay known."""
    rows = [Keyed(b"1", "h1", "k1"), Keyed(b"x1", "h1", "k2"), Keyed(b"2", "h2", "k1"), Keyed(b"3", "h3", "k1")]
    await write(ports.store, introduces(*rows))
    await write(ports.store, person("h1", "f-1"))
    assert await erase(ports.store, "h1", "h2") == 2
    assert (await found(ports.store, *(row.hashed for row in rows)))[0] == {b"3": "h3"}
    people = await ports.store.transact(lambda transaction: transaction.participants(["h1"]))
    assert [who.id for who in people] == ["h1"]


async def test_a_replica_without_the_key_is_named_while_it_is_present(mongo: Mongo) -> None:
    """Those that say nothing of their keys are of an older release, and are named too."""
    leases, keyring, ttl = MongoLeases(mongo), MongoKeyring(mongo), timedelta(seconds=5)
    await leases.prepare_leases([])
    for name, keys in (("new", ["k1", "k2"]), ("old", ["k1"])):
        await keyring.announce(name, keys)
        await leases.announce(name, NOW, ttl)
    await leases.announce("older", NOW, ttl)
    assert await keyring.members_without("k2", NOW) == ["old", "older"]
    assert await keyring.members_without("k2", NOW + ttl) == []


async def test_trouble_names_the_keys_that_do_not_fit(mongo: Mongo) -> None:
    """And never the keys themselves, which nobody gave it."""
    keyring = MongoKeyring(mongo)
    await keyring.open(["k1", "k2"])
    assert await keyring.trouble(["k1"]) is None
    await keyring.begin("k2", 2)
    assert "k2 is missing" in (await keyring.trouble(["k1"]) or "")
    assert "written with k1, k2" in (await keyring.trouble(["k9"]) or "")


async def test_a_keyring_knows_since_when_its_newest_key_is_in_use(mongo: Mongo) -> None:
    """A keyring of an older version, which has no day, gets one when it is opened; a key that begins has its own."""
    keyring = MongoKeyring(mongo)
    assert await keyring.newest_since() is None
    await keyring.open(["k1", "k2"])
    await mongo["identities"].update_one({"_id": "keyring"}, {"$unset": {"since": 1}})
    assert await keyring.newest_since() is None
    await keyring.open(["k1", "k2"])
    first = await keyring.newest_since()
    assert first is not None
    await keyring.open(["k1", "k2"])
    assert await keyring.newest_since() == first
    await mongo["identities"].update_one({"_id": "keyring"}, {"$set": {"since": first - timedelta(days=400)}})
    await keyring.begin("k2", 2)
    begun = await keyring.newest_since()
    assert begun is not None
    assert begun >= first


@pytest.mark.parametrize("known_before", [True, False])
async def test_a_fact_and_an_erasure_at_one_time_come_one_after_the_other(mongo: Mongo, known_before: bool) -> None:
    """Whichever commits second begins anew, and then sees what the first has done; with or without a person yet."""
    store = MongoStore(mongo)
    await write(store, introduces(Keyed(b"1", "h1", "k1")))
    if known_before:
        await write(store, person("h1", "f-1"))
    seen: list[bool] = []

    async def fact(transaction: Transaction) -> None:
        known = bool((await transaction.holders([b"1"])).by_hash)
        seen.append(known)
        if known:
            if len(seen) == 1:
                await erase(store, "h1")
            await transaction.write(person("h1", "f-1", "f-2", new=not known_before))

    await store.transact(fact)
    assert seen == [True, False]


async def test_an_erasure_while_its_row_is_moved_leaves_no_row(mongo: Mongo) -> None:
    """Nor does one of many erased while all are moved."""
    store, keyring = MongoStore(mongo), MongoKeyring(mongo)
    await keyring.open(["k1", "k2"])
    rows = [Keyed(b"%04d" % n, f"h{n}", "k1") for n in range(600)]
    await write(store, introduces(*rows))

    async def move() -> None:
        async for _ in keyring.move_identities("k1", "k2", lambda hashed: b"x" + hashed):
            pass

    await asyncio.gather(move(), *(erase(store, f"h{n}") for n in range(0, 600, 25)))
    left = await mongo["identities"].find({"holder": {"$ne": None}}).to_list(None)
    assert {row["key"] for row in left} == {"k2"}
    assert {row["holder"] for row in left} == {f"h{n}" for n in range(600) if n % 25}


async def test_the_keyring_waits_for_the_transactions_open_now_and_for_no_later_ones(mongo: Mongo) -> None:
    """Others come and go meanwhile; afterwards everyone who writes has seen what was in use before."""
    store, keyring = MongoStore(mongo), MongoKeyring(mongo)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(transaction: Transaction) -> None:
        await transaction.holders([b"1"])
        begun.set()
        await go_on.wait()

    open_one = asyncio.create_task(store.transact(slow))
    await begun.wait()
    settling = asyncio.create_task(keyring.await_open_transactions())
    for _ in range(20):
        await found(store, b"1")
    assert not settling.done()
    go_on.set()
    await open_one
    await settling
