"""One suite for the notifier's ports, on the fakes and on MongoDB, with expectations written by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from services.notifier.adapters.mongo_deliveries import MongoDeliveries, PageStart
from services.notifier.adapters.mongo_store import MongoStore
from services.notifier.application.alerts import Alert, AlertState, Delivery, DeliveryState, Message, Transition
from services.notifier.application.ports import DeliveryStore, EvaluationStore, Findings, Transaction
from services.notifier.domain.figures import Figure
from services.notifier.domain.hysteresis import Phase, Reason, RuleState
from shared.adapters.mongo import Mongo
from shared.runtime.errors import FencedError
from tests.factories_notifier import NOW, aceh_at_40, child, rule, snapshot
from tests.fakes_notifier import MemoryStore, ReadableMetrics

LEASE = timedelta(seconds=30)
LATER = NOW + timedelta(minutes=1)
MESSAGE = Message("gubernur.aceh@example.id", "Aceh", "teks −", "<p>", "Sat, 21 Nov 2026 14:34:57 +0700")


@dataclass
class Ports:
    """The two sides of one store."""

    store: EvaluationStore
    deliveries: DeliveryStore


@pytest.fixture
async def mongo(mongodb_uri: str, namespace: str) -> AsyncIterator[Mongo]:
    """A database of the test's own, prepared twice as by two replicas."""
    mongo = Mongo(mongodb_uri, f"{namespace.replace('.', '_')}notifier", "notifier-0")
    await MongoStore(mongo).prepare()
    await MongoStore(mongo).prepare()
    yield mongo
    mongo.close()


@pytest.fixture(params=["fake", "real"])
def ports(request: pytest.FixtureRequest) -> Ports:
    """The store in memory and in MongoDB."""
    if request.param == "fake":
        memory = MemoryStore()
        return Ports(memory, memory)
    return real(request.getfixturevalue("mongo"))


def real(mongo: Mongo) -> Ports:
    """Return the store in MongoDB."""
    return Ports(MongoStore(mongo), MongoDeliveries(mongo))


def alert(region: str = "11", episode: int = 1, minutes: int = 0) -> Alert:
    """Return an alert raised so many minutes after NOW."""
    shot = replace(aceh_at_40()[0], region=region, parent=None)
    return Alert(rule(), shot, episode, NOW + timedelta(minutes=minutes))


def delivery(id_: str = "d-1", of: str = "a-1", minutes: int = 0) -> Delivery:
    """Return a delivery made, and due, so many minutes after NOW."""
    at = NOW + timedelta(minutes=minutes)
    return Delivery(id_, of, "gubernur-aceh", "email", at, at, "00-trace")


def transition(before: Phase, after: Phase, reason: Reason, version: int, episode: int) -> Transition:
    """Return a transition of the rule in Aceh, as many minutes after NOW as its version."""
    at = NOW + timedelta(minutes=version)
    return Transition(
        "active-40", "11", before, RuleState(after, at, episode, version), reason, at, Figure(6_844, 17_109)
    )


PENDING = transition(Phase.OK, Phase.PENDING, Reason.HOLD_STARTED, 1, 0)
FIRING = transition(Phase.PENDING, Phase.FIRING, Reason.RAISED, 2, 1)
RECOVERING = transition(Phase.FIRING, Phase.RECOVERING, Reason.HOLD_STARTED, 3, 1)
CLEARED = transition(Phase.RECOVERING, Phase.OK, Reason.CLEARED, 4, 1)
AGAIN = transition(Phase.OK, Phase.PENDING, Reason.HOLD_STARTED, 5, 1)


async def write(ports: Ports, **findings: object) -> None:
    """Write findings in a transaction of their own."""

    async def work(transaction: Transaction) -> None:
        await transaction.write(Findings(**findings))  # type: ignore[arg-type]

    await ports.store.transact(work)


async def test_a_position_moves_only_from_where_it_stands(ports: Ports) -> None:
    """It begins at 0. A replica that expects another position is fenced and writes nothing."""
    assert await ports.store.positions([0, 11]) == {0: 0, 11: 0}

    async def work(transaction: Transaction) -> None:
        await transaction.move_positions({11: (0, 7)})
        await transaction.write(Findings(snapshots={"11": snapshot(1)}))

    await ports.store.transact(work)
    with pytest.raises(FencedError):
        await ports.store.transact(work)
    assert await ports.store.positions([0, 11]) == {0: 0, 11: 7}


async def test_a_transaction_that_raises_writes_nothing(ports: Ports) -> None:
    """All or nothing."""

    async def work(transaction: Transaction) -> None:
        await transaction.write(Findings({"11": snapshot(1)}, [PENDING], [], [delivery()]))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await ports.store.transact(work)
    assert await ports.store.waiting(["active-40"]) == {}
    assert await ports.deliveries.next_due() is None
    assert await ports.deliveries.children("ID") == []


async def test_the_latest_snapshot_of_a_region_is_kept_whole(ports: Ports) -> None:
    """With its order, in whole milliseconds; the children of a region come in order of code."""
    region, _ = aceh_at_40()
    newer = replace(region, position=9_000, as_of=NOW + timedelta(microseconds=123_456))
    await write(ports, snapshots={"11": region, "11.02": child("11.02", 2), "11.01": child("11.01", 1)})
    await write(ports, snapshots={"11": newer})

    async def check(transaction: Transaction) -> None:
        assert await transaction.orders(["11", "12"]) == {"11": (9_000, NOW + timedelta(microseconds=123_000))}
        assert await transaction.latest("11") == newer
        assert await transaction.latest("12") is None

    await ports.store.transact(check)
    assert [shot.region for shot in await ports.deliveries.children("11")] == ["11.01", "11.02"]
    assert await ports.deliveries.children("12") == []


async def test_states_are_read_back_and_waiting_states_are_found(ports: Ports) -> None:
    """Only those of the rules asked for."""
    await write(ports, transitions=[PENDING])

    async def check(transaction: Transaction) -> None:
        assert await transaction.states(["11", "12"]) == {("active-40", "11"): PENDING.state}
        assert await transaction.states(["12"]) == {}

    await ports.store.transact(check)
    assert await ports.store.waiting(["active-40"]) == {("active-40", "11"): PENDING.state}
    assert await ports.store.waiting(["another"]) == {}
    await write(ports, transitions=[FIRING], alerts=[alert()])
    assert await ports.store.waiting(["active-40"]) == {}


@pytest.mark.parametrize("first", [True, False], ids=["first transition", "later transition"])
async def test_a_transition_from_an_old_state_is_fenced(ports: Ports, first: bool) -> None:
    """Of two replicas that make the same transition only one writes, alerts and deliveries included."""
    await write(ports, transitions=[PENDING])
    if not first:
        await write(ports, transitions=[FIRING], alerts=[alert()])
    with pytest.raises(FencedError):
        await write(ports, transitions=[PENDING if first else FIRING], deliveries=[delivery()])
    assert await ports.deliveries.next_due() is None


async def test_an_alert_follows_the_transitions_of_its_episode(ports: Ports) -> None:
    """Firing, recovering, cleared with the time; the next episode does not change it."""
    raised = alert()
    await write(ports, transitions=[PENDING])
    await write(ports, transitions=[FIRING], alerts=[raised])
    assert await ports.deliveries.alert(raised.id) == raised
    await write(ports, transitions=[RECOVERING])
    found = await ports.deliveries.alert(raised.id)
    assert found is not None
    assert (found.state, found.cleared_at) == (AlertState.RECOVERING, None)
    await write(ports, transitions=[CLEARED, AGAIN])
    found = await ports.deliveries.alert(raised.id)
    assert found == replace(raised, state=AlertState.CLEARED, cleared_at=CLEARED.at)
    assert await ports.deliveries.alert("unknown") is None


async def test_the_transitions_of_an_episode_are_read_in_order(mongo: Mongo) -> None:
    """From the one before the alert was raised to the one that cleared it; the gauges show the present state."""
    await write(real(mongo), transitions=[PENDING])
    await write(real(mongo), transitions=[FIRING], alerts=[alert()], deliveries=[delivery()])
    metrics = ReadableMetrics("active-40")
    await MongoDeliveries(mongo).show(metrics)
    assert metrics.value("notifier_alerts", rule="active-40", state="firing") == 1
    assert metrics.value("notifier_deliveries_waiting") == 1
    for transition in (RECOVERING, CLEARED, AGAIN):
        await write(real(mongo), transitions=[transition])
    assert await MongoDeliveries(mongo).transitions(alert()) == [PENDING, FIRING, RECOVERING, CLEARED]


async def test_an_existing_alert_or_delivery_is_left_as_it_is(ports: Ports) -> None:
    """A delivery that was sent does not wait again."""
    await write(ports, alerts=[alert()], deliveries=[delivery()])
    claimed = await ports.deliveries.claim("one", NOW, LATER)
    assert claimed is not None
    assert await ports.deliveries.mark_sent(claimed, NOW)
    await write(ports, alerts=[alert(minutes=5)], deliveries=[delivery()])
    assert await ports.deliveries.next_due() is None
    assert await ports.deliveries.alert(alert().id) == alert()


async def test_alerts_of_a_region_and_below_are_listed_newest_first(mongo: Mongo) -> None:
    """By state and page by page, without a region whose code only begins alike."""
    places = {"11": 1, "11.01": 3, "11.01.01": 2, "12": 4, "ID": 5}
    await write(real(mongo), alerts=[alert(region, minutes=minutes) for region, minutes in places.items()])

    async def listed(region: str, state: AlertState | None = None, after: PageStart | None = None) -> list[str]:
        found = await MongoDeliveries(mongo).alerts(region, state, after, 2)
        return [each.snapshot.region for each in found]

    assert await listed("11") == ["11.01", "11.01.01"]
    assert await listed("11", after=PageStart(NOW + timedelta(minutes=2), alert("11.01.01").id)) == ["11"]
    assert await listed("11.01.01") == ["11.01.01"]
    assert await listed("1") == []
    assert await listed("ID") == ["ID", "12"]
    assert await listed("ID", AlertState.FIRING) == ["ID", "12"]
    assert await listed("ID", AlertState.CLEARED) == []


async def test_the_delivery_due_longest_is_claimed_by_one(ports: Ports) -> None:
    """Others wait until the claim expires, and then the first worker can record nothing."""
    await write(ports, deliveries=[delivery("d-2", minutes=2), delivery("d-1", minutes=1)])
    assert await ports.deliveries.claim("one", NOW, LATER) is None
    assert await ports.deliveries.next_due() == LATER
    claimed = await ports.deliveries.claim("one", LATER, LATER + LEASE)
    assert claimed == replace(delivery("d-1", minutes=1), due_at=LATER + LEASE, claims=1)
    assert await ports.deliveries.claim("two", LATER, LATER + LEASE) is None
    taken_over = await ports.deliveries.claim("two", LATER + LEASE, LATER + 2 * LEASE)
    assert taken_over is not None
    assert (taken_over.id, taken_over.claims) == ("d-1", 2)
    assert not await ports.deliveries.mark_sent(claimed, LATER)
    assert not await ports.deliveries.mark_failed(claimed, "451", LATER)
    assert not await ports.deliveries.keep_message(claimed, MESSAGE)
    assert await ports.deliveries.mark_sent(taken_over, LATER)
    assert not await ports.deliveries.mark_sent(taken_over, LATER)


async def test_a_message_is_kept_for_later_tries(ports: Ports) -> None:
    """With the number of failed attempts and the last reason."""
    await write(ports, deliveries=[delivery()])
    first = await ports.deliveries.claim("one", NOW, LATER)
    assert first is not None
    assert await ports.deliveries.keep_message(first, MESSAGE)
    assert await ports.deliveries.mark_failed(first, "451 later", NOW + LEASE)
    assert await ports.deliveries.claim("one", NOW, LATER) is None
    second = await ports.deliveries.claim("one", NOW + LEASE, LATER)
    assert second is not None
    assert (second.message, second.tries, second.reason) == (MESSAGE, 1, "451 later")
    assert await ports.deliveries.mark_failed(second, "550 no such user", None)
    assert await ports.deliveries.next_due() is None


async def test_a_postponed_delivery_counts_no_attempt(ports: Ports) -> None:
    """It is due again at that time."""
    await write(ports, deliveries=[delivery()])
    claimed = await ports.deliveries.claim("one", NOW, LATER)
    assert claimed is not None
    await ports.deliveries.postpone(claimed, NOW + LEASE)
    again = await ports.deliveries.claim("one", NOW + LEASE, LATER)
    assert again is not None
    assert (again.tries, again.claims) == (0, 2)


async def test_a_restarted_holder_releases_only_its_own_claims(ports: Ports) -> None:
    """Neither claims of others nor pauses between attempts."""
    await write(ports, deliveries=[delivery("mine"), delivery("paused"), delivery("other")])
    claimed = {}
    for holder in ("one", "one", "two"):
        found = await ports.deliveries.claim(holder, NOW, LATER)
        assert found is not None
        claimed[holder] = found
    assert await ports.deliveries.mark_failed(claimed["one"], "451", LATER)
    await ports.deliveries.release("one", NOW)
    released = await ports.deliveries.claim("one", NOW, LATER)
    assert released is not None
    assert released.id not in (claimed["one"].id, claimed["two"].id)
    assert await ports.deliveries.claim("one", NOW, LATER) is None


async def test_deliveries_are_listed_newest_first(mongo: Mongo) -> None:
    """Page by page, and those of one alert; with their state."""
    deliveries = MongoDeliveries(mongo)
    await write(real(mongo), deliveries=[delivery(f"d-{n}", of=f"a-{n % 2}", minutes=n) for n in range(4)])
    page = await deliveries.deliveries(None, 3)
    assert [each.id for each in page] == ["d-3", "d-2", "d-1"]
    rest = await deliveries.deliveries(PageStart(page[-1].created_at, page[-1].id), 3)
    assert [each.id for each in rest] == ["d-0"]
    assert [each.id for each in await deliveries.deliveries_of("a-1")] == ["d-1", "d-3"]
    claimed = await deliveries.claim("one", NOW, LATER)
    assert claimed is not None
    assert await deliveries.mark_failed(claimed, "550 no such user", None)
    (dead,) = (each for each in await deliveries.deliveries(None, 4) if each.id == claimed.id)
    assert (dead.state, dead.tries, dead.reason) == (DeliveryState.DEAD, 1, "550 no such user")
